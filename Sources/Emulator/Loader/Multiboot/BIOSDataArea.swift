/// What kernels for PCs look for in the first page, where no BIOS has run.
///
/// Multiboot kernels know it is there, since BIOS boot loaders start them; Xen takes the end of its
/// low memory from it, and goes back to real-address mode to ask the BIOS for a memory map.
enum BIOSDataArea {
  /// Where it is.
  static let address: UInt64 = 0x400
  /// Where the code is that all vectors lead to, in what a BIOS leaves to applications.
  static let refusalAddress: UInt64 = 0x4F0

  /// The interrupt vector table: whatever a kernel asks for, the answer is CF, "not supported".
  static var vectors: [UInt8] {
    (0..<256).flatMap { _ in
      [UInt8(refusalAddress & 0xFF), UInt8(refusalAddress >> 8), 0, 0]
    }
  }

  /// PUSH BP; MOV BP, SP; OR BYTE PTR [BP+6], 1; POP BP; IRET.
  static let refusal: [UInt8] = [0x55, 0x89, 0xE5, 0x80, 0x4E, 0x06, 0x01, 0x5D, 0xCF]

  /// Bytes of it that are filled in.
  private static let size = 0xF0

  /// Its bytes.
  static var bytes: [UInt8] {
    var bytes = [UInt8](repeating: 0, count: size)
    func set(_ offset: Int, _ value: UInt16) {
      bytes[offset] = UInt8(value & 0xFF)
      bytes[offset + 1] = UInt8(value >> 8)
    }
    for (index, port) in PortMap.serial.enumerated() { set(index * 2, port) }
    // The segment of the extended BIOS data area, and KiB of memory below it.
    set(0x0E, UInt16(MemoryMap.extendedBIOSData >> 4))
    set(0x13, UInt16(MemoryMap.extendedBIOSData >> 10))
    // Video mode 3: 80 columns, the CRTC's port, 25 rows less one.
    bytes[0x49] = 3
    set(0x4A, 80)
    set(0x63, 0x3D4)
    bytes[0x84] = 24
    return bytes
  }
}
