// Fast plumbing of data movement.

@inline(__always)
func movRR<T: Width>(_: T.Type, _ s: StatePointer, _ o: OperationPointer) {
  let op = UnsafePointer<Operation>(o)
  setRegister(s, op.pointee.a, register(s, op.pointee.b, as: T.self))
  next(s, op + 1)
}

@inline(__always)
func movRI<T: Width>(_: T.Type, _ s: StatePointer, _ o: OperationPointer) {
  let op = UnsafePointer<Operation>(o)
  setRegister(s, op.pointee.a, immediate(op, as: T.self))
  next(s, op + 1)
}

@inline(__always)
func movRM<T: Width>(_: T.Type, _ s: StatePointer, _ o: OperationPointer) {
  let op = UnsafePointer<Operation>(o)
  let address = effectiveAddress(s, op)
  let (hit, host) = readable(s, address, T.self)
  if _slowPath(!hit) { return missRead(s, op, address) }
  setRegister(s, op.pointee.a, host.loadUnaligned(as: T.self))
  next(s, op + 1)
}

@inline(__always)
func movMR<T: Width>(_: T.Type, _ s: StatePointer, _ o: OperationPointer) {
  let op = UnsafePointer<Operation>(o)
  let address = effectiveAddress(s, op)
  let (hit, host) = writable(s, address, T.self)
  if _slowPath(!hit) { return missWrite(s, op, address) }
  host.storeBytes(of: register(s, op.pointee.a, as: T.self), as: T.self)
  next(s, op + 1)
}

@inline(__always)
func movMI<T: Width>(_: T.Type, _ s: StatePointer, _ o: OperationPointer) {
  let op = UnsafePointer<Operation>(o)
  let address = effectiveAddress(s, op)
  let (hit, host) = writable(s, address, T.self)
  if _slowPath(!hit) { return missWrite(s, op, address) }
  host.storeBytes(of: immediate(op, as: T.self), as: T.self)
  next(s, op + 1)
}

/// MOVZX, MOVSX and MOVSXD: `S` is the source's type, signed where the sign is extended.
@inline(__always)
func extendRR<T: Width, S: FixedWidthInteger>(
  _: T.Type, _: S.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  setRegister(s, op.pointee.a, T(truncatingIfNeeded: register(s, op.pointee.b, as: S.self)))
  next(s, op + 1)
}

@inline(__always)
func extendRM<T: Width, S: FixedWidthInteger>(
  _: T.Type, _: S.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  let address = effectiveAddress(s, op)
  let (hit, host) = readable(s, address, S.self)
  if _slowPath(!hit) { return missRead(s, op, address) }
  setRegister(s, op.pointee.a, T(truncatingIfNeeded: host.loadUnaligned(as: S.self)))
  next(s, op + 1)
}

@inline(__always)
func lea<T: Width>(_: T.Type, _ s: StatePointer, _ o: OperationPointer) {
  let op = UnsafePointer<Operation>(o)
  setRegister(s, op.pointee.a, T(truncatingIfNeeded: effectiveAddress(s, op)))
  next(s, op + 1)
}

/// CBW, CWDE and CDQE: the accumulator's lower half `S`, sign-extended to `T`.
@inline(__always)
func extendAccumulator<T: Width, S: FixedWidthInteger>(
  _: T.Type, _: S.Type, _ s: StatePointer, _ o: OperationPointer
) {
  setRegister(s, 0, T(truncatingIfNeeded: register(s, 0, as: S.self)))
  next(s, UnsafePointer<Operation>(o) + 1)
}

/// CWD, CDQ and CQO: the sign of the accumulator in every bit of the data register.
@inline(__always)
func spreadSign<T: Width, S: FixedWidthInteger>(
  _: T.Type, _: S.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let sign = register(s, 0, as: S.self) &>> S(truncatingIfNeeded: S.bitWidth &- 1)
  setRegister(s, Register.rdx.rawValue &* 8, T(truncatingIfNeeded: sign))
  next(s, UnsafePointer<Operation>(o) + 1)
}

@inline(__always)
func xchgRR<T: Width>(_: T.Type, _ s: StatePointer, _ o: OperationPointer) {
  let op = UnsafePointer<Operation>(o)
  let a = register(s, op.pointee.a, as: T.self)
  let b = register(s, op.pointee.b, as: T.self)
  setRegister(s, op.pointee.a, b)
  setRegister(s, op.pointee.b, a)
  next(s, op + 1)
}

