extension IDEDrive {
  /// The 256 words of IDENTIFY DEVICE or IDENTIFY PACKET DEVICE.
  ///
  /// ATA/ATAPI-6, "IDENTIFY DEVICE".
  var identification: [UInt8] {
    var words = [UInt16](repeating: 0, count: 256)
    identifyCommon(&words)
    if isOptical { identifyOptical(&words) } else { identifyDisk(&words) }
    return words.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
  }

  private func identifyCommon(_ words: inout [UInt16]) {
    Self.set("EMU\(isOptical ? "CD" : "HD")\(name)", in: &words, 10..<20)
    Self.set("1.0", in: &words, 23..<27)
    Self.set(isOptical ? "EMU CD-ROM" : "EMU HARDDISK", in: &words, 27..<47)
    // LBA and DMA; IORDY.
    words[49] = 1 << 11 | 1 << 9 | 1 << 8
    // Words 64 to 70 and 88 hold.
    words[53] = 1 << 1 | 1 << 2
    words[63] = 7 | (registers.ultraMode == nil ? 1 << (8 + UInt16(registers.multiwordMode)) : 0)
    words[64] = 3
    for index in 65...68 { words[index] = 120 }
    words[80] = 0x7E
    words[88] = 0x3F | (registers.ultraMode.map { 1 << (8 + UInt16($0)) } ?? 0)
    // An 80-conductor cable was seen by device 0.
    words[93] = 1 << 14 | 1 << 13 | 1
  }

  private func identifyDisk(_ words: inout [UInt16]) {
    let cylinders = ATAGeometry().cylinders(of: blockCount)
    let current = registers.geometry
    words[0] = 0x0040
    words[1] = UInt16(cylinders)
    words[3] = 16
    words[6] = 63
    words[47] = 0x8000 | 16
    words[50] = 1 << 14
    words[53] |= 1
    words[54] = UInt16(truncatingIfNeeded: current.cylinders(of: blockCount))
    words[55] = UInt16(truncatingIfNeeded: current.heads)
    words[56] = UInt16(truncatingIfNeeded: current.sectors)
    Self.set(
      UInt64(current.cylinders(of: blockCount) * current.heads * current.sectors), in: &words,
      57..<59)
    words[59] = registers.multiple == 0 ? 0 : 0x100 | UInt16(registers.multiple)
    Self.set(min(blockCount, 0xFFF_FFFF), in: &words, 60..<62)
    // NOP, write cache; FLUSH CACHE (EXT), 48 bits.
    words[82] = 1 << 14 | 1 << 5
    words[83] = 1 << 14 | 1 << 13 | 1 << 12 | 1 << 10
    words[84] = 1 << 14
    words[85] = 1 << 14 | (registers.writesCache ? 1 << 5 : 0)
    words[86] = 1 << 13 | 1 << 12 | 1 << 10
    words[87] = 1 << 14
    Self.set(blockCount, in: &words, 100..<104)
  }

  private func identifyOptical(_ words: inout [UInt16]) {
    // A packet device of type CD, removable, which asks within 50 microseconds, 12-byte packets.
    words[0] = 0x85C0
    words[82] = 1 << 4
    words[85] = 1 << 4
    words[83] = 1 << 14
    words[84] = 1 << 14
    words[87] = 1 << 14
  }

  /// Two characters a word, the first in the upper byte, filled with blanks.
  private static func set(_ text: String, in words: inout [UInt16], _ range: Range<Int>) {
    var characters = Array(text.utf8.prefix(range.count * 2))
    characters += [UInt8](repeating: 0x20, count: range.count * 2 - characters.count)
    for (index, word) in range.enumerated() {
      words[word] = UInt16(characters[index * 2]) << 8 | UInt16(characters[index * 2 + 1])
    }
  }

  private static func set(_ number: UInt64, in words: inout [UInt16], _ range: Range<Int>) {
    for (index, word) in range.enumerated() {
      words[word] = UInt16(truncatingIfNeeded: number >> UInt64(index * 16))
    }
  }
}
