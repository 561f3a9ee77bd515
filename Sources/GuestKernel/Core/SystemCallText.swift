/// A system call in words, as `strace` prints it: `read(0, 0x7f10, 64) = 5`.
///
/// A letter for each argument says how to show it; the table of calls is where the letters come from.
/// d signed, u unsigned, l signed 64 bits, x hexadecimal, p an address, o octal, g a signal, s a string in
/// memory, b bytes in memory, as many as the next argument says.
package struct SystemCallText {
  package private(set) var bytes: [UInt8] = []
  package static let longestString = 32

  package init() {}

  /// `fetch` reads the program's memory: up to that many bytes, or nil when they cannot be read.
  package init(
    name: StaticString, letters: StaticString, arguments: [UInt64],
    fetch: (UInt64, Int) -> [UInt8]?
  ) {
    append(name)
    bytes.append(0x28)
    let letters = letters.withUTF8Buffer { Array($0) }
    for index in letters.indices {
      if index > 0 { append(", ") }
      let next = index + 1 < letters.count ? letters[index + 1] : 0
      let count = index + 1 < arguments.count ? arguments[index + 1] : 0
      append(letters[index], arguments[index], next == 0x75 ? count : nil, fetch)
    }
    bytes.append(0x29)
  }

  private mutating func append(
    _ letter: UInt8, _ value: UInt64, _ count: UInt64?, _ fetch: (UInt64, Int) -> [UInt8]?
  ) {
    switch letter {
    case 0x64: append(signed: Int64(Int32(truncatingIfNeeded: value)))
    case 0x6c: append(signed: Int64(bitPattern: value))
    case 0x75: append(decimal: value)
    case 0x6f:
      bytes.append(0x30)
      append(value, radix: 8)
    case 0x67: append(signal: Int32(truncatingIfNeeded: value))
    case 0x73: append(string: value, fetch)
    case 0x62 where count != nil: append(buffer: value, count ?? 0, fetch)
    default: append(address: value)
    }
  }

  private mutating func append(string address: UInt64, _ fetch: (UInt64, Int) -> [UInt8]?) {
    guard address != 0, let text = fetch(address, SystemCallText.longestString + 1) else {
      return append(address: address)
    }
    let end = text.firstIndex(of: 0) ?? text.count
    quote(Array(text[..<min(end, SystemCallText.longestString)]))
    if end > SystemCallText.longestString { append("...") }
  }

  private mutating func append(
    buffer address: UInt64, _ count: UInt64, _ fetch: (UInt64, Int) -> [UInt8]?
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

  package mutating func append(decimal value: UInt64) { append(value, radix: 10) }

  package mutating func append(signal number: Int32) {
    guard let signal = Signal(number), number < 32 else { return append(signed: Int64(number)) }
    append(signal.name)
  }

  private mutating func append(signed value: Int64) {
    if value < 0 { bytes.append(0x2d) }
    append(value.magnitude, radix: 10)
  }

  private mutating func append(address: UInt64) {
    guard address != 0 else { return append("NULL") }
    append("0x")
    append(address, radix: 16)
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
