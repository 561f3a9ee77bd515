/// Numbers of bytes as people write them: `512`, `64k`, `2M`, `1G`, `50%`.
package enum ByteCount {
  /// A percentage is of `whole`; nil for what is no number, or too large for 64 bits.
  package static func parse(_ text: [UInt8], of whole: UInt64 = 0) -> UInt64? {
    guard let last = text.last else { return nil }
    var digits = text
    var unit: UInt64 = 1
    switch last | 0x20 {
    case UInt8(ascii: "k"): unit = 1 << 10
    case UInt8(ascii: "m"): unit = 1 << 20
    case UInt8(ascii: "g"): unit = 1 << 30
    default: break
    }
    if unit > 1 || last == UInt8(ascii: "%") { digits.removeLast() }
    guard let number = digits.decimal else { return nil }
    if last == UInt8(ascii: "%") { return number <= 100 ? whole / 100 * number : nil }
    let (bytes, isTooLarge) = number.multipliedReportingOverflow(by: unit)
    return isTooLarge ? nil : bytes
  }
}
