// Fast plumbing of uniform operations. Suffixes: r register, m memory, i immediate; destination
// first.

typealias Width = FixedWidthInteger & UnsignedInteger

@inline(__always)
func finish<F: LazyOperation, T: Width>(
  _: F.Type, _ s: StatePointer, _ op: UnsafePointer<Operation>, _ a: T, _ b: T
) {
  let result = F.apply(a, b, flags: 0).0
  if F.recordsFlags { setLazyFlags(s, F.lazyOperation, result: result, source: a) }
  if F.writesDestination { setRegister(s, op.pointee.a, result) }
  next(s, op + 1)
}

@inline(__always)
func binaryRR<F: LazyOperation, T: Width>(
  _ f: F.Type, _: T.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  finish(
    f, s, op, register(s, op.pointee.a, as: T.self), register(s, op.pointee.b, as: T.self))
}

@inline(__always)
func binaryRI<F: LazyOperation, T: Width>(
  _ f: F.Type, _: T.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  finish(f, s, op, register(s, op.pointee.a, as: T.self), immediate(op, as: T.self))
}

@inline(__always)
func binaryRM<F: LazyOperation, T: Width>(
  _ f: F.Type, _: T.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  let address = effectiveAddress(s, op)
  let (hit, host) = readable(s, address, T.self)
  if _slowPath(!hit) { return missRead(s, op, address) }
  finish(f, s, op, register(s, op.pointee.a, as: T.self), host.loadUnaligned(as: T.self))
}

@inline(__always)
func finishMemory<F: LazyOperation, T: Width>(
  _: F.Type, _ s: StatePointer, _ op: UnsafePointer<Operation>, _ b: T
) {
  let address = effectiveAddress(s, op)
  let (hit, host) =
    F.writesDestination ? writable(s, address, T.self) : readable(s, address, T.self)
  if _slowPath(!hit) {
    return F.writesDestination ? missWrite(s, op, address) : missRead(s, op, address)
  }
  let a = host.loadUnaligned(as: T.self)
  let result = F.apply(a, b, flags: 0).0
  if F.recordsFlags { setLazyFlags(s, F.lazyOperation, result: result, source: a) }
  if F.writesDestination { host.storeBytes(of: result, as: T.self) }
  next(s, op + 1)
}

@inline(__always)
func binaryMR<F: LazyOperation, T: Width>(
  _ f: F.Type, _: T.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  finishMemory(f, s, op, register(s, op.pointee.a, as: T.self))
}

@inline(__always)
func binaryMI<F: LazyOperation, T: Width>(
  _ f: F.Type, _: T.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  finishMemory(f, s, op, immediate(op, as: T.self))
}

/// ADC and SBB: CF must be in RFLAGS before; with it the kind is the next one, without it ADD's or
/// SUB's own.
@inline(__always)
func finishCarry<F: LazyOperation, T: Width>(
  _: F.Type, _ s: StatePointer, _ op: UnsafePointer<Operation>, _ b: T
) {
  let carry = CPU(s).state.pointee.rflags & 1
  let a = register(s, op.pointee.a, as: T.self)
  let result = F.apply(a, b, flags: carry).0
  setLazyFlags(s, F.lazyOperation, result: result, source: a)
  CPU(s).state.pointee.lazyKind = LazyFlags.kind(F.lazyOperation, T.self) &+ carry &<< 8
  setRegister(s, op.pointee.a, result)
  next(s, op + 1)
}

@inline(__always)
func carryRR<F: LazyOperation, T: Width>(
  _ f: F.Type, _: T.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  if _slowPath(!settleCarry(s)) { return materializeAndRetry(s, op) }
  finishCarry(f, s, op, register(s, op.pointee.b, as: T.self))
}

@inline(__always)
func carryRI<F: LazyOperation, T: Width>(
  _ f: F.Type, _: T.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  if _slowPath(!settleCarry(s)) { return materializeAndRetry(s, op) }
  finishCarry(f, s, op, immediate(op, as: T.self))
}

