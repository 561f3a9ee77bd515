/// Why a file cannot be booted: one sentence that names the file.
public struct ImageError: Error, Equatable, CustomStringConvertible {
  /// The sentence.
  public let description: String

  /// Says what is wrong with the image `name`.
  public init(_ name: String, _ problem: String) {
    description = "\(name): \(problem)"
  }
}

extension UInt64 {
  /// The number as `0x…`, lower case.
  package var hex: String { "0x" + String(self, radix: 16) }

  /// The number with `digits` hexadecimal digits and no prefix.
  package func hex(digits: Int) -> String {
    let text = String(self, radix: 16)
    return String(repeating: "0", count: Swift.max(0, digits - text.count)) + text
  }
}
