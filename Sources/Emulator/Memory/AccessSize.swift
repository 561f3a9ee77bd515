/// The width of one bus access, in bytes.
public enum AccessSize: UInt8, Sendable, Codable {
  case byte = 1
  case word = 2
  case doubleword = 4
  case quadword = 8

  /// The bits of a 64-bit value that an access of this width carries.
  public var mask: UInt64 {
    self == .quadword ? .max : (1 << (UInt64(rawValue) * 8)) - 1
  }
}
