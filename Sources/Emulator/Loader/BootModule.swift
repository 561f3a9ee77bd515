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

  /// The files one after another, each at a multiple of four, as Linux reads several cpio archives.
  static func concatenated(_ modules: [BootModule]) -> [UInt8] {
    var bytes: [UInt8] = []
    for module in modules {
      bytes += [UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4)
      bytes += module.bytes
    }
    return bytes
  }
}
