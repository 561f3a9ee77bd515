/// The value of a vector register: 128-bit lanes, of which an instruction uses one or two.
struct Vector {
  /// Lane 0: XMM.
  var low: UInt128 = 0
  /// Lane 1: the upper half of YMM.
  var high: UInt128 = 0

  /// A lane by number.
  @inline(__always) subscript(lane: Int) -> UInt128 {
    get { lane == 0 ? low : high }
    set { if lane == 0 { low = newValue } else { high = newValue } }
  }
}

extension Instruction {
  /// The number of 128-bit lanes that a vector instruction works on.
  @inline(__always) var laneCount: Int { vectorLength == 32 ? 2 : 1 }
}

/// The operands of vector instructions in both encodings, so that each instruction stands once:
/// the legacy form works on 128 bits, has DEST as its first source and keeps what lies above; the
/// VEX form works on 128 or 256 bits, has VEX.vvvv as its first source and clears what lies above.
///
/// An operation DEST := f(DEST, SRC) on lanes is one call:
/// `try packed(i) { f($0, $1) }`.
extension CPU {
  /// Whether the vector registers may be used by this form of instruction.
  @inline(__always) func checkVector(_ i: borrowing Instruction) throws(Exception) {
    try checkSSE()
  }

  /// The first source: DEST, or the register of VEX.vvvv.
  @inline(__always) func firstSource(_ i: borrowing Instruction) -> Vector {
    vector(i.reg)
  }

  /// A whole vector register.
  @inline(__always) func vector(_ number: UInt8) -> Vector { Vector(low: xmm(number)) }

  /// The operand in rm.
  ///
  /// Memory must be aligned in the legacy form unless the instruction says otherwise, never in the
  /// VEX form; instructions that ask for it always align by themselves.
  @inline(__always) func loadVector(
    _ i: borrowing Instruction, aligned: Bool = true
  ) throws(Exception) -> Vector {
    Vector(low: try loadXMM(i, aligned: aligned))
  }

  /// Sets the destination in reg.
  @inline(__always) func setVector(_ i: borrowing Instruction, _ value: Vector) {
    setXMM(i.reg, value.low)
  }

  /// Replaces the low `size` bytes of the first source, and sets DEST to that.
  @inline(__always) func setScalar(_ i: borrowing Instruction, _ value: UInt64, size: UInt8) {
    mergeScalar(i.reg, value, size: size)
  }

  /// DEST := f(first source, SRC), lane by lane.
  @inline(__always) func packed(
    _ i: borrowing Instruction, aligned: Bool = true, _ operation: (UInt128, UInt128) -> UInt128
  ) throws(Exception) {
    try checkVector(i)
    let b = try loadVector(i, aligned: aligned)
    let a = firstSource(i)
    var result = Vector()
    for lane in 0..<i.laneCount { result[lane] = operation(a[lane], b[lane]) }
    setVector(i, result)
  }

  /// DEST := f(SRC), lane by lane.
  @inline(__always) func packed(
    _ i: borrowing Instruction, aligned: Bool = true, _ operation: (UInt128) -> UInt128
  ) throws(Exception) {
    try packed(i, aligned: aligned) { _, b in operation(b) }
  }
}
