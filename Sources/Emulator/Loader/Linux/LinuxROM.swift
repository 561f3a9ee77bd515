/// The option ROM that starts a Linux kernel when firmware comes to its boot entry.
///
/// Its source is Sources/Emulator/Generators/LinuxROM.S.
package enum LinuxROM {
  /// The name by which firmware finds it, and puts it into the boot order.
  package static let name = "genroms/linux.bin"

  private static let unit = 512
  /// The Plug and Play expansion header.
  private static let expansion = 0x20..<0x40
  private static let expansionChecksum = 0x29

  /// The ROM with its checksums: the bytes of the header, and of all, add up to zero.
  package static var bytes: [UInt8] {
    let size = (code.count + unit) / unit * unit
    var bytes = code + [UInt8](repeating: 0, count: size - code.count)
    bytes[expansionChecksum] = 0 &- bytes[expansion].reduce(0, &+)
    bytes[size - 1] = 0 &- bytes.reduce(0, &+)
    return bytes
  }
}