@inline(__always)
func bswapR<T: Width>(_: T.Type, _ s: StatePointer, _ o: OperationPointer) {
  let op = UnsafePointer<Operation>(o)
  setRegister(s, op.pointee.a, register(s, op.pointee.a, as: T.self).byteSwapped)
  next(s, op + 1)
}

@inline(__always)
func cmovRR<let code: Int, T: Width>(
  _ c: Condition<code>.Type, _: T.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  let (known, holds) = evaluate(c, s)
  if _slowPath(!known) { return materializeAndRetry(s, op) }
  let a = register(s, op.pointee.a, as: T.self)
  let b = register(s, op.pointee.b, as: T.self)
  setRegister(s, op.pointee.a, holds ? b : a)
  next(s, op + 1)
}

/// CMOVcc from memory, which is read whatever the condition says.
@inline(__always)
func cmovRM<let code: Int, T: Width>(
  _ c: Condition<code>.Type, _: T.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  let (known, holds) = evaluate(c, s)
  if _slowPath(!known) { return materializeAndRetry(s, op) }
  let address = effectiveAddress(s, op)
  let (hit, host) = readable(s, address, T.self)
  if _slowPath(!hit) { return missRead(s, op, address) }
  let a = register(s, op.pointee.a, as: T.self)
  let b = host.loadUnaligned(as: T.self)
  setRegister(s, op.pointee.a, holds ? b : a)
  next(s, op + 1)
}

/// BT: the bit becomes CF, the other flags stay.
@inline(__always)
func finishBitTest<T: Width>(
  _ s: StatePointer, _ op: UnsafePointer<Operation>, _ value: T, _ index: T
) {
  setCarry(s, UInt64(truncatingIfNeeded: value &>> index & 1))
  next(s, op + 1)
}

@inline(__always)
func bitTestRR<T: Width>(_: T.Type, _ s: StatePointer, _ o: OperationPointer) {
  let op = UnsafePointer<Operation>(o)
  finishBitTest(
    s, op, register(s, op.pointee.a, as: T.self), register(s, op.pointee.b, as: T.self))
}

@inline(__always)
func bitTestRI<T: Width>(_: T.Type, _ s: StatePointer, _ o: OperationPointer) {
  let op = UnsafePointer<Operation>(o)
  finishBitTest(s, op, register(s, op.pointee.a, as: T.self), immediate(op, as: T.self))
}

@inline(__always)
func bitTestMI<T: Width>(_: T.Type, _ s: StatePointer, _ o: OperationPointer) {
  let op = UnsafePointer<Operation>(o)
  let address = effectiveAddress(s, op)
  let (hit, host) = readable(s, address, T.self)
  if _slowPath(!hit) { return missRead(s, op, address) }
  finishBitTest(s, op, host.loadUnaligned(as: T.self), immediate(op, as: T.self))
}

@inline(__always)
func setccR<let code: Int>(
  _ c: Condition<code>.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  let (known, holds) = evaluate(c, s)
  if _slowPath(!known) { return materializeAndRetry(s, op) }
  setRegister(s, op.pointee.a, UInt8(holds ? 1 : 0))
  next(s, op + 1)
}

/// Whether a condition can be told without materialising the flags, and if so, what it is.
@inline(__always)
func evaluate<let code: Int>(
  _: Condition<code>.Type, _ s: StatePointer
) -> (known: Bool, holds: Bool) {
  let state = CPU(s).state
  let kind = state.pointee.lazyKind
  if kind == LazyFlags.none { return (true, Condition<code>.holds(state.pointee.rflags)) }
  let result = state.pointee.lazyResult
  if Condition<code>.followsFromResult {
    return (true, Condition<code>.holds(kind: kind, result: result))
  }
  if Condition<code>.isCarry {
    return (settleCarry(s), Condition<code>.holds(state.pointee.rflags))
  }
  // CMP and SUB, untouched since: compare what was compared.
  let isComparison =
    LazyFlags.operation(kind) == LazyFlags.Operation.sub.rawValue
    && kind < LazyFlags.keptCarry
  let source = state.pointee.lazySource
  let shift = 63 &- (kind & 63)
  let a = source &<< shift
  let b = (source &- result) &<< shift
  return (isComparison, Condition<code>.holdsComparing(a, b))
}

