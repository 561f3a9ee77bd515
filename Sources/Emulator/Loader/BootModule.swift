/// A file that is handed to the kernel as it is.
public struct BootModule: Equatable, Sendable {
  /// What the kernel knows it by.
  public let name: String
  /// Its content.
  public let bytes: [UInt8]

  /// A module with a name.
  public init(name: String, bytes: [UInt8]) {
    self.name = name
    self.bytes = bytes
  }
}
