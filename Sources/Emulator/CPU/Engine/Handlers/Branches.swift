// Fast plumbing of control transfer. A Jcc holds the operations it leads to in `immediate` (taken)
// and `displacement` (not taken).

/// Goes to one of two operations by a real host branch: a select would make the next handler's
/// address depend on guest data.
@inline(__always)
func branch(_ s: StatePointer, _ jump: UnsafePointer<Operation>, _ taken: Bool) {
  if _fastPath(taken) {
    next(s, target(jump.pointee.immediate))
  } else {
    next(s, target(jump.pointee.displacement))
  }
}

@inline(__always)
func jcc<let code: Int>(
  _: Condition<code>.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  let (known, holds) = evaluate(Condition<code>.self, s)
  if _slowPath(!known) { return materializeAndRetry(s, op) }
  branch(s, op, holds)
}

/// CMP and the Jcc behind it, whose operation is the next one.
@inline(__always)
func compareBranch<let code: Int, T: Width>(
  _: Condition<code>.Type, _ s: StatePointer, _ op: UnsafePointer<Operation>, _ a: T, _ b: T
) {
  setLazyFlags(s, CMP.lazyOperation, result: CMP.apply(a, b, flags: 0).0, source: a)
  branch(s, op + 1, Condition<code>.holdsComparing(a, b))
}

@inline(__always)
func compareBranchRR<let code: Int, T: Width>(
  _ c: Condition<code>.Type, _: T.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  compareBranch(
    c, s, op, register(s, op.pointee.a, as: T.self), register(s, op.pointee.b, as: T.self))
}

@inline(__always)
func compareBranchRI<let code: Int, T: Width>(
  _ c: Condition<code>.Type, _: T.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  compareBranch(c, s, op, register(s, op.pointee.a, as: T.self), immediate(op, as: T.self))
}

@inline(__always)
func compareBranchRM<let code: Int, T: Width>(
  _ c: Condition<code>.Type, _: T.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  let address = effectiveAddress(s, op)
  let (hit, host) = readable(s, address, T.self)
  if _slowPath(!hit) { return missRead(s, op, address) }
  compareBranch(
    c, s, op, register(s, op.pointee.a, as: T.self), host.loadUnaligned(as: T.self))
}

@inline(__always)
func compareBranchMI<let code: Int, T: Width>(
  _ c: Condition<code>.Type, _: T.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  let address = effectiveAddress(s, op)
  let (hit, host) = readable(s, address, T.self)
  if _slowPath(!hit) { return missRead(s, op, address) }
  compareBranch(c, s, op, host.loadUnaligned(as: T.self), immediate(op, as: T.self))
}

@inline(__always)
func testBranch<let code: Int, T: Width>(
  _: Condition<code>.Type, _ s: StatePointer, _ op: UnsafePointer<Operation>, _ a: T, _ b: T
) {
  let result = TEST.apply(a, b, flags: 0).0
  setLazyFlags(s, TEST.lazyOperation, result: result, source: a)
  branch(s, op + 1, Condition<code>.holdsTesting(result))
}

@inline(__always)
func testBranchRR<let code: Int, T: Width>(
  _ c: Condition<code>.Type, _: T.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  testBranch(
    c, s, op, register(s, op.pointee.a, as: T.self), register(s, op.pointee.b, as: T.self))
}

@inline(__always)
func testBranchRI<let code: Int, T: Width>(
  _ c: Condition<code>.Type, _: T.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  testBranch(c, s, op, register(s, op.pointee.a, as: T.self), immediate(op, as: T.self))
}

/// TEST or CMP of memory and a register, and the Jcc behind it.
@inline(__always)
func compareBranchMR<let code: Int, T: Width>(
  _ c: Condition<code>.Type, _: T.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  let address = effectiveAddress(s, op)
  let (hit, host) = readable(s, address, T.self)
  if _slowPath(!hit) { return missRead(s, op, address) }
  compareBranch(
    c, s, op, host.loadUnaligned(as: T.self), register(s, op.pointee.a, as: T.self))
}

@inline(__always)
func testBranchMR<let code: Int, T: Width>(
  _ c: Condition<code>.Type, _: T.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  let address = effectiveAddress(s, op)
  let (hit, host) = readable(s, address, T.self)
  if _slowPath(!hit) { return missRead(s, op, address) }
  testBranch(
    c, s, op, host.loadUnaligned(as: T.self), register(s, op.pointee.a, as: T.self))
}

