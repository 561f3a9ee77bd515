extension CPU {
  /// The floating-point environment of an SSE instruction.
  @inline(__always)
  func environment<F: InterchangeFormat>(_ type: F.Type) -> FloatingPointEnvironment {
    FloatingPointEnvironment(mxcsr: state.pointee.mxcsr, format: F.format)
  }

  /// Sets the flags of MXCSR; #XM if one of the exceptions is not masked.
  ///
  /// SDM volume 1, "Handling SIMD Floating-Point Exceptions": an unmasked exception found before
  /// computing keeps those of the result from being found.
  func commit(_ environment: FloatingPointEnvironment) throws(Exception) {
    let unmasked = environment.unmasked
    var flags = environment.flags
    if !unmasked.isDisjoint(with: .preComputation) { flags.formIntersection(.preComputation) }
    state.pointee.mxcsr |= UInt32(flags.rawValue)
    if !unmasked.isEmpty {
      throw cr4.contains(.osXMMException) ? .simdFloatingPoint : .invalidOpcode
    }
  }

  /// SQRT, RSQRT, RCP, ADD, MUL, SUB, MIN, DIV, MAX, CMP, UCOMIS and COMIS.
  func executeFloatArithmetic(
    _ i: borrowing Instruction, _ prefix: MandatoryPrefix
  ) throws(Exception) {
    switch i.opcode {
    case 0x2E, 0x2F: return try comis(i, prefix)
    case 0x52, 0x53: return try approximate(i, prefix)
    case 0xC2: return try executeCompare(i, prefix)
    default: break
    }
    guard let operation = ElementOperation(opcode: i.opcode) else { throw .invalidOpcode }
    switch prefix {
    case .none: try packed(operation, i, SIMD4<UInt32>.self, Float.self)
    case .operandSize: try packed(operation, i, SIMD2<UInt64>.self, Double.self)
    case .rep: try scalar(operation, i, Float.self)
    case .repne: try scalar(operation, i, Double.self)
    }
  }

  private func packed<V: SIMD, F: InterchangeFormat>(
    _ operation: ElementOperation, _ i: borrowing Instruction, _: V.Type, _: F.Type
  ) throws(Exception) where V.Scalar == F.Pattern {
    try checkSSE()
    let b = try loadXMM(i).elements(V.self)
    let a = xmm(i.reg).elements(V.self)
    var result = a
    var environment = environment(F.self)
    let usesHost = FloatingPointEnvironment.allowsHostArithmetic(mxcsr: state.pointee.mxcsr)
    for k in 0..<V.scalarCount {
      let (x, y) = (operation == .squareRoot ? b[k] : a[k], b[k])
      if usesHost,
        let value = FloatingPointEnvironment.computeOnHost(operation, x, y, as: F.self)
      {
        result[k] = value
      } else {
        result[k] = environment.compute(operation, x, y, as: F.self)
      }
    }
    try commit(environment)
    setXMM(i.reg, UInt128(elements: result))
  }

  private func scalar<F: InterchangeFormat>(
    _ operation: ElementOperation, _ i: borrowing Instruction, _: F.Type
  ) throws(Exception) {
    try checkSSE()
    let size = UInt8(MemoryLayout<F.Pattern>.size)
    let y = F.Pattern(truncatingIfNeeded: try loadXMMLow(i, size: size))
    let x = operation == .squareRoot ? y : F.Pattern(truncatingIfNeeded: xmm(i.reg).low)
    if FloatingPointEnvironment.allowsHostArithmetic(mxcsr: state.pointee.mxcsr),
      let value = FloatingPointEnvironment.computeOnHost(operation, x, y, as: F.self)
    {
      return mergeScalar(i.reg, UInt64(truncatingIfNeeded: value), size: size)
    }
    var environment = environment(F.self)
    let value = environment.compute(operation, x, y, as: F.self)
    try commit(environment)
    mergeScalar(i.reg, UInt64(truncatingIfNeeded: value), size: size)
  }

  /// CMPPS, CMPPD, CMPSS, CMPSD.
  private func executeCompare(
    _ i: borrowing Instruction, _ prefix: MandatoryPrefix
  ) throws(Exception) {
    try checkSSE()
    let predicate = UInt8(truncatingIfNeeded: i.immediate & 7)
    switch prefix {
    case .none: try comparePacked(predicate, i, SIMD4<UInt32>.self, Float.self)
    case .operandSize: try comparePacked(predicate, i, SIMD2<UInt64>.self, Double.self)
    case .rep: try compareScalar(predicate, i, Float.self)
    case .repne: try compareScalar(predicate, i, Double.self)
    }
  }

  private func comparePacked<V: SIMD, F: InterchangeFormat>(
    _ predicate: UInt8, _ i: borrowing Instruction, _: V.Type, _: F.Type
  ) throws(Exception) where V.Scalar == F.Pattern {
    let b = try loadXMM(i).elements(V.self)
    var result = xmm(i.reg).elements(V.self)
    var environment = environment(F.self)
    for k in 0..<V.scalarCount {
      let holds = environment.satisfies(predicate, result[k], b[k], as: F.self)
      result[k] = holds ? .max : 0
    }
    try commit(environment)
    setXMM(i.reg, UInt128(elements: result))
  }

  private func compareScalar<F: InterchangeFormat>(
    _ predicate: UInt8, _ i: borrowing Instruction, _: F.Type
  ) throws(Exception) {
    let size = UInt8(MemoryLayout<F.Pattern>.size)
    let b = F.Pattern(truncatingIfNeeded: try loadXMMLow(i, size: size))
    let a = F.Pattern(truncatingIfNeeded: xmm(i.reg).low)
    var environment = environment(F.self)
    let holds = environment.satisfies(predicate, a, b, as: F.self)
    try commit(environment)
    mergeScalar(i.reg, holds ? .max : 0, size: size)
  }

  /// UCOMISS, UCOMISD, COMISS, COMISD.
  private func comis(_ i: borrowing Instruction, _ prefix: MandatoryPrefix) throws(Exception) {
    guard prefix.isPacked else { throw .invalidOpcode }
    try checkSSE()
    if prefix == .none { try comis(i, Float.self) } else { try comis(i, Double.self) }
  }

  private func comis<F: InterchangeFormat>(_ i: borrowing Instruction, _: F.Type) throws(Exception)
  {
    let b = F.Pattern(
      truncatingIfNeeded: try loadXMMLow(i, size: UInt8(MemoryLayout<F.Pattern>.size)))
    let a = F.Pattern(truncatingIfNeeded: xmm(i.reg).low)
    var environment = environment(F.self)
    let comparison = environment.compare(a, b, as: F.self, signalsQuietNaN: i.opcode == 0x2F)
    try commit(environment)
    setComparisonFlags(comparison)
  }

  /// ZF, PF and CF as COMISS and FCOMI set them; OF, SF and AF are cleared.
  func setComparisonFlags(_ comparison: FloatingPointEnvironment.Comparison) {
    var flags = state.pointee.rflags & ~RFLAGS.status.rawValue
    switch comparison {
    case .greater: break
    case .less: flags |= RFLAGS.carry.rawValue
    case .equal: flags |= RFLAGS.zero.rawValue
    case .unordered:
      flags |= RFLAGS.carry.rawValue | RFLAGS.zero.rawValue | RFLAGS.parity.rawValue
    }
    state.pointee.rflags = flags
  }

  /// RSQRTPS, RSQRTSS, RCPPS, RCPSS.
  private func approximate(
    _ i: borrowing Instruction, _ prefix: MandatoryPrefix
  ) throws(Exception) {
    guard prefix == .none || prefix == .rep else { throw .invalidOpcode }
    try checkSSE()
    let isRoot = i.opcode == 0x52
    if prefix == .rep {
      let source = UInt32(truncatingIfNeeded: try loadXMMLow(i, size: 4))
      let result = ReciprocalApproximation.compute(source, isSquareRoot: isRoot)
      return mergeScalar(i.reg, UInt64(result), size: 4)
    }
    let result = try loadXMM(i).mapping(as: SIMD4<UInt32>.self) {
      ReciprocalApproximation.compute($0, isSquareRoot: isRoot)
    }
    setXMM(i.reg, result)
  }

  /// UNPCKLPS, UNPCKLPD, UNPCKHPS, UNPCKHPD, ANDPS … XORPD, SHUFPS, SHUFPD.
  func executeFloatBits(
    _ i: borrowing Instruction, _ prefix: MandatoryPrefix
  ) throws(Exception) {
    guard prefix.isPacked else { throw .invalidOpcode }
    try checkSSE()
    let b = try loadXMM(i)
    let a = xmm(i.reg)
    let isDouble = prefix == .operandSize
    let result: UInt128 =
      switch i.opcode {
      case 0x14: PackedInteger.unpack(isDouble ? 0x6C : 0x62, a, b, isMMX: false)
      case 0x15: PackedInteger.unpack(isDouble ? 0x6D : 0x6A, a, b, isMMX: false)
      case 0x54: a & b
      case 0x55: ~a & b
      case 0x56: a | b
      case 0x57: a ^ b
      default: Self.shufp(a, b, order: i.immediate, isDouble: isDouble)
      }
    setXMM(i.reg, result)
  }

  /// SHUFPS, SHUFPD.
  private static func shufp(
    _ a: UInt128, _ b: UInt128, order: UInt64, isDouble: Bool
  ) -> UInt128 {
    if isDouble {
      return UInt128(
        low: order & 1 != 0 ? a.high : a.low, high: order & 2 != 0 ? b.high : b.low)
    }
    let (x, y) = (a.elements(SIMD4<UInt32>.self), b.elements(SIMD4<UInt32>.self))
    return UInt128(
      elements: SIMD4(
        x[Int(order & 3)], x[Int(order >> 2 & 3)], y[Int(order >> 4 & 3)],
        y[Int(order >> 6 & 3)]))
  }
}

extension FloatingPointEnvironment {
  /// A predicate of CMPPS.
  ///
  /// SDM volume 2, "CMPPD": 0 EQ, 1 LT, 2 LE, 3 UNORD, then their negations.
  @inline(__always) mutating func satisfies<F: InterchangeFormat>(
    _ predicate: UInt8, _ a: F.Pattern, _ b: F.Pattern, as type: F.Type
  ) -> Bool {
    let kind = predicate & 3
    let comparison = compare(a, b, as: F.self, signalsQuietNaN: kind == 1 || kind == 2)
    let holds: Bool =
      switch kind {
      case 0: comparison == .equal
      case 1: comparison == .less
      case 2: comparison == .less || comparison == .equal
      default: comparison == .unordered
      }
    return holds != (predicate & 4 != 0)
  }
}
