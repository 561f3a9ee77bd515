// The operand plumbing of fast vector handlers. What an operation means is in `Execute`; nothing
// here computes a result.
//
// An operation holds sixteen times the number of its registers: `a` the destination, `b` the
// register operand in rm, and in the low byte of `immediate` the first source. The immediate byte of
// the instruction lies above that.

/// How a vector instruction is encoded, and how many 128-bit lanes it works on.
protocol VectorEncoding {
  /// One or two.
  static var lanes: Int { get }
  /// Whether it clears what lies above, and takes memory at any address.
  static var isVEX: Bool { get }
  /// As many bytes as the operand in memory has.
  associatedtype Memory
}

/// Without VEX: 128 bits, the upper half of YMM stays.
enum LegacyVector: VectorEncoding {
  static var lanes: Int { 1 }
  static var isVEX: Bool { false }
  typealias Memory = SIMD2<UInt64>
}

/// VEX.128.
enum NarrowVector: VectorEncoding {
  static var lanes: Int { 1 }
  static var isVEX: Bool { true }
  typealias Memory = SIMD2<UInt64>
}

/// VEX.256.
enum WideVector: VectorEncoding {
  static var lanes: Int { 2 }
  static var isVEX: Bool { true }
  typealias Memory = SIMD4<UInt64>
}

extension VectorEncoding {
  /// Whether the instruction may be executed; if not, its slow method says why.
  @inline(__always) static func isAllowed(_ s: StatePointer) -> Bool {
    let state = CPU(s).state
    if isVEX {
      let states = ExtendedStateComponent.sse.bit | ExtendedStateComponent.avx.bit
      return state.pointee.cr0 & CR0.taskSwitched.rawValue
        | ~state.pointee.cr4 & CR4.osXSAVE.rawValue | ~state.pointee.xcr0 & states == 0
    }
    let blocked = CR0.emulation.rawValue | CR0.taskSwitched.rawValue
    return state.pointee.cr0 & blocked | ~state.pointee.cr4 & CR4.osFXSR.rawValue == 0
  }
}

/// Bits 127:0 of the register with sixteen times the number `offset`.
@inline(__always)
func vectorRegister(_ s: StatePointer, _ offset: UInt8) -> UnsafeMutableRawPointer {
  s + MemoryLayout<CPUState>.offset(of: \CPUState.xmm).unsafelyUnwrapped + Int(offset & 0xF0)
}

/// Bits 255:128 of the register with sixteen times the number `offset`.
@inline(__always)
func upperRegister(_ s: StatePointer, _ offset: UInt8) -> UnsafeMutableRawPointer {
  s + MemoryLayout<CPUState>.offset(of: \CPUState.ymmHigh).unsafelyUnwrapped + Int(offset & 0xF0)
}

/// A lane from memory or a register.
@inline(__always) func lane(_ at: UnsafeMutableRawPointer) -> UInt128 {
  at.loadUnaligned(as: UInt128.self)
}

/// The first source of an operation.
@inline(__always)
func firstSource<E: VectorEncoding>(
  _: E.Type, _ s: StatePointer, _ op: UnsafePointer<Operation>
) -> Vector {
  let c = UInt8(truncatingIfNeeded: op.pointee.immediate)
  return Vector(
    low: lane(vectorRegister(s, c)), high: E.lanes == 2 ? lane(upperRegister(s, c)) : 0)
}

/// The register operand in rm.
@inline(__always)
func secondSource<E: VectorEncoding>(
  _: E.Type, _ s: StatePointer, _ op: UnsafePointer<Operation>
) -> Vector {
  Vector(
    low: lane(vectorRegister(s, op.pointee.b)),
    high: E.lanes == 2 ? lane(upperRegister(s, op.pointee.b)) : 0)
}

/// The memory operand.
@inline(__always)
func vectorMemory<E: VectorEncoding>(_: E.Type, _ host: UnsafeMutableRawPointer) -> Vector {
  Vector(low: lane(host), high: E.lanes == 2 ? lane(host + 16) : 0)
}

/// The immediate byte of the instruction.
@inline(__always) func vectorImmediate(_ op: UnsafePointer<Operation>) -> UInt8 {
  UInt8(truncatingIfNeeded: op.pointee.immediate &>> 8)
}

/// Sets the register with sixteen times the number `a`, as the encoding has it.
@inline(__always)
func setVector<E: VectorEncoding>(_: E.Type, _ s: StatePointer, _ a: UInt8, _ value: Vector) {
  vectorRegister(s, a).storeBytes(of: value.low, as: UInt128.self)
  if E.isVEX {
    upperRegister(s, a).storeBytes(of: E.lanes == 2 ? value.high : 0, as: UInt128.self)
  }
}

/// What the fast way does not cover: the slow method, then on.
@inline(never)
func slowly(_ s: StatePointer, _ op: UnsafePointer<Operation>) {
  if CPU(s).executeSlow(op) { next(s, op + 1) }
}

/// An operation DEST := f(first source, SRC) of one 128-bit lane.
protocol VectorOperation {
  static func apply(_ a: UInt128, _ b: UInt128) -> UInt128
}

extension VectorOperation {
  @inline(__always)
  static func apply<E: VectorEncoding>(_: E.Type, _ a: Vector, _ b: Vector) -> Vector {
    Vector(low: apply(a.low, b.low), high: E.lanes == 2 ? apply(a.high, b.high) : 0)
  }
}

@inline(__always)
func vectorRR<O: VectorOperation, E: VectorEncoding>(
  _: O.Type, _: E.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  if _slowPath(!E.isAllowed(s)) { return slowly(s, op) }
  let result = O.apply(E.self, firstSource(E.self, s, op), secondSource(E.self, s, op))
  setVector(E.self, s, op.pointee.a, result)
  next(s, op + 1)
}

@inline(__always)
func vectorRM<O: VectorOperation, E: VectorEncoding>(
  _: O.Type, _: E.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  let address = effectiveAddress(s, op)
  // Misaligned operands without VEX fault, which the slow method finds out.
  let isMisaligned = !E.isVEX && address & 15 != 0
  if _slowPath(!E.isAllowed(s) || isMisaligned) { return slowly(s, op) }
  let (hit, host) = readable(s, address, E.Memory.self)
  if _slowPath(!hit) { return missRead(s, op, address) }
  let result = O.apply(E.self, firstSource(E.self, s, op), vectorMemory(E.self, host))
  setVector(E.self, s, op.pointee.a, result)
  next(s, op + 1)
}

/// An operation DEST := f(first source, SRC, imm8) of one 128-bit lane.
protocol ImmediateVectorOperation {
  static func apply(_ a: UInt128, _ b: UInt128, _ immediate: UInt8) -> UInt128
}

extension ImmediateVectorOperation {
  @inline(__always)
  static func apply<E: VectorEncoding>(
    _: E.Type, _ a: Vector, _ b: Vector, _ immediate: UInt8
  ) -> Vector {
    Vector(
      low: apply(a.low, b.low, immediate),
      high: E.lanes == 2 ? apply(a.high, b.high, immediate) : 0)
  }
}

@inline(__always)
func vectorRRI<O: ImmediateVectorOperation, E: VectorEncoding>(
  _: O.Type, _: E.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  if _slowPath(!E.isAllowed(s)) { return slowly(s, op) }
  let result = O.apply(
    E.self, firstSource(E.self, s, op), secondSource(E.self, s, op), vectorImmediate(op))
  setVector(E.self, s, op.pointee.a, result)
  next(s, op + 1)
}
