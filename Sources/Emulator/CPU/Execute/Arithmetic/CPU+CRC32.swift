extension CPU {
  /// CRC32: the accumulated remainder in the destination, with the source appended; bits are
  /// reflected, the polynomial is 11EDC6F41H.
  func crc32(_ i: borrowing Instruction) throws(Exception) {
    var source = try read(i.operand1, i)
    var remainder = UInt32(truncatingIfNeeded: try read(i.operand0, i))
    for _ in 0..<i.operand1.size {
      remainder =
        remainder >> 8
        ^ Self.remainders[Int((remainder ^ UInt32(truncatingIfNeeded: source)) & 0xFF)]
      source >>= 8
    }
    try write(i.operand0, i, UInt64(remainder))
  }

  /// The remainder of each byte.
  private static let remainders: InlineArray<256, UInt32> = {
    var table = InlineArray<256, UInt32>(repeating: 0)
    for byte in 0..<256 {
      var value = UInt32(byte)
      for _ in 0..<8 { value = value >> 1 ^ (value & 1 == 0 ? 0 : 0x82F6_3B78) }
      table[byte] = value
    }
    return table
  }()
}
