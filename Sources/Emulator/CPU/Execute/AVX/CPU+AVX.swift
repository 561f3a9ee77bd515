extension CPU {
  /// The instructions with a VEX prefix that use vector registers.
  ///
  /// The decoder has checked W, L and vvvv. What has a legacy form is executed by that form's
  /// method; the rest is here.
  func executeAVX(_ i: borrowing Instruction) throws(Exception) {
    switch i.map {
    case 2: try executeAVXSupplemental(i)
    case 3: try executeAVXImmediate(i)
    default: try executeSSE(i)
    }
  }

  /// 0F 38.
  private func executeAVXSupplemental(_ i: borrowing Instruction) throws(Exception) {
    switch i.opcode {
    case 0x0C, 0x0D, 0x16, 0x36: try permuteByVector(i)
    case 0x0E, 0x0F: try vtest(i)
    case 0x13: try vcvtph2ps(i)
    case 0x18, 0x19, 0x1A, 0x58, 0x59, 0x5A, 0x78, 0x79: try broadcast(i)
    case 0x2A: try moveFromOperand(i, aligned: true)
    case 0x2C...0x2F, 0x8C, 0x8E: try maskedMove(i)
    case 0x45...0x47: try shiftByVector(i)
    case 0x90...0x93: try gather(i)
    case 0x96...0x9F, 0xA6...0xAF, 0xB6...0xBF: try fusedMultiply(i)
    default: try executeSSE(i)
    }
  }

  /// 0F 3A.
  private func executeAVXImmediate(_ i: borrowing Instruction) throws(Exception) {
    switch i.opcode {
    case 0x00, 0x01, 0x04, 0x05: try permuteByImmediate(i)
    case 0x02: try blendDoublewords(i)
    case 0x06, 0x46: try permuteLanes(i)
    case 0x18, 0x38: try insertLane(i)
    case 0x19, 0x39: try extractLane(i)
    case 0x1D: try vcvtps2ph(i)
    case 0x4A, 0x4B, 0x4C: try blendByRegister(i)
    default: try executeSSE(i)
    }
  }

  /// VTESTPS, VTESTPD: ZF if no sign bit is in both operands, CF if none is in the source alone.
  private func vtest(_ i: borrowing Instruction) throws(Exception) {
    try checkAVX()
    let source = try loadVector(i)
    let destination = vector(i.reg)
    let isDouble = i.opcode == 0x0F
    var (common, alone): (UInt64, UInt64) = (0, 0)
    for lane in 0..<i.laneCount {
      common |= Self.signs(source[lane] & destination[lane], isDouble: isDouble)
      alone |= Self.signs(source[lane] & ~destination[lane], isDouble: isDouble)
    }
    setStatusFlags(
      (common == 0 ? StatusFlags.zero : 0) | (alone == 0 ? StatusFlags.carry : 0))
  }

  /// VPSRLVD, VPSRLVQ, VPSRAVD, VPSLLVD, VPSLLVQ: each element by a count of its own.
  private func shiftByVector(_ i: borrowing Instruction) throws(Exception) {
    let opcode = i.opcode
    if i.prefixes.contains(.rexW) {
      return try packed(i) {
        $0.combining($1, as: PackedInteger.Quadwords.self) {
          let count = min($1, 64)
          return opcode == 0x45 ? $0 >> count : $0 << count
        }
      }
    }
    try packed(i) {
      $0.combining($1, as: PackedInteger.Doublewords.self) {
        let count = min($1, 32)
        switch opcode {
        case 0x45: return $0 >> count
        case 0x46: return UInt32(bitPattern: Int32(bitPattern: $0) >> count)
        default: return $0 << count
        }
      }
    }
  }
}