/// IMUL with two or three operands, whose flags are dead: the low half of the product.
@inline(__always)
func quietImulRR<T: Width>(_: T.Type, _ s: StatePointer, _ o: OperationPointer) {
  let op = UnsafePointer<Operation>(o)
  let a = register(s, op.pointee.a, as: T.self)
  setRegister(s, op.pointee.a, a &* register(s, op.pointee.b, as: T.self))
  next(s, op + 1)
}

@inline(__always)
func quietImulRRI<T: Width>(_: T.Type, _ s: StatePointer, _ o: OperationPointer) {
  let op = UnsafePointer<Operation>(o)
  let b = register(s, op.pointee.b, as: T.self)
  setRegister(s, op.pointee.a, b &* immediate(op, as: T.self))
  next(s, op + 1)
}

@inline(__always)
func quietImulRM<T: Width>(_: T.Type, _ s: StatePointer, _ o: OperationPointer) {
  let op = UnsafePointer<Operation>(o)
  let address = effectiveAddress(s, op)
  let (hit, host) = readable(s, address, T.self)
  if _slowPath(!hit) { return missRead(s, op, address) }
  let a = register(s, op.pointee.a, as: T.self)
  setRegister(s, op.pointee.a, a &* host.loadUnaligned(as: T.self))
  next(s, op + 1)
}

/// IMUL with two or three operands: the low half of the product.
@inline(__always)
func finishProduct<T: Width>(
  _ s: StatePointer, _ op: UnsafePointer<Operation>, _ a: T, _ b: T
) where T.Magnitude == T {
  let product = IMUL.truncating(a, b)
  setProductFlags(s, low: product.low, overflow: product.overflow)
  setRegister(s, op.pointee.a, product.low)
  next(s, op + 1)
}

@inline(__always)
func imulRR<T: Width>(_: T.Type, _ s: StatePointer, _ o: OperationPointer)
where T.Magnitude == T {
  let op = UnsafePointer<Operation>(o)
  finishProduct(
    s, op, register(s, op.pointee.a, as: T.self), register(s, op.pointee.b, as: T.self))
}

@inline(__always)
func imulRRI<T: Width>(_: T.Type, _ s: StatePointer, _ o: OperationPointer)
where T.Magnitude == T {
  let op = UnsafePointer<Operation>(o)
  finishProduct(s, op, register(s, op.pointee.b, as: T.self), immediate(op, as: T.self))
}

@inline(__always)
func imulRM<T: Width>(_: T.Type, _ s: StatePointer, _ o: OperationPointer)
where T.Magnitude == T {
  let op = UnsafePointer<Operation>(o)
  let address = effectiveAddress(s, op)
  let (hit, host) = readable(s, address, T.self)
  if _slowPath(!hit) { return missRead(s, op, address) }
  finishProduct(s, op, register(s, op.pointee.a, as: T.self), host.loadUnaligned(as: T.self))
}

/// MUL or IMUL of the accumulator by a register, into both halves.
@inline(__always)
func multiplyR<T: Width>(
  _: T.Type, _ s: StatePointer, _ o: OperationPointer, signed: Bool, quiet: Bool = false
) where T.Magnitude == T {
  let op = UnsafePointer<Operation>(o)
  let a = register(s, 0, as: T.self)
  let b = register(s, op.pointee.a, as: T.self)
  let product = signed ? IMUL.apply(a, b) : MUL.apply(a, b)
  if !quiet {
    setProductFlags(s, low: product.low, overflow: product.flags & StatusFlags.carry != 0)
  }
  setRegister(s, 0, product.low)
  setRegister(s, Register.rdx.rawValue &* 8, product.high)
  next(s, op + 1)
}

@c func hotNop(_ s: StatePointer, _ o: UnsafeRawPointer) {
  next(s, UnsafePointer<Operation>(o) + 1)
}

/// Computes an address with a segment base for the operation behind it.
@c func hotAddressBased(_ s: StatePointer, _ o: UnsafeRawPointer) {
  let op = UnsafePointer<Operation>(o)
  let base = CPU(s).state.pointee.segments[Int(op.pointee.a)].base
  setRegister(
    s, UInt8(RegisterSlot.effectiveAddress * 8), effectiveAddress(s, op) &+ base)
  next(s, op + 1)
}

/// Computes an address of 32 bits for the operation behind it.
@c func hotAddress32(_ s: StatePointer, _ o: UnsafeRawPointer) {
  let op = UnsafePointer<Operation>(o)
  setRegister(
    s, UInt8(RegisterSlot.effectiveAddress * 8), effectiveAddress(s, op) & 0xFFFF_FFFF)
  next(s, op + 1)
}
