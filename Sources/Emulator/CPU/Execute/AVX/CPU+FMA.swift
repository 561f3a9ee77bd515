/// The operands' roles and signs of one fused multiplication.
///
/// SDM volume 2, "VFMADD132PD/VFMADD213PD/VFMADD231PD" and those after it: the digits say which
/// operands are multiplied, the low half of the opcode what is negated.
struct FusedMultiplication {
  /// The orders of operands.
  enum Order {
    case x132
    case x213
    case x231
  }

  let order: Order
  let negatesProduct: Bool
  /// Whether the addend of even and of odd elements is subtracted.
  let subtracts: (even: Bool, odd: Bool)
  let isScalar: Bool

  @inline(__always) init(opcode: UInt8) {
    switch opcode & 0xF0 {
    case 0x90: order = .x132
    case 0xA0: order = .x213
    default: order = .x231
    }
    let low = opcode & 0xF
    negatesProduct = low >= 0xC
    switch low {
    case 6: subtracts = (true, false)
    case 7: subtracts = (false, true)
    default: subtracts = low & 2 != 0 ? (true, true) : (false, false)
    }
    isScalar = low >= 9 && low & 1 == 1
  }

  /// Multiplicand, multiplier and addend, of the three operands as they are written.
  @inline(__always) func roles<T>(_ first: T, _ second: T, _ third: T) -> (T, T, T) {
    switch order {
    case .x132: (first, third, second)
    case .x213: (second, first, third)
    case .x231: (second, third, first)
    }
  }
}

extension CPU {
  /// VFMADD, VFMSUB, VFNMADD, VFNMSUB, VFMADDSUB and VFMSUBADD.
  func fusedMultiply(_ i: borrowing Instruction) throws(Exception) {
    let operation = FusedMultiplication(opcode: i.opcode)
    switch (i.prefixes.contains(.rexW), operation.isScalar) {
    case (false, false): try fusedPacked(operation, i, SIMD4<UInt32>.self, Float.self)
    case (true, false): try fusedPacked(operation, i, SIMD2<UInt64>.self, Double.self)
    case (false, true): try fusedScalar(operation, i, Float.self)
    case (true, true): try fusedScalar(operation, i, Double.self)
    }
  }

  private func fusedPacked<V: SIMD, F: InterchangeFormat>(
    _ operation: FusedMultiplication, _ i: borrowing Instruction, _: V.Type, _: F.Type
  ) throws(Exception) where V.Scalar == F.Pattern {
    try checkAVX()
    let third = try loadVector(i)
    let (x, y, z) = operation.roles(vector(i.reg), vector(i.vvvv), third)
    var environment = environment(F.self)
    let onHost = FloatingPointEnvironment.allowsHostArithmetic(mxcsr: state.pointee.mxcsr)
    var result = Vector()
    for lane in 0..<i.laneCount {
      let (a, b, c) = (x[lane].elements(V.self), y[lane].elements(V.self), z[lane].elements(V.self))
      var elements = a
      for k in 0..<V.scalarCount {
        elements[k] = environment.multiplyAdd(
          a[k], b[k], c[k], negatesProduct: operation.negatesProduct,
          subtracts: k & 1 == 0 ? operation.subtracts.even : operation.subtracts.odd,
          as: F.self, onHost: onHost)
      }
      result[lane] = UInt128(elements: elements)
    }
    try commit(environment)
    setVector(i, result)
  }

  private func fusedScalar<F: InterchangeFormat>(
    _ operation: FusedMultiplication, _ i: borrowing Instruction, _: F.Type
  ) throws(Exception) {
    try checkAVX()
    let size = UInt8(MemoryLayout<F.Pattern>.size)
    let third = try loadXMMLow(i, size: size)
    let (a, b, c) = operation.roles(xmm(i.reg).low, xmm(i.vvvv).low, third)
    var environment = environment(F.self)
    let result = environment.multiplyAdd(
      F.Pattern(truncatingIfNeeded: a), F.Pattern(truncatingIfNeeded: b),
      F.Pattern(truncatingIfNeeded: c), negatesProduct: operation.negatesProduct,
      subtracts: operation.subtracts.even, as: F.self,
      onHost: FloatingPointEnvironment.allowsHostArithmetic(mxcsr: state.pointee.mxcsr))
    try commit(environment)
    mergeScalar(i.reg, UInt64(truncatingIfNeeded: result), size: size)
    setYMMHigh(i.reg, 0)
  }
}
