/// Writes small bzImages, right ones and wrong ones, for tests.
public struct LinuxImageBuilder {
  /// The setup header's numbers by offset in the file, with their sizes.
  public var fields: [Int: (value: UInt64, size: Int)]
  /// The code at the 32-bit entry.
  public var code32: [UInt8]
  /// The code at the 64-bit entry, 200h bytes on.
  public var code64: [UInt8]
  /// Bytes taken from the end.
  public var cut = 0

  /// A relocatable kernel of protocol 2.15 for 1 MiB, with both entries.
  public init(code32: [UInt8] = TestCode.loop, code64: [UInt8] = TestCode.loop) {
    self.code32 = code32
    self.code64 = code64
    fields = [
      0x1F1: (1, 1), 0x1FE: (0xAA55, 2), 0x200: (0x6AEB, 2), 0x202: (0x5372_6448, 4),
      0x206: (0x20F, 2), 0x20E: (0x80, 2), 0x211: (1, 1), 0x214: (0x10_0000, 4),
      0x22C: (0x7FFF_FFFF, 4), 0x230: (0x20_0000, 4), 0x234: (1, 1), 0x236: (1, 2),
      0x238: (2047, 4), 0x258: (0x20_0000, 8), 0x260: (0x10_0000, 4),
    ]
  }

  /// The file.
  public func build() -> [UInt8] {
    var system = code32 + [UInt8](repeating: 0, count: max(0, 0x200 - code32.count)) + code64
    system += [UInt8](repeating: 0, count: (16 - system.count % 16) % 16)
    var setup = [UInt8](repeating: 0, count: 1024)
    let release = Array("6.0-test (somebody)".utf8) + [0]
    setup.replaceSubrange(0x280..<0x280 + release.count, with: release)
    var fields = fields
    if fields[0x1F4] == nil { fields[0x1F4] = (UInt64(system.count / 16), 4) }
    for (offset, field) in fields {
      setup.replaceSubrange(
        offset..<offset + field.size, with: ELFBuilder.number(field.value, field.size))
    }
    return Array((setup + system).dropLast(cut))
  }
}
