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
    if !i.isVEX { return try checkSSE() }
    try checkAVX()
  }

  /// The first source: DEST, or the register of VEX.vvvv.
  @inline(__always) func firstSource(_ i: borrowing Instruction) -> Vector {
    i.isVEX ? vector(i.vvvv) : Vector(low: xmm(i.reg))
  }

  /// Whether AVX may be used: CR4.OSXSAVE, SSE and AVX state in XCR0, no task switch to see.
  @inline(__always) func checkAVX() throws(Exception) {
    let states = ExtendedStateComponent.sse.bit | ExtendedStateComponent.avx.bit
    guard state.pointee.cr4 & CR4.osXSAVE.rawValue != 0, state.pointee.xcr0 & states == states
    else { throw .invalidOpcode }
    if state.pointee.cr0 & CR0.taskSwitched.rawValue != 0 { throw .deviceNotAvailable }
  }

  /// Bits 255:128 of YMM register `number`.
  @inline(__always) package func ymmHigh(_ number: UInt8) -> UInt128 {
    let index = Int(number & 15) &* 2
    return UInt128(low: state.pointee.ymmHigh[index], high: state.pointee.ymmHigh[index &+ 1])
  }

  /// Sets bits 255:128 of YMM register `number`.
  @inline(__always) package func setYMMHigh(_ number: UInt8, _ value: UInt128) {
    let index = Int(number & 15) &* 2
    state.pointee.ymmHigh[index] = value.low
    state.pointee.ymmHigh[index &+ 1] = value.high
  }

  /// A whole vector register.
  @inline(__always) func vector(_ number: UInt8) -> Vector {
    Vector(low: xmm(number), high: ymmHigh(number))
  }

  /// Sets a whole vector register.
  @inline(__always) func setVector(_ number: UInt8, _ value: Vector) {
    setXMM(number, value.low)
    setYMMHigh(number, value.high)
  }

  /// The operand in rm.
  ///
  /// Memory must be aligned in the legacy form unless the instruction says otherwise, never in the
  /// VEX form; instructions that ask for it always align by themselves.
  @inline(__always) func loadVector(
    _ i: borrowing Instruction, aligned: Bool = true
  ) throws(Exception) -> Vector {
    if !i.isVEX { return Vector(low: try loadXMM(i, aligned: aligned)) }
    guard i.hasMemory else { return vector(i.rm) }
    let size = UInt64(i.vectorLength)
    return try loadVector(at: try linearAddress(i, size: size, access: .read), size: size)
  }

  /// Loads 16 or 32 bytes; where alignment is checked, to a multiple of 16, as processors do it.
  func loadVector(
    at address: LinearAddress, size: UInt64, access: Access = .read
  ) throws(Exception) -> Vector {
    if size == 16 { return Vector(low: try load(address, as: UInt128.self, access: access)) }
    if address.offset &+ size > 4096 || isWatching {
      if isWatching { try watch(address, size: 16, access: access) }
      try probe(address, count: size, access: access)
    }
    return Vector(
      low: try load(address, as: UInt128.self, access: access),
      high: try load(address + 16, as: UInt128.self, access: access))
  }

  /// Stores 16 or 32 bytes, all or, when it throws, none.
  func storeVector(
    _ value: Vector, at address: LinearAddress, size: UInt64
  ) throws(Exception) {
    if size == 16 { return try store(value.low, at: address) }
    if address.offset &+ size > 4096 || isWatching {
      if isWatching { try watch(address, size: 16, access: .write) }
      try probe(address, count: size, access: .write)
    }
    try store(value.low, at: address)
    try store(value.high, at: address + 16)
  }

  /// Stores to the operand in rm, which may be a register.
  ///
  /// Memory must be aligned if `aligned`, in both encodings.
  @inline(__always) func storeVector(
    _ i: borrowing Instruction, _ value: Vector, aligned: Bool
  ) throws(Exception) {
    guard i.isVEX else { return try storeXMM(i, value.low, aligned: aligned) }
    guard i.hasMemory else {
      return setVector(i.rm, i.laneCount == 2 ? value : Vector(low: value.low))
    }
    let size = UInt64(i.vectorLength)
    let address = try linearAddress(i, size: size, access: .write)
    if aligned && address.value & (size &- 1) != 0 { throw .generalProtection(errorCode: 0) }
    try storeVector(value, at: address, size: size)
  }

  /// Raises #GP(0) if the memory operand of a VEX form that asks for alignment is misaligned.
  @inline(__always) func checkAlignment(_ i: borrowing Instruction) throws(Exception) {
    guard i.isVEX, i.hasMemory else { return }
    let size = UInt64(i.vectorLength)
    let address = try linearAddress(i, size: size, access: .read)
    if address.value & (size &- 1) != 0 { throw .generalProtection(errorCode: 0) }
  }

  /// Sets the destination in reg.
  @inline(__always) func setVector(_ i: borrowing Instruction, _ value: Vector) {
    setXMM(i.reg, value.low)
    if i.isVEX { setYMMHigh(i.reg, i.laneCount == 2 ? value.high : 0) }
  }

  /// Replaces the low `size` bytes of the first source, and sets DEST to that.
  @inline(__always) func setScalar(_ i: borrowing Instruction, _ value: UInt64, size: UInt8) {
    if i.isVEX {
      setXMM(i.reg, xmm(i.vvvv))
      setYMMHigh(i.reg, 0)
    }
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