@inline(__always)
func testBranchMI<let code: Int, T: Width>(
  _ c: Condition<code>.Type, _: T.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  let address = effectiveAddress(s, op)
  let (hit, host) = readable(s, address, T.self)
  if _slowPath(!hit) { return missRead(s, op, address) }
  testBranch(c, s, op, host.loadUnaligned(as: T.self), immediate(op, as: T.self))
}

/// An operation with a result and the Jcc behind it, which looks at ZF or SF only.
@inline(__always)
func resultBranchRR<F: LazyOperation, let code: Int, T: Width>(
  _: F.Type, _: Condition<code>.Type, _: T.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  let a = register(s, op.pointee.a, as: T.self)
  let result = F.apply(a, register(s, op.pointee.b, as: T.self), flags: 0).0
  setLazyFlags(s, F.lazyOperation, result: result, source: a)
  setRegister(s, op.pointee.a, result)
  branch(s, op + 1, Condition<code>.holdsTesting(result))
}

@inline(__always)
func resultBranchRI<F: LazyOperation, let code: Int, T: Width>(
  _: F.Type, _: Condition<code>.Type, _: T.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  let a = register(s, op.pointee.a, as: T.self)
  let result = F.apply(a, immediate(op, as: T.self), flags: 0).0
  setLazyFlags(s, F.lazyOperation, result: result, source: a)
  setRegister(s, op.pointee.a, result)
  branch(s, op + 1, Condition<code>.holdsTesting(result))
}

/// INC or DEC and the Jcc behind it, which looks at ZF or SF only.
@inline(__always)
func stepBranchR<F: LazyUnaryOperation, let code: Int, T: Width>(
  _: F.Type, _: Condition<code>.Type, _: T.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  if _slowPath(!settleCarry(s)) { return materializeAndRetry(s, op) }
  let a = register(s, op.pointee.a, as: T.self)
  let result = F.apply(a, flags: 0).0
  setLazyFlags(s, F.lazyOperation, result: result, source: a)
  setRegister(s, op.pointee.a, result)
  branch(s, op + 1, Condition<code>.holdsTesting(result))
}

private let rspOffset = Register.rsp.rawValue &* 8

/// CALL rel: pushes `displacement` and goes on at the operation in `immediate`.
@c func hotCall(_ s: StatePointer, _ o: UnsafeRawPointer) {
  let op = UnsafePointer<Operation>(o)
  let address = register(s, rspOffset, as: UInt64.self) &- 8
  let (hit, host) = writable(s, address, UInt64.self)
  if _slowPath(!hit) { return missEnd(s, op, address, .write) }
  host.storeBytes(of: op.pointee.displacement, as: UInt64.self)
  setRegister(s, rspOffset, address)
  next(s, target(op.pointee.immediate))
}

/// An access of a block's last operation that the TLB does not allow yet.
///
/// One function for reads and writes: two alike would be merged into one that is called, not jumped
/// to.
@inline(never)
func missEnd(
  _ s: StatePointer, _ op: UnsafePointer<Operation>, _ address: UInt64, _ access: Access
) {
  if CPU(s).fill(address, access: access) { return next(s, op) }
  missEnd(s, op)
}

/// The operation that the jump cache holds for an address, if it holds one that is valid now.
@inline(__always)
func cached(_ s: StatePointer, _ rip: UInt64) -> (Bool, UInt64) {
  let cpu = CPU(s)
  let entry = cpu.jumpEntry(rip)
  let differs =
    (entry.pointee.rip ^ rip) | (entry.pointee.key ^ cpu.state.pointee.jumpKey)
  return (differs == 0, entry.pointee.operation)
}

/// RET near, where the jump cache knows the way.
@c func hotRet(_ s: StatePointer, _ o: UnsafeRawPointer) {
  let op = UnsafePointer<Operation>(o)
  let top = register(s, rspOffset, as: UInt64.self)
  let (hit, host) = readable(s, top, UInt64.self)
  if _slowPath(!hit) { return missEnd(s, op, top, .read) }
  let rip = host.loadUnaligned(as: UInt64.self)
  let (known, operation) = cached(s, rip)
  if _slowPath(!known) { return missEnd(s, op) }
  setRegister(s, rspOffset, top &+ 8)
  next(s, target(operation))
}

/// JMP r64.
@c func hotJmpR(_ s: StatePointer, _ o: UnsafeRawPointer) {
  let op = UnsafePointer<Operation>(o)
  let (known, operation) = cached(s, register(s, op.pointee.a, as: UInt64.self))
  if _slowPath(!known) { return missEnd(s, op) }
  next(s, target(operation))
}

