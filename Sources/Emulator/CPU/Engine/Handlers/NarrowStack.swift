// Fast stack operations and near control transfer outside 64-bit mode.

/// A stack outside 64-bit mode: the width of its pointer, and where its offsets lead.
protocol NarrowStack {
  associatedtype Pointer: Width
  /// Whether `size` bytes at `offset` need no further check, and their linear address.
  static func location(
    _ s: StatePointer, _ offset: Pointer, size: Int, isWrite: Bool
  ) -> (Bool, UInt64)
}

/// SS with base 0, limit 4 GiB and a 32-bit pointer, as `ExecutionMode.flat` says.
enum FlatStack: NarrowStack {
  @inline(__always)
  static func location(
    _ s: StatePointer, _ offset: UInt32, size: Int, isWrite: Bool
  ) -> (Bool, UInt64) { (true, UInt64(truncatingIfNeeded: offset)) }
}

/// Any SS.
enum SegmentedStack<Pointer: Width>: NarrowStack {
  @inline(__always)
  static func location(
    _ s: StatePointer, _ offset: Pointer, size: Int, isWrite: Bool
  ) -> (Bool, UInt64) {
    let window = segmentWindow(s, Int(SegmentName.ss.rawValue))
    let offset = UInt64(truncatingIfNeeded: offset)
    let end = isWrite ? window.pointee.writeEnd : window.pointee.readEnd
    let linear = (window.pointee.base &+ offset) & 0xFFFF_FFFF
    return (offset &+ UInt64(truncatingIfNeeded: size) <= end, linear)
  }
}

private let stackPointer = Register.rsp.rawValue &* 8
private let framePointer = Register.rbp.rawValue &* 8

/// An operation that only its slow method can do.
@inline(never)
func slow(_ s: StatePointer, _ op: UnsafePointer<Operation>) {
  if CPU(s).executeSlow(op) { next(s, op + 1) }
}

@inline(__always)
func narrowPush<S: NarrowStack, T: Width>(
  _: S.Type, _ s: StatePointer, _ op: UnsafePointer<Operation>, _ value: T
) {
  let size = MemoryLayout<T>.size
  let top = register(s, stackPointer, as: S.Pointer.self) &- S.Pointer(truncatingIfNeeded: size)
  let (isInside, address) = S.location(s, top, size: size, isWrite: true)
  if _slowPath(!isInside) { return slow(s, op) }
  let (hit, host) = writable(s, address, T.self)
  if _slowPath(!hit) { return missWrite(s, op, address) }
  host.storeBytes(of: value, as: T.self)
  setRegister(s, stackPointer, top)
  next(s, op + 1)
}

@inline(__always)
func narrowPushR<S: NarrowStack, T: Width>(
  _ stack: S.Type, _: T.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  narrowPush(stack, s, op, register(s, op.pointee.a, as: T.self))
}

@inline(__always)
func narrowPushI<S: NarrowStack, T: Width>(
  _ stack: S.Type, _: T.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  narrowPush(stack, s, op, immediate(op, as: T.self))
}

@inline(__always)
func narrowPopR<S: NarrowStack, T: Width>(
  _: S.Type, _: T.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  let size = MemoryLayout<T>.size
  let top = register(s, stackPointer, as: S.Pointer.self)
  let (isInside, address) = S.location(s, top, size: size, isWrite: false)
  if _slowPath(!isInside) { return slow(s, op) }
  let (hit, host) = readable(s, address, T.self)
  if _slowPath(!hit) { return missRead(s, op, address) }
  let value = host.loadUnaligned(as: T.self)
  setRegister(s, stackPointer, top &+ S.Pointer(truncatingIfNeeded: size))
  setRegister(s, op.pointee.a, value)
  next(s, op + 1)
}

@inline(__always)
func narrowLeave<S: NarrowStack, T: Width>(
  _: S.Type, _: T.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  let size = MemoryLayout<T>.size
  let frame = register(s, framePointer, as: S.Pointer.self)
  let (isInside, address) = S.location(s, frame, size: size, isWrite: false)
  if _slowPath(!isInside) { return slow(s, op) }
  let (hit, host) = readable(s, address, T.self)
  if _slowPath(!hit) { return missRead(s, op, address) }
  let value = host.loadUnaligned(as: T.self)
  setRegister(s, stackPointer, frame &+ S.Pointer(truncatingIfNeeded: size))
  setRegister(s, framePointer, value)
  next(s, op + 1)
}

