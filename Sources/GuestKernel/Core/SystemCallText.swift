/// What `strace` writes its lines with: numbers in the usual bases, text in quotes, results with their errors.
package struct SystemCallText {
  package private(set) var bytes: [UInt8] = []
  package static let longestString = 32

  package init() {}

  mutating func append(string address: UInt64, _ fetch: TracedCall.Fetch) {
    guard address != 0, let text = fetch(address, SystemCallText.longestString + 1) else {
      return append(address: address)
    }
    let end = text.firstIndex(of: 0) ?? text.count
    quote(Array(text[..<min(end, SystemCallText.longestString)]))
    if end > SystemCallText.longestString { append("...") }
  }

  mutating func append(
    buffer address: UInt64, _ count: UInt64, _ fetch: TracedCall.Fetch
  ) {
    let shown = min(count, UInt64(SystemCallText.longestString))
    guard address != 0, let text = fetch(address, Int(shown)) else {
      return append(address: address)
    }
    quote(text)
    if count > shown { append("...") }
  }

  private mutating func quote(_ text: [UInt8]) {
    bytes.append(0x22)
    for byte in text {
      switch byte {
      case 0x0a: append("\\n")
      case 0x0d: append("\\r")
      case 0x09: append("\\t")
      case 0x22, 0x5c: bytes += [0x5c, byte]
      case 0x20..<0x7f: bytes.append(byte)
      default:
        append("\\")
        append(UInt64(byte), radix: 8)
      }
    }
    bytes.append(0x22)
  }

  /// ` = 5`, or ` = -1 ENOENT (no such file or directory)`.
  package mutating func append(result: UInt64, isAddress: Bool = false) {
    append(" = ")
    let value = Int64(bitPattern: result)
    if value < 0, value > -4096, let error = SystemError(rawValue: value) {
      append("-1 ")
      append(error.symbol)
      append(" (")
      append(error.name)
      append(")")
    } else if isAddress || result > 0xffff_ffff {
      append(address: result)
    } else {
      append(decimal: result)
    }
  }

  package mutating func append(_ text: StaticString) { text.withUTF8Buffer { bytes += $0 } }

  mutating func append(bytes more: [UInt8]) { bytes += more }

  package mutating func append(decimal value: UInt64) { append(value, radix: 10) }

  package mutating func append(signal number: Int32) {
    guard let signal = Signal(number), number < 32 else { return append(signed: Int64(number)) }
    append(signal.name)
  }

  mutating func append(signed value: Int64) {
    if value < 0 { bytes.append(0x2d) }
    append(value.magnitude, radix: 10)
  }

  mutating func append(address: UInt64) {
    guard address != 0 else { return append("NULL") }
    append(hexadecimal: address)
  }

  mutating func append(octal value: UInt64) {
    if value != 0 { append("0") }
    append(value, radix: 8)
  }

  mutating func append(hexadecimal value: UInt64) {
    if value != 0 { append("0x") }
    append(value, radix: 16)
  }

  private mutating func append(_ value: UInt64, radix: UInt64) {
    var digits: [UInt8] = []
    var rest = value
    repeat {
      let digit = UInt8(rest % radix)
      digits.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
      rest /= radix
    } while rest > 0
    bytes += digits.reversed()
  }
}
