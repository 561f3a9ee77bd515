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
    try checkVector(i)
    let source = try loadVector(i)
    let first = firstSource(i)
    var result = Vector()
    var environment = environment(F.self)
    let usesHost = FloatingPointEnvironment.allowsHostArithmetic(mxcsr: state.pointee.mxcsr)
    for lane in 0..<i.laneCount {
      let (a, b) = (first[lane].elements(V.self), source[lane].elements(V.self))
      var elements = a
      for k in 0..<V.scalarCount {
        let (x, y) = (operation == .squareRoot ? b[k] : a[k], b[k])
        if usesHost,
          let value = FloatingPointEnvironment.computeOnHost(operation, x, y, as: F.self)
        {
          elements[k] = value
        } else {
          elements[k] = environment.compute(operation, x, y, as: F.self)
        }
      }
      result[lane] = UInt128(elements: elements)
    }
    try commit(environment)
    setVector(i, result)
  }

  private func scalar<F: InterchangeFormat>(
    _ operation: ElementOperation, _ i: borrowing Instruction, _: F.Type
  ) throws(Exception) {
    try checkVector(i)
    let size = UInt8(MemoryLayout<F.Pattern>.size)
    let y = F.Pattern(truncatingIfNeeded: try loadXMMLow(i, size: size))
    let x =
      operation == .squareRoot ? y : F.Pattern(truncatingIfNeeded: firstSource(i).low.low)
    if FloatingPointEnvironment.allowsHostArithmetic(mxcsr: state.pointee.mxcsr),
      let value = FloatingPointEnvironment.computeOnHost(operation, x, y, as: F.self)
    {
      return setScalar(i, UInt64(truncatingIfNeeded: value), size: size)
    }
    var environment = environment(F.self)
    let value = environment.compute(operation, x, y, as: F.self)
    try commit(environment)
    setScalar(i, UInt64(truncatingIfNeeded: value), size: size)
  }

  /// CMPPS, CMPPD, CMPSS, CMPSD.
  private func executeCompare(
    _ i: borrowing Instruction, _ prefix: MandatoryPrefix
  ) throws(Exception) {
    try checkVector(i)
    let predicate = UInt8(truncatingIfNeeded: i.immediate & (i.isVEX ? 31 : 7))
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
    let source = try loadVector(i)
    let first = firstSource(i)
    var result = Vector()
    var environment = environment(F.self)
    for lane in 0..<i.laneCount {
      result[lane] = first[lane].combining(source[lane], as: V.self) { a, b in
        environment.satisfies(predicate, a, b, as: F.self) ? .max : 0
      }
    }
    try commit(environment)
    setVector(i, result)
  }

  private func compareScalar<F: InterchangeFormat>(
    _ predicate: UInt8, _ i: borrowing Instruction, _: F.Type
  ) throws(Exception) {
    let size = UInt8(MemoryLayout<F.Pattern>.size)
    let b = F.Pattern(truncatingIfNeeded: try loadXMMLow(i, size: size))
    let a = F.Pattern(truncatingIfNeeded: firstSource(i).low.low)
    var environment = environment(F.self)
    let holds = environment.satisfies(predicate, a, b, as: F.self)
    try commit(environment)
    setScalar(i, holds ? .max : 0, size: size)
  }

  /// UCOMISS, UCOMISD, COMISS, COMISD.
  private func comis(_ i: borrowing Instruction, _ prefix: MandatoryPrefix) throws(Exception) {
    guard prefix.isPacked else { throw .invalidOpcode }
    try checkVector(i)
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
    let isRoot = i.opcode == 0x52
    if prefix == .rep {
      try checkVector(i)
      let source = UInt32(truncatingIfNeeded: try loadXMMLow(i, size: 4))
      let result = ReciprocalApproximation.compute(source, isSquareRoot: isRoot)
      return setScalar(i, UInt64(result), size: 4)
    }
    try packed(i) {
      $0.mapping(as: SIMD4<UInt32>.self) {
        ReciprocalApproximation.compute($0, isSquareRoot: isRoot)
      }
    }
  }

  /// UNPCKLPS, UNPCKLPD, UNPCKHPS, UNPCKHPD, ANDPS … XORPD, SHUFPS, SHUFPD.
  func executeFloatBits(
    _ i: borrowing Instruction, _ prefix: MandatoryPrefix
  ) throws(Exception) {
    guard prefix.isPacked else { throw .invalidOpcode }
    let isDouble = prefix == .operandSize
    switch i.opcode {
    case 0x14:
      try packed(i) { PackedInteger.unpack(isDouble ? 0x6C : 0x62, $0, $1, isMMX: false) }
    case 0x15:
      try packed(i) { PackedInteger.unpack(isDouble ? 0x6D : 0x6A, $0, $1, isMMX: false) }
    case 0x54: try packed(i) { $0 & $1 }
    case 0x55: try packed(i) { ~$0 & $1 }
    case 0x56: try packed(i) { $0 | $1 }
    case 0x57: try packed(i) { $0 ^ $1 }
    default: try shufp(i, isDouble: isDouble)
    }
  }

  /// SHUFPS, SHUFPD: the latter has two bits of its own for each lane.
  private func shufp(_ i: borrowing Instruction, isDouble: Bool) throws(Exception) {
    try checkVector(i)
    let source = try loadVector(i)
    let first = firstSource(i)
    var result = Vector()
    for lane in 0..<i.laneCount {
      let order = isDouble ? i.immediate >> UInt64(2 &* lane) : i.immediate
      result[lane] = Self.shufp(first[lane], source[lane], order: order, isDouble: isDouble)
    }
    setVector(i, result)
  }

  /// SHUFPS, SHUFPD.
  @inline(__always)
  static func shufp(
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
  /// A predicate of CMPPS, or one of VCMPPS's 32.
  ///
  /// SDM volume 2, "CMPPD", "Comparison Predicate for CMPPD and CMPPS Instructions": bit 4 turns
  /// round whether a quiet NaN signals.
  @inline(__always) mutating func satisfies<F: InterchangeFormat>(
    _ predicate: UInt8, _ a: F.Pattern, _ b: F.Pattern, as type: F.Type
  ) -> Bool {
    let signals = (predicate & 3 == 1 || predicate & 3 == 2) != (predicate & 16 != 0)
    // Of EQ, LT, LE, UNORD, their negations, then the same with unordered the other way: the
    // results of a comparison that satisfy it, one bit each.
    let satisfying: UInt64 = 0xF465_0B9A_7CED_8312
    let (less, equal, greater, unordered): (UInt64, UInt64, UInt64, UInt64) = (1, 2, 4, 8)
    let result =
      switch compare(a, b, as: F.self, signalsQuietNaN: signals) {
      case .less: less
      case .equal: equal
      case .greater: greater
      case .unordered: unordered
      }
    return satisfying &>> UInt64(predicate & 15 &* 4) & result != 0
  }
}