/// JMP m64.
@c func hotJmpM(_ s: StatePointer, _ o: UnsafeRawPointer) {
  let op = UnsafePointer<Operation>(o)
  let address = effectiveAddress(s, op)
  let (hit, host) = readable(s, address, UInt64.self)
  if _slowPath(!hit) { return missEnd(s, op, address, .read) }
  let (known, operation) = cached(s, host.loadUnaligned(as: UInt64.self))
  if _slowPath(!known) { return missEnd(s, op) }
  next(s, target(operation))
}

/// CALL r64: pushes `immediate`.
@c func hotCallR(_ s: StatePointer, _ o: UnsafeRawPointer) {
  let op = UnsafePointer<Operation>(o)
  callIndirect(s, op, register(s, op.pointee.a, as: UInt64.self))
}

/// CALL m64: pushes `immediate`.
@c func hotCallM(_ s: StatePointer, _ o: UnsafeRawPointer) {
  let op = UnsafePointer<Operation>(o)
  let address = effectiveAddress(s, op)
  let (hit, host) = readable(s, address, UInt64.self)
  if _slowPath(!hit) { return missEnd(s, op, address, .read) }
  callIndirect(s, op, host.loadUnaligned(as: UInt64.self))
}

@inline(__always)
func callIndirect(_ s: StatePointer, _ op: UnsafePointer<Operation>, _ rip: UInt64) {
  let (known, operation) = cached(s, rip)
  if _slowPath(!known) { return missEnd(s, op) }
  let address = register(s, rspOffset, as: UInt64.self) &- 8
  let (hit, host) = writable(s, address, UInt64.self)
  // No second try: where the call's target was read from may share its place in the TLB with the
  // stack, and each would drive the other out for ever.
  if _slowPath(!hit) { return missEnd(s, op) }
  host.storeBytes(of: op.pointee.immediate, as: UInt64.self)
  setRegister(s, rspOffset, address)
  next(s, target(operation))
}

/// PUSH r64.
@c func hotPushR(_ s: StatePointer, _ o: UnsafeRawPointer) {
  let op = UnsafePointer<Operation>(o)
  push(s, op, register(s, op.pointee.a, as: UInt64.self))
}

/// PUSH imm, 64 bits wide.
@c func hotPushI(_ s: StatePointer, _ o: UnsafeRawPointer) {
  let op = UnsafePointer<Operation>(o)
  push(s, op, op.pointee.immediate)
}

@inline(__always)
func push(_ s: StatePointer, _ op: UnsafePointer<Operation>, _ value: UInt64) {
  let address = register(s, rspOffset, as: UInt64.self) &- 8
  let (hit, host) = writable(s, address, UInt64.self)
  if _slowPath(!hit) { return missWrite(s, op, address) }
  host.storeBytes(of: value, as: UInt64.self)
  setRegister(s, rspOffset, address)
  next(s, op + 1)
}

/// POP r64.
@c func hotPopR(_ s: StatePointer, _ o: UnsafeRawPointer) {
  let op = UnsafePointer<Operation>(o)
  let top = register(s, rspOffset, as: UInt64.self)
  let (hit, host) = readable(s, top, UInt64.self)
  if _slowPath(!hit) { return missRead(s, op, top) }
  let value = host.loadUnaligned(as: UInt64.self)
  setRegister(s, rspOffset, top &+ 8)
  setRegister(s, op.pointee.a, value)
  next(s, op + 1)
}

/// LEAVE in 64-bit mode.
@c func hotLeave(_ s: StatePointer, _ o: UnsafeRawPointer) {
  let op = UnsafePointer<Operation>(o)
  let frame = register(s, Register.rbp.rawValue &* 8, as: UInt64.self)
  let (hit, host) = readable(s, frame, UInt64.self)
  if _slowPath(!hit) { return missRead(s, op, frame) }
  let value = host.loadUnaligned(as: UInt64.self)
  setRegister(s, Register.rbp.rawValue &* 8, value)
  setRegister(s, rspOffset, frame &+ 8)
  next(s, op + 1)
}

/// LOOP: counts rCX of the address size down and jumps unless it is zero.
@inline(__always)
func loopRegister<T: Width>(_: T.Type, _ s: StatePointer, _ o: OperationPointer) {
  let counter = Register.rcx.rawValue &* 8
  let count = register(s, counter, as: T.self) &- 1
  setRegister(s, counter, count)
  branch(s, UnsafePointer<Operation>(o), count != 0)
}

/// JCXZ, JECXZ, JRCXZ.
@inline(__always)
func jumpIfZero<T: Width>(_: T.Type, _ s: StatePointer, _ o: OperationPointer) {
  let count = register(s, Register.rcx.rawValue &* 8, as: T.self)
  branch(s, UnsafePointer<Operation>(o), count == 0)
}
