extension Vector {
  /// The eight doublewords.
  @inline(__always) var doublewords: SIMD8<UInt32> {
    // SAFETY: both are 32 bytes of plain data; hosts are little-endian, as the guest is.
    unsafeBitCast(self, to: SIMD8<UInt32>.self)
  }

  /// The four quadwords.
  @inline(__always) var quadwords: SIMD4<UInt64> {
    // SAFETY: both are 32 bytes of plain data.
    unsafeBitCast(self, to: SIMD4<UInt64>.self)
  }

  @inline(__always) init(_ doublewords: SIMD8<UInt32>) {
    // SAFETY: both are 32 bytes of plain data.
    self = unsafeBitCast(doublewords, to: Vector.self)
  }

  @inline(__always) init(_ quadwords: SIMD4<UInt64>) {
    // SAFETY: both are 32 bytes of plain data.
    self = unsafeBitCast(quadwords, to: Vector.self)
  }
}

/// Elements and lanes that change their places.
///
/// SDM volume 2, the *Operation* section of each instruction.
extension CPU {
  /// VBROADCASTSS, VBROADCASTSD, VBROADCASTF128, VBROADCASTI128, VPBROADCASTB, VPBROADCASTW,
  /// VPBROADCASTD, VPBROADCASTQ.
  func broadcast(_ i: borrowing Instruction) throws(Exception) {
    try checkAVX()
    let lane: UInt128
    switch i.opcode {
    case 0x1A, 0x5A: lane = try loadXMM(i, aligned: false)
    case 0x78: lane = UInt128(try loadElement(i, size: 1) &* 0x0101_0101_0101_0101) &* Self.twice
    case 0x79: lane = UInt128(try loadElement(i, size: 2) &* 0x0001_0001_0001_0001) &* Self.twice
    case 0x18, 0x58: lane = UInt128(try loadElement(i, size: 4) &* 0x1_0000_0001) &* Self.twice
    default: lane = UInt128(try loadElement(i, size: 8)) &* Self.twice
    }
    setVector(i, Vector(low: lane, high: lane))
  }

  /// What a quadword is multiplied with to stand twice in a lane.
  private static var twice: UInt128 { 1 << 64 | 1 }

  /// The lowest element of an xmm operand, or one of memory.
  private func loadElement(_ i: borrowing Instruction, size: UInt8) throws(Exception) -> UInt64 {
    i.hasMemory ? try loadOperand(i, size: size) : truncate(xmm(i.rm).low, toSize: size)
  }

  /// VPERMILPS and VPERMILPD by a vector of controls, VPERMPS, VPERMD.
  func permuteByVector(_ i: borrowing Instruction) throws(Exception) {
    switch i.opcode {
    case 0x0C:
      try packed(i) { source, control in
        let (from, to) = (
          source.elements(PackedInteger.Doublewords.self),
          control.elements(PackedInteger.Doublewords.self)
        )
        var result = from
        for k in 0..<4 { result[k] = from[Int(to[k] & 3)] }
        return UInt128(elements: result)
      }
    case 0x0D:
      try packed(i) { source, control in
        UInt128(
          low: control.low & 2 != 0 ? source.high : source.low,
          high: control.high & 2 != 0 ? source.high : source.low)
      }
    default:
      try checkAVX()
      let source = try loadVector(i).doublewords
      let order = firstSource(i).doublewords
      var result = source
      for k in 0..<8 { result[k] = source[Int(order[k] & 7)] }
      setVector(i, Vector(result))
    }
  }

  /// VPERMQ, VPERMPD, VPERMILPS and VPERMILPD by an immediate.
  func permuteByImmediate(_ i: borrowing Instruction) throws(Exception) {
    try checkAVX()
    let source = try loadVector(i)
    let order = i.immediate
    var result = Vector()
    switch i.opcode {
    case 0x04:
      for lane in 0..<i.laneCount {
        result[lane] = UInt128(
          elements: PackedInteger.shuffle(
            source[lane].elements(PackedInteger.Doublewords.self),
            order: UInt8(truncatingIfNeeded: order)))
      }
    case 0x05:
      for lane in 0..<i.laneCount {
        let (bits, from) = (order >> UInt64(2 &* lane), source[lane])
        result[lane] = UInt128(
          low: bits & 1 != 0 ? from.high : from.low, high: bits & 2 != 0 ? from.high : from.low)
      }
    default:
      let from = source.quadwords
      var to = from
      for k in 0..<4 { to[k] = from[Int(order >> UInt64(2 &* k) & 3)] }
      result = Vector(to)
    }
    setVector(i, result)
  }

  /// VPERM2F128, VPERM2I128.
  func permuteLanes(_ i: borrowing Instruction) throws(Exception) {
    try checkAVX()
    let b = try loadVector(i)
    let a = firstSource(i)
    let order = i.immediate
    func lane(_ control: UInt64) -> UInt128 {
      if control & 8 != 0 { return 0 }
      return control & 2 == 0 ? a[Int(control & 1)] : b[Int(control & 1)]
    }
    setVector(i, Vector(low: lane(order), high: lane(order >> 4)))
  }

  /// VINSERTF128, VINSERTI128.
  func insertLane(_ i: borrowing Instruction) throws(Exception) {
    try checkAVX()
    let lane = try loadXMM(i, aligned: false)
    var result = firstSource(i)
    result[Int(i.immediate & 1)] = lane
    setVector(i, result)
  }

  /// VEXTRACTF128, VEXTRACTI128.
  func extractLane(_ i: borrowing Instruction) throws(Exception) {
    try checkAVX()
    let lane = vector(i.reg)[Int(i.immediate & 1)]
    guard i.hasMemory else { return setVector(i.rm, Vector(low: lane)) }
    try store(lane, at: try linearAddress(i, size: 16, access: .write))
  }

  /// VPBLENDD.
  func blendDoublewords(_ i: borrowing Instruction) throws(Exception) {
    try checkAVX()
    let b = try loadVector(i).doublewords
    var result = firstSource(i).doublewords
    for k in 0..<8 where i.immediate >> UInt64(k) & 1 != 0 { result[k] = b[k] }
    setVector(i, Vector(result))
  }

  /// VBLENDVPS, VBLENDVPD, VPBLENDVB: the immediate's upper bits name the mask.
  func blendByRegister(_ i: borrowing Instruction) throws(Exception) {
    try checkAVX()
    let b = try loadVector(i)
    let a = firstSource(i)
    let number = UInt8(truncatingIfNeeded: i.immediate >> 4)
    let mask = vector(isLongMode ? number : number & 7)
    let legacy: UInt8 =
      switch i.opcode {
      case 0x4A: 0x14
      case 0x4B: 0x15
      default: 0x10
      }
    var result = Vector()
    for lane in 0..<i.laneCount {
      result[lane] = PackedInteger.blend(legacy, a[lane], b[lane], mask: mask[lane])
    }
    setVector(i, result)
  }
}
