/// One line of text built without the heap: what the log, the console and a panic print.
///
/// It is written like any Swift string, `"\(count) frames at \(hex: base)"`, but costs a few hundred
/// bytes of code instead of the standard library's formatting; what does not fit is cut off.
package struct TextLine: ExpressibleByStringInterpolation {
  package static let capacity = 240

  private var storage = InlineArray<240, UInt8>(repeating: 0)
  package private(set) var count = 0

  package init() {}
  package init(stringLiteral value: StaticString) { append(value) }
  package init(stringInterpolation: Interpolation) { self = stringInterpolation.line }

  package subscript(index: Int) -> UInt8 { storage[index] }

  package mutating func append(byte: UInt8) {
    guard count < Self.capacity else { return }
    storage[count] = byte
    count += 1
  }

  package mutating func append(_ text: StaticString) {
    text.withUTF8Buffer { for byte in $0 { append(byte: byte) } }
  }

  package mutating func append(bytes: [UInt8]) {
    for byte in bytes { append(byte: byte) }
  }

  package mutating func append(line: borrowing TextLine) {
    for index in 0..<line.count { append(byte: line.storage[index]) }
  }

  /// Appends spaces until the line is `column` bytes long.
  package mutating func pad(to column: Int) {
    while count < column, count < Self.capacity { append(byte: 0x20) }
  }

  /// Lends the bytes written so far.
  package func withBytes<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
    storage.span.withUnsafeBufferPointer { all in
      body(UnsafeBufferPointer(rebasing: all[0..<count]))
    }
  }
}

// MARK: Numbers

extension TextLine {
  /// Appends `value` in decimal, right-aligned in `width` columns.
  package mutating func append(decimal value: UInt64, width: Int = 0, fill: UInt8 = 0x20) {
    var divisor: UInt64 = 1
    var digits = 1
    while value / divisor >= 10 {
      divisor &*= 10
      digits += 1
    }
    for _ in 0..<max(0, width - digits) { append(byte: fill) }
    while divisor > 0 {
      append(byte: 0x30 &+ UInt8(truncatingIfNeeded: value / divisor % 10))
      divisor /= 10
    }
  }

  /// Appends `value` in hexadecimal with the prefix 0x, in at least `digits` digits.
  package mutating func append(hex value: UInt64, digits: Int = 1) {
    append("0x")
    let needed = max(digits, (67 - value.leadingZeroBitCount) / 4, 1)
    for position in stride(from: needed - 1, through: 0, by: -1) {
      let digit = UInt8(truncatingIfNeeded: value >> UInt64(position &* 4) & 15)
      append(byte: digit < 10 ? 0x30 &+ digit : 0x57 &+ digit)
    }
  }

  /// Appends a size in the largest binary unit that keeps it exact, or nearly so: `640 KiB`.
  package mutating func append(size bytes: UInt64) {
    if bytes >= 10 << 30 {
      append(decimal: bytes >> 30)
      append(" GiB")
    } else if bytes >= 10 << 20 {
      append(decimal: bytes >> 20)
      append(" MiB")
    } else if bytes >= 1 << 10 {
      append(decimal: bytes >> 10)
      append(" KiB")
    } else {
      append(decimal: bytes)
      append(" bytes")
    }
  }
}

// MARK: Interpolation

extension TextLine {
  package struct Interpolation: StringInterpolationProtocol {
    package typealias StringLiteralType = StaticString
    package fileprivate(set) var line = TextLine()

    package init(literalCapacity: Int, interpolationCount: Int) {}
    package mutating func appendLiteral(_ literal: StaticString) { line.append(literal) }
    package mutating func appendInterpolation(_ text: StaticString) { line.append(text) }
    package mutating func appendInterpolation(_ other: TextLine) { line.append(line: other) }
    package mutating func appendInterpolation(text bytes: [UInt8]) { line.append(bytes: bytes) }
    package mutating func appendInterpolation(size bytes: UInt64) { line.append(size: bytes) }

    package mutating func appendInterpolation(_ value: some BinaryInteger, width: Int = 0) {
      if value < 0 {
        line.append(byte: 0x2d)
        line.append(decimal: UInt64(bitPattern: 0 &- Int64(truncatingIfNeeded: value)))
      } else {
        line.append(decimal: UInt64(truncatingIfNeeded: value), width: width)
      }
    }
    package mutating func appendInterpolation(hex value: some BinaryInteger, digits: Int = 1) {
      line.append(hex: UInt64(truncatingIfNeeded: value), digits: digits)
    }
    package mutating func appendInterpolation(
      _ text: StaticString, padded width: Int
    ) {
      let end = line.count + width
      line.append(text)
      line.pad(to: end)
    }
  }

  package typealias StringInterpolation = Interpolation
}
