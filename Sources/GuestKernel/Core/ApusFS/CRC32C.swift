/// The checksum of journal records: CRC-32C (Castagnoli), as iSCSI and ext4 use it.
package struct CRC32C {
  private var state: UInt32 = 0xffff_ffff

  package init() {}

  package var value: UInt32 { ~state }

  package mutating func add(_ bytes: UnsafeRawPointer, count: Int) {
    for offset in 0..<count { add(bytes.load(fromByteOffset: offset, as: UInt8.self)) }
  }

  package mutating func add(_ byte: UInt8) {
    let index = Int(UInt8(truncatingIfNeeded: state) ^ byte)
    state = state >> 8 ^ CRC32C.table[index]
  }

  /// The remainder of each byte value, bits reversed.
  private static let table: [UInt32] = {
    var table: [UInt32] = []
    for byte in 0..<256 as Range<UInt32> {
      var value = byte
      for _ in 0..<8 { value = value & 1 != 0 ? value >> 1 ^ 0x82f6_3b78 : value >> 1 }
      table.append(value)
    }
    return table
  }()
}
