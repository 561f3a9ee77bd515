extension CPU {
  /// The CVT instructions.
  func executeFloatConversion(
    _ i: borrowing Instruction, _ prefix: MandatoryPrefix
  ) throws(Exception) {
    switch (i.opcode, prefix) {
    case (0x2A, .none), (0x2A, .operandSize): try cvtpi(i, toDouble: prefix == .operandSize)
    case (0x2A, .rep): try cvtsi(i, Float.self)
    case (0x2A, .repne): try cvtsi(i, Double.self)
    case (0x2C, .none), (0x2D, .none): try cvtToPI(i, SIMD4<UInt32>.self, Float.self)
    case (0x2C, .operandSize), (0x2D, .operandSize):
      try cvtToPI(i, SIMD2<UInt64>.self, Double.self)
    case (0x2C, .rep), (0x2D, .rep): try cvtToSI(i, Float.self)
    case (0x2C, .repne), (0x2D, .repne): try cvtToSI(i, Double.self)
    case (0x5A, .none), (0x5A, .rep): try widen(i, isPacked: prefix == .none)
    case (0x5A, .operandSize), (0x5A, .repne): try narrow(i, isPacked: prefix == .operandSize)
    case (0x5B, .none): try cvtdq2ps(i)
    case (0x5B, .operandSize), (0x5B, .rep): try cvtps2dq(i, truncates: prefix == .rep)
    case (0xE6, .rep): try cvtdq2pd(i)
    case (0xE6, .operandSize), (0xE6, .repne):
      try cvtpd2dq(i, truncates: prefix == .operandSize)
    default: throw .invalidOpcode
    }
  }

  private func int32(_ value: UInt64) -> Int64 {
    Int64(Int32(truncatingIfNeeded: value))
  }

  /// Converts one integer.
  private func encode<F: InterchangeFormat>(
    _ value: Int64, _ environment: inout FloatingPointEnvironment, as type: F.Type
  ) -> F.Pattern {
    environment.round(UnpackedFloat(value)).pattern(as: F.self)
  }

  /// CVTSI2SS, CVTSI2SD.
  private func cvtsi<F: InterchangeFormat>(_ i: borrowing Instruction, _: F.Type) throws(Exception)
  {
    try checkVector(i)
    let isWide = i.prefixes.contains(.rexW)
    let source = i.hasMemory ? try loadOperand(i, size: isWide ? 8 : 4) : self[Int(i.rm)]
    var environment = environment(F.self)
    let result = encode(
      isWide ? Int64(bitPattern: source) : int32(source), &environment, as: F.self)
    try commit(environment)
    setScalar(
      i, UInt64(truncatingIfNeeded: result), size: UInt8(MemoryLayout<F.Pattern>.size))
  }

  /// CVTSS2SI, CVTTSS2SI, CVTSD2SI, CVTTSD2SI.
  private func cvtToSI<F: InterchangeFormat>(
    _ i: borrowing Instruction, _: F.Type
  ) throws(Exception) {
    try checkVector(i)
    let isWide = i.prefixes.contains(.rexW)
    let source = F.Pattern(
      truncatingIfNeeded: try loadXMMLow(i, size: UInt8(MemoryLayout<F.Pattern>.size)))
    var environment = environment(F.self)
    let result = environment.integer(
      environment.unpack(source, as: F.self), width: isWide ? 64 : 32,
      rounding: i.opcode == 0x2C ? .towardZero : environment.rounding)
    try commit(environment)
    writeRegister(i.reg, size: isWide ? 8 : 4, UInt64(bitPattern: result))
  }

  /// Converts elements to doublewords.
  private func doublewords<V: SIMD, F: InterchangeFormat>(
    _ source: V, count: Int, _ environment: inout FloatingPointEnvironment,
    truncates: Bool, as type: F.Type
  ) -> UInt128 where V.Scalar == F.Pattern {
    var result = SIMD4<UInt32>()
    for k in 0..<count {
      let value = environment.integer(
        environment.unpack(source[k], as: F.self), width: 32,
        rounding: truncates ? .towardZero : environment.rounding)
      result[k] = UInt32(truncatingIfNeeded: value)
    }
    return UInt128(elements: result)
  }

  /// CVTPS2DQ, CVTTPS2DQ.
  private func cvtps2dq(_ i: borrowing Instruction, truncates: Bool) throws(Exception) {
    try checkVector(i)
    let source = try loadVector(i)
    var environment = environment(Float.self)
    var result = Vector()
    for lane in 0..<i.laneCount {
      result[lane] = doublewords(
        source[lane].elements(SIMD4<UInt32>.self), count: 4, &environment, truncates: truncates,
        as: Float.self)
    }
    try commit(environment)
    setVector(i, result)
  }

  /// CVTPD2DQ, CVTTPD2DQ: the result has half the size of the source.
  private func cvtpd2dq(_ i: borrowing Instruction, truncates: Bool) throws(Exception) {
    try checkVector(i)
    let source = try loadVector(i)
    var environment = environment(Double.self)
    var result: UInt128 = 0
    for lane in 0..<i.laneCount {
      let half = doublewords(
        source[lane].elements(SIMD2<UInt64>.self), count: 2, &environment, truncates: truncates,
        as: Double.self)
      result |= half &<< UInt128(64 &* lane)
    }
    try commit(environment)
    setVector(i, Vector(low: result))
  }

  /// CVTDQ2PS.
  private func cvtdq2ps(_ i: borrowing Instruction) throws(Exception) {
    try checkVector(i)
    let source = try loadVector(i)
    var environment = environment(Float.self)
    var result = Vector()
    for lane in 0..<i.laneCount {
      result[lane] = source[lane].mapping(as: SIMD4<UInt32>.self) {
        encode(int32(UInt64($0)), &environment, as: Float.self)
      }
    }
    try commit(environment)
    setVector(i, result)
  }

  /// CVTDQ2PD: always exact.
  private func cvtdq2pd(_ i: borrowing Instruction) throws(Exception) {
    try checkVector(i)
    let source = try loadHalf(i)
    setVector(i, Vector(low: doubles(source.low), high: doubles(source.high)))
  }

  /// The operand of conversions that double the size: half as many bytes as the result.
  private func loadHalf(_ i: borrowing Instruction) throws(Exception) -> UInt128 {
    i.laneCount == 2 ? try loadXMM(i, aligned: false) : UInt128(try loadXMMLow(i))
  }

  private func doubles(_ source: UInt64) -> UInt128 {
    var environment = environment(Double.self)
    return UInt128(
      low: encode(int32(source), &environment, as: Double.self),
      high: encode(int32(source >> 32), &environment, as: Double.self))
  }

  /// CVTPS2PD, CVTSS2SD.
  private func widen(_ i: borrowing Instruction, isPacked: Bool) throws(Exception) {
    try checkVector(i)
    var environment = environment(Double.self)
    guard isPacked else {
      let source = UInt32(truncatingIfNeeded: try loadXMMLow(i, size: 4))
      let result = convert(source, &environment)
      try commit(environment)
      return setScalar(i, result, size: 8)
    }
    let source = try loadHalf(i).elements(SIMD4<UInt32>.self)
    var result = Vector()
    for lane in 0..<i.laneCount {
      result[lane] = UInt128(
        low: convert(source[2 &* lane], &environment),
        high: convert(source[2 &* lane &+ 1], &environment))
    }
    try commit(environment)
    setVector(i, result)
  }

  private func convert(
    _ source: UInt32, _ environment: inout FloatingPointEnvironment
  ) -> UInt64 {
    if Float.isOrdinary(source) { return Double(Float(bitPattern: source)).bitPattern }
    return environment.convert(environment.unpack(source, as: Float.self)).pattern(as: Double.self)
  }

  /// CVTPD2PS, CVTSD2SS.
  private func narrow(_ i: borrowing Instruction, isPacked: Bool) throws(Exception) {
    try checkVector(i)
    var environment = environment(Float.self)
    guard isPacked else {
      let result = convert(try loadXMMLow(i), &environment)
      try commit(environment)
      return setScalar(i, UInt64(result), size: 4)
    }
    let source = try loadVector(i)
    var result = SIMD4<UInt32>()
    for lane in 0..<i.laneCount {
      result[2 &* lane] = convert(source[lane].low, &environment)
      result[2 &* lane &+ 1] = convert(source[lane].high, &environment)
    }
    try commit(environment)
    setVector(i, Vector(low: UInt128(elements: result)))
  }

  private func convert(
    _ source: UInt64, _ environment: inout FloatingPointEnvironment
  ) -> UInt32 {
    environment.convert(environment.unpack(source, as: Double.self)).pattern(as: Float.self)
  }

  /// CVTPI2PS, CVTPI2PD.
  ///
  /// The latter leaves the x87 alone when its source is memory.
  private func cvtpi(_ i: borrowing Instruction, toDouble: Bool) throws(Exception) {
    try checkSSE()
    let isMemory = i.hasMemory
    let usesMMX = !(toDouble && isMemory)
    if usesMMX { try checkPendingX87Exception() }
    let source = try loadMMX(i)
    if toDouble {
      enterMMX(if: usesMMX)
      return setXMM(i.reg, doubles(source))
    }
    var environment = environment(Float.self)
    let low = encode(int32(source), &environment, as: Float.self)
    let high = encode(int32(source >> 32), &environment, as: Float.self)
    try commit(environment)
    enterMMX(if: usesMMX)
    setXMMLow(i.reg, UInt64(low) | UInt64(high) << 32)
  }

  private func enterMMX(if condition: Bool) {
    if condition { enterMMX() }
  }

  /// CVTPS2PI, CVTTPS2PI, CVTPD2PI, CVTTPD2PI.
  private func cvtToPI<V: SIMD, F: InterchangeFormat>(
    _ i: borrowing Instruction, _: V.Type, _: F.Type
  ) throws(Exception) where V.Scalar == F.Pattern {
    try checkSSE()
    try checkPendingX87Exception()
    let source =
      F.format == .double ? try loadXMM(i) : UInt128(try loadXMMLow(i))
    var environment = environment(F.self)
    let result = doublewords(
      source.elements(V.self), count: 2, &environment, truncates: i.opcode == 0x2C, as: F.self)
    try commit(environment)
    enterMMX()
    setMMX(i.reg, result.low)
  }
}
