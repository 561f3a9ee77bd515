/// SSE3 on floating-point elements, and the dot products and roundings of SSE4.1.
extension CPU {
  /// Whether the host's arithmetic may stand in for that of SSE instructions.
  @inline(__always) var usesHostArithmetic: Bool {
    FloatingPointEnvironment.allowsHostArithmetic(mxcsr: state.pointee.mxcsr)
  }

  /// ADDSUBPS, ADDSUBPD, HADDPS, HADDPD, HSUBPS, HSUBPD.
  func executeHorizontal(
    _ i: borrowing Instruction, _ prefix: MandatoryPrefix
  ) throws(Exception) {
    switch prefix {
    case .repne: try horizontal(i, SIMD4<UInt32>.self, Float.self)
    case .operandSize: try horizontal(i, SIMD2<UInt64>.self, Double.self)
    default: throw .invalidOpcode
    }
  }

  private func horizontal<V: SIMD, F: InterchangeFormat>(
    _ i: borrowing Instruction, _: V.Type, _: F.Type
  ) throws(Exception) where V.Scalar == F.Pattern {
    try checkVector(i)
    let source = try loadVector(i)
    let first = firstSource(i)
    var environment = environment(F.self)
    var result = Vector()
    for lane in 0..<i.laneCount {
      let (a, b) = (first[lane].elements(V.self), source[lane].elements(V.self))
      let elements =
        switch i.opcode {
        case 0xD0: environment.addSubtract(a, b, as: F.self, onHost: usesHostArithmetic)
        default:
          environment.horizontal(
            i.opcode == 0x7C ? .add : .subtract, a, b, as: F.self, onHost: usesHostArithmetic)
        }
      result[lane] = UInt128(elements: elements)
    }
    try commit(environment)
    setVector(i, result)
  }

  /// MOVDDUP, MOVSLDUP, MOVSHDUP: elements of the source, each twice.
  func duplicateElements(
    _ i: borrowing Instruction, _ prefix: MandatoryPrefix
  ) throws(Exception) {
    let isSingle = i.laneCount == 1
    if prefix == .repne && isSingle {
      // Of memory only 64 bits are read.
      try checkVector(i)
      let low = try loadXMMLow(i)
      return setVector(i, Vector(low: UInt128(low: low, high: low)))
    }
    if prefix == .repne { return try packed(i) { UInt128(low: $0.low, high: $0.low) } }
    let isOdd = i.opcode == 0x16
    try packed(i) {
      let elements = $0.elements(PackedInteger.Doublewords.self)
      return UInt128(elements: PackedInteger.duplicate(elements, odd: isOdd))
    }
  }

  /// ROUNDPS, ROUNDPD, ROUNDSS, ROUNDSD: opcodes 08 to 0B of the 0F 3A map.
  func round(_ i: borrowing Instruction) throws(Exception) {
    switch i.opcode {
    case 0x08: try roundPacked(i, SIMD4<UInt32>.self, Float.self)
    case 0x09: try roundPacked(i, SIMD2<UInt64>.self, Double.self)
    case 0x0A: try roundScalar(i, Float.self)
    default: try roundScalar(i, Double.self)
    }
  }

  private func roundPacked<V: SIMD, F: InterchangeFormat>(
    _ i: borrowing Instruction, _: V.Type, _: F.Type
  ) throws(Exception) where V.Scalar == F.Pattern {
    let source = try loadVector(i)
    var environment = environment(F.self)
    let immediate = UInt8(truncatingIfNeeded: i.immediate)
    var result = Vector()
    for lane in 0..<i.laneCount {
      result[lane] = source[lane].mapping(as: V.self) {
        environment.roundToIntegral($0, immediate, as: F.self)
      }
    }
    try commit(environment)
    setVector(i, result)
  }

  private func roundScalar<F: InterchangeFormat>(
    _ i: borrowing Instruction, _: F.Type
  ) throws(Exception) {
    let size = UInt8(MemoryLayout<F.Pattern>.size)
    let source = F.Pattern(truncatingIfNeeded: try loadXMMLow(i, size: size))
    var environment = environment(F.self)
    let result = environment.roundToIntegral(
      source, UInt8(truncatingIfNeeded: i.immediate), as: F.self)
    try commit(environment)
    setScalar(i, UInt64(truncatingIfNeeded: result), size: size)
  }

  /// DPPS, DPPD: products where bits 7:4 of the immediate say so, their sum where bits 3:0 do.
  ///
  /// The products, the sums of pairs and the last sum raise their exceptions one after the other,
  /// those of both lanes together.
  func dotProduct<V: SIMD, F: InterchangeFormat>(
    _ i: borrowing Instruction, _: V.Type, _: F.Type
  ) throws(Exception) where V.Scalar == F.Pattern {
    let source = try loadVector(i)
    let first = firstSource(i)
    let immediate = UInt8(truncatingIfNeeded: i.immediate)
    let onHost = usesHostArithmetic
    var products = InlineArray<2, V>(repeating: V())
    var environment = environment(F.self)
    for lane in 0..<i.laneCount {
      let (a, b) = (first[lane].elements(V.self), source[lane].elements(V.self))
      for k in 0..<V.scalarCount where immediate >> UInt8(4 &+ k) & 1 != 0 {
        products[lane][k] = environment.compute(.multiply, a[k], b[k], as: F.self, onHost: onHost)
      }
    }
    try commit(environment)
    var count = V.scalarCount
    while count > 1 {
      environment = self.environment(F.self)
      count /= 2
      for lane in 0..<i.laneCount {
        for k in 0..<count {
          products[lane][k] = environment.compute(
            .add, products[lane][2 &* k], products[lane][2 &* k &+ 1], as: F.self, onHost: onHost)
        }
      }
      try commit(environment)
    }
    var result = Vector()
    for lane in 0..<i.laneCount {
      var elements = V()
      for k in 0..<V.scalarCount where immediate >> UInt8(k) & 1 != 0 {
        elements[k] = products[lane][0]
      }
      result[lane] = UInt128(elements: elements)
    }
    setVector(i, result)
  }
}