/// CALL rel: pushes `displacement` and goes on at the operation in `immediate`.
@inline(__always)
func narrowCall<S: NarrowStack, T: Width>(
  _: S.Type, _: T.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  let size = MemoryLayout<T>.size
  let top = register(s, stackPointer, as: S.Pointer.self) &- S.Pointer(truncatingIfNeeded: size)
  let (isInside, address) = S.location(s, top, size: size, isWrite: true)
  if _slowPath(!isInside) { return missEnd(s, op) }
  let (hit, host) = writable(s, address, T.self)
  if _slowPath(!hit) { return missEnd(s, op, address, .write) }
  host.storeBytes(of: T(truncatingIfNeeded: op.pointee.displacement), as: T.self)
  setRegister(s, stackPointer, top)
  next(s, target(op.pointee.immediate))
}

/// RET near, releasing `immediate` more bytes, where the jump cache knows the way.
@inline(__always)
func narrowRet<S: NarrowStack, T: Width>(
  _: S.Type, _: T.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  let size = MemoryLayout<T>.size
  let top = register(s, stackPointer, as: S.Pointer.self)
  let (isInside, address) = S.location(s, top, size: size, isWrite: false)
  if _slowPath(!isInside) { return missEnd(s, op) }
  let (hit, host) = readable(s, address, T.self)
  if _slowPath(!hit) { return missEnd(s, op, address, .read) }
  let rip = UInt64(truncatingIfNeeded: host.loadUnaligned(as: T.self))
  let (known, operation) = cached(s, rip)
  if _slowPath(!known) { return missEnd(s, op) }
  let released = UInt64(truncatingIfNeeded: size) &+ op.pointee.immediate
  setRegister(s, stackPointer, top &+ S.Pointer(truncatingIfNeeded: released))
  next(s, target(operation))
}

/// CALL r: pushes `immediate`.
@inline(__always)
func narrowCallR<S: NarrowStack, T: Width>(
  _ stack: S.Type, _: T.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  narrowCallIndirect(stack, s, op, register(s, op.pointee.a, as: T.self))
}

/// CALL m: pushes `immediate`.
@inline(__always)
func narrowCallM<S: NarrowStack, T: Width>(
  _ stack: S.Type, _: T.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  let address = effectiveAddress(s, op)
  let (hit, host) = readable(s, address, T.self)
  if _slowPath(!hit) { return missEnd(s, op, address, .read) }
  narrowCallIndirect(stack, s, op, host.loadUnaligned(as: T.self))
}

@inline(__always)
func narrowCallIndirect<S: NarrowStack, T: Width>(
  _: S.Type, _ s: StatePointer, _ op: UnsafePointer<Operation>, _ rip: T
) {
  let (known, operation) = cached(s, UInt64(truncatingIfNeeded: rip))
  if _slowPath(!known) { return missEnd(s, op) }
  let size = MemoryLayout<T>.size
  let top = register(s, stackPointer, as: S.Pointer.self) &- S.Pointer(truncatingIfNeeded: size)
  let (isInside, address) = S.location(s, top, size: size, isWrite: true)
  if _slowPath(!isInside) { return missEnd(s, op) }
  let (hit, host) = writable(s, address, T.self)
  if _slowPath(!hit) { return missEnd(s, op, address, .write) }
  host.storeBytes(of: T(truncatingIfNeeded: op.pointee.immediate), as: T.self)
  setRegister(s, stackPointer, top)
  next(s, target(operation))
}

/// JMP r.
@inline(__always)
func narrowJmpR<T: Width>(_: T.Type, _ s: StatePointer, _ o: OperationPointer) {
  let op = UnsafePointer<Operation>(o)
  let rip = register(s, op.pointee.a, as: T.self)
  let (known, operation) = cached(s, UInt64(truncatingIfNeeded: rip))
  if _slowPath(!known) { return missEnd(s, op) }
  next(s, target(operation))
}

/// JMP m.
@inline(__always)
func narrowJmpM<T: Width>(_: T.Type, _ s: StatePointer, _ o: OperationPointer) {
  let op = UnsafePointer<Operation>(o)
  let address = effectiveAddress(s, op)
  let (hit, host) = readable(s, address, T.self)
  if _slowPath(!hit) { return missEnd(s, op, address, .read) }
  let rip = host.loadUnaligned(as: T.self)
  let (known, operation) = cached(s, UInt64(truncatingIfNeeded: rip))
  if _slowPath(!known) { return missEnd(s, op) }
  next(s, target(operation))
}
