extension FloatingPointFormat {
  /// binary16.
  package static let half = FloatingPointFormat(
    precision: 11, minimumExponent: -14, maximumExponent: 15)
}

extension Float16: InterchangeFormat {
  @inline(__always) package var truncated: Int64 { Int64(self) }
  /// binary16.
  @inline(__always) package static var format: FloatingPointFormat { .half }
}

extension CPU {
  /// VCVTPH2PS: exact; DAZ has no say, and a denormal operand raises nothing.
  func vcvtph2ps(_ i: borrowing Instruction) throws(Exception) {
    try checkAVX()
    let source =
      i.laneCount == 2 ? try loadXMM(i, aligned: false) : UInt128(try loadXMMLow(i))
    let halves = source.elements(SIMD8<UInt16>.self)
    var environment = environment(Float.self)
    var result = SIMD8<UInt32>()
    for k in 0..<(4 &* i.laneCount) {
      var value = UnpackedFloat(halves[k], as: Float16.self)
      value.isDenormal = false
      result[k] = environment.convert(value).pattern(as: Float.self)
    }
    try commit(environment)
    setVector(i, Vector(result))
  }

  /// VCVTPS2PH: rounds as the immediate says, or with bit 2 as MXCSR does; FTZ has no say.
  func vcvtps2ph(_ i: borrowing Instruction) throws(Exception) {
    try checkAVX()
    let source = vector(i.reg).doublewords
    var environment = environment(Float16.self)
    environment.flushesToZero = false
    if i.immediate & 4 == 0 {
      environment.rounding = RoundingControl(bits: UInt32(truncatingIfNeeded: i.immediate))
    }
    var halves = SIMD8<UInt16>()
    for k in 0..<(4 &* i.laneCount) {
      halves[k] = environment.convert(environment.unpack(source[k], as: Float.self))
        .pattern(as: Float16.self)
    }
    let result = UInt128(elements: halves)
    guard i.hasMemory else {
      try commit(environment)
      return setVector(i.rm, Vector(low: result))
    }
    let size = UInt64(i.vectorLength / 2)
    let address = try linearAddress(i, size: size, access: .write)
    if isWatching { try watch(address, size: size, access: .write) }
    try probe(address, count: size, access: .write)
    try commit(environment)
    if size == 16 { try store(result, at: address) } else { try store(result.low, at: address) }
  }
}