@inline(__always)
func stepR<F: LazyUnaryOperation, T: Width>(
  _: F.Type, _: T.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  if F.recordsFlags && _slowPath(!settleCarry(s)) { return materializeAndRetry(s, op) }
  let a = register(s, op.pointee.a, as: T.self)
  let result = F.apply(a, flags: 0).0
  if F.recordsFlags { setLazyFlags(s, F.lazyOperation, result: result, source: a) }
  setRegister(s, op.pointee.a, result)
  next(s, op + 1)
}

@inline(__always)
func stepM<F: LazyUnaryOperation, T: Width>(
  _: F.Type, _: T.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  if F.recordsFlags && _slowPath(!settleCarry(s)) { return materializeAndRetry(s, op) }
  let address = effectiveAddress(s, op)
  let (hit, host) = writable(s, address, T.self)
  if _slowPath(!hit) { return missWrite(s, op, address) }
  let a = host.loadUnaligned(as: T.self)
  let result = F.apply(a, flags: 0).0
  if F.recordsFlags { setLazyFlags(s, F.lazyOperation, result: result, source: a) }
  host.storeBytes(of: result, as: T.self)
  next(s, op + 1)
}

@inline(__always)
func notR<T: Width>(_: T.Type, _ s: StatePointer, _ o: OperationPointer) {
  let op = UnsafePointer<Operation>(o)
  setRegister(
    s, op.pointee.a, NOT.apply(register(s, op.pointee.a, as: T.self), flags: 0).0)
  next(s, op + 1)
}

/// NEG: SUB from zero, or `Quiet<SUB>`.
@inline(__always)
func negR<F: LazyOperation, T: Width>(
  _ f: F.Type, _: T.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  finish(f, s, op, 0, register(s, op.pointee.a, as: T.self))
}

/// Shift by a count that is not zero once masked.
@inline(__always)
func finishShift<F: LazyShiftOperation, T: Width>(
  _: F.Type, _: T.Type, _ s: StatePointer, _ op: UnsafePointer<Operation>, _ count: UInt8
) {
  let a = register(s, op.pointee.a, as: T.self)
  let result = F.apply(a, count: count, flags: 0).0
  if F.recordsFlags {
    setLazyFlags(
      s, F.lazyOperation, result: result, source: F.allButLast(a, count: count))
  }
  setRegister(s, op.pointee.a, result)
  next(s, op + 1)
}

/// Shift by a constant that is not zero.
@inline(__always)
func shiftRI<F: LazyShiftOperation, T: Width>(
  _ f: F.Type, _ t: T.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  finishShift(f, t, s, op, UInt8(truncatingIfNeeded: op.pointee.immediate))
}

/// Shift by CL; a count of zero changes no flags.
@inline(__always)
func shiftRC<F: LazyShiftOperation, T: Width>(
  _ f: F.Type, _ t: T.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  let mask: UInt8 = T.bitWidth == 64 ? 63 : 31
  let count = register(s, Register.rcx.rawValue &* 8, as: UInt8.self) & mask
  if count == 0 {
    setRegister(s, op.pointee.a, register(s, op.pointee.a, as: T.self))
    return next(s, op + 1)
  }
  finishShift(f, t, s, op, count)
}

/// Rotation: CF and OF change unless the count is zero, the other flags stay.
@inline(__always)
func finishRotation<F: ShiftOperation, T: Width>(
  _: F.Type, _: T.Type, _ s: StatePointer, _ op: UnsafePointer<Operation>, _ count: UInt8
) {
  let a = register(s, op.pointee.a, as: T.self)
  if count != 0 {
    let (result, status) = F.apply(a, count: count, flags: 0)
    setCarryAndOverflow(s, status)
    setRegister(s, op.pointee.a, result)
  } else {
    setRegister(s, op.pointee.a, a)
  }
  next(s, op + 1)
}

@inline(__always)
func rotateRI<F: ShiftOperation, T: Width>(
  _ f: F.Type, _ t: T.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  finishRotation(f, t, s, op, UInt8(truncatingIfNeeded: op.pointee.immediate))
}

@inline(__always)
func rotateRC<F: ShiftOperation, T: Width>(
  _ f: F.Type, _ t: T.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  finishRotation(
    f, t, s, op,
    register(s, Register.rcx.rawValue &* 8, as: UInt8.self) & (T.bitWidth == 64 ? 63 : 31))
}
