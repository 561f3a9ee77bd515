// The operand plumbing of fast handlers: registers by byte offset, memory through the TLB. What an
// operation means is in `Execute`; nothing here computes a result.

/// The operation as handlers get it.
typealias OperationPointer = UnsafeRawPointer

/// Reads `T` from a register by byte offset.
@inline(__always)
func register<T: FixedWidthInteger>(_ s: StatePointer, _ offset: UInt8, as type: T.Type) -> T {
  s.load(fromByteOffset: Int(offset), as: T.self)
}

/// Writes a register as instructions do: 32 bits clear the upper half, 8 and 16 keep the rest.
@inline(__always)
func setRegister<T: FixedWidthInteger & UnsignedInteger>(
  _ s: StatePointer, _ offset: UInt8, _ value: T
) {
  if T.bitWidth == 32 {
    s.storeBytes(
      of: UInt64(truncatingIfNeeded: value), toByteOffset: Int(offset), as: UInt64.self)
  } else {
    s.storeBytes(of: value, toByteOffset: Int(offset), as: T.self)
  }
}

/// An immediate at the operation's width.
@inline(__always)
func immediate<T: FixedWidthInteger>(_ op: UnsafePointer<Operation>, as type: T.Type) -> T {
  T(truncatingIfNeeded: op.pointee.immediate)
}

/// Base + index * scale + displacement.
@inline(__always)
func effectiveAddress(_ s: StatePointer, _ op: UnsafePointer<Operation>) -> UInt64 {
  register(s, op.pointee.base, as: UInt64.self)
    &+ register(s, op.pointee.index, as: UInt64.self) &<< UInt64(op.pointee.scale)
    &+ op.pointee.displacement
}

/// The TLB entry that an address selects.
@inline(__always)
func tlbEntry(_ s: StatePointer, _ address: UInt64) -> UnsafePointer<TLBEntry> {
  let bank = CPU(s).state.pointee.tlb
  let slot = (address &>> 7) & UInt64((CacheLayout.tlbEntries - 1) << 5)
  return UnsafePointer(
    (bank + Int(truncatingIfNeeded: slot)).assumingMemoryBound(
      to: TLBEntry.self))
}

/// Whether `T` may be read straight away, and where.
@inline(__always)
func readable<T>(
  _ s: StatePointer, _ address: UInt64, _ type: T.Type
) -> (Bool, UnsafeMutableRawPointer) {
  let entry = tlbEntry(s, address)
  let offset = address ^ entry.pointee.readTag
  let host = UnsafeMutableRawPointer(bitPattern: UInt(entry.pointee.host &+ offset))
  return (offset <= UInt64(4096 &- MemoryLayout<T>.size), host.unsafelyUnwrapped)
}

/// Whether `T` may be written straight away, and where.
@inline(__always)
func writable<T>(
  _ s: StatePointer, _ address: UInt64, _ type: T.Type
) -> (Bool, UnsafeMutableRawPointer) {
  let entry = tlbEntry(s, address)
  let offset = address ^ entry.pointee.writeTag
  let host = UnsafeMutableRawPointer(bitPattern: UInt(entry.pointee.host &+ offset))
  return (offset <= UInt64(4096 &- MemoryLayout<T>.size), host.unsafelyUnwrapped)
}

/// An access that the TLB does not allow yet: fills it and tries again, or takes the slow method.
@inline(never)
func miss(
  _ s: StatePointer, _ op: UnsafePointer<Operation>, _ address: UInt64, _ access: Access
) {
  if CPU(s).fill(address, access: access) { return next(s, op) }
  if CPU(s).executeSlow(op) { next(s, op + 1) }
}

@inline(__always)
func missRead(_ s: StatePointer, _ op: UnsafePointer<Operation>, _ address: UInt64) {
  miss(s, op, address, .read)
}

@inline(__always)
func missWrite(_ s: StatePointer, _ op: UnsafePointer<Operation>, _ address: UInt64) {
  miss(s, op, address, .write)
}

/// A miss of the last operation of a block.
@inline(never)
func missEnd(_ s: StatePointer, _ op: UnsafePointer<Operation>) {
  if CPU(s).executeSlow(op) { lookUp(s) }
}

/// Flags are needed in RFLAGS: puts them there and tries again.
@inline(never)
func materializeAndRetry(_ s: StatePointer, _ op: UnsafePointer<Operation>) {
  CPU(s).materializeFlags()
  next(s, op)
}

/// Leaves the status flags to be computed when somebody looks.
@inline(__always)
func setLazyFlags<T: FixedWidthInteger & UnsignedInteger>(
  _ s: StatePointer, _ operation: LazyFlags.Operation, result: T, source: T
) {
  let state = CPU(s).state
  state.pointee.lazyKind = LazyFlags.kind(operation, T.self)
  state.pointee.lazyResult = UInt64(truncatingIfNeeded: result)
  state.pointee.lazySource = UInt64(truncatingIfNeeded: source)
}

/// Replaces the status flags; they must be exact already or not be needed any more.
@inline(__always) func setStatus(_ s: StatePointer, _ status: UInt64) {
  let state = CPU(s).state
  state.pointee.lazyKind = LazyFlags.none
  state.pointee.rflags = state.pointee.rflags & ~RFLAGS.status.rawValue | status
}

/// Puts CF into RFLAGS if it is not there.
///
/// False if that takes the slow way.
@inline(__always) func settleCarry(_ s: StatePointer) -> Bool {
  let state = CPU(s).state
  let kind = state.pointee.lazyKind
  if kind == LazyFlags.none || kind & LazyFlags.keptCarry != 0 { return true }
  let carry: UInt64
  switch LazyFlags.operation(kind) {
  case LazyFlags.Operation.add.rawValue:
    carry = state.pointee.lazyResult < state.pointee.lazySource ? 1 : 0
  case LazyFlags.Operation.sub.rawValue:
    carry = state.pointee.lazyResult > state.pointee.lazySource ? 1 : 0
  case LazyFlags.Operation.logic.rawValue: carry = 0
  default: return false
  }
  state.pointee.rflags = state.pointee.rflags & ~1 | carry
  return true
}

/// Replaces CF and OF and leaves the other flags as they are, exact or not.
@inline(__always) func setCarryAndOverflow(_ s: StatePointer, _ status: UInt64) {
  let state = CPU(s).state
  let both = RFLAGS.carry.rawValue | RFLAGS.overflow.rawValue
  state.pointee.rflags = state.pointee.rflags & ~both | status & both
  let kind = state.pointee.lazyKind
  if kind != LazyFlags.none {
    state.pointee.lazyKind = kind | LazyFlags.keptCarry | LazyFlags.keptOverflow
  }
}

/// Replaces CF and leaves the other flags as they are, exact or not.
@inline(__always) func setCarry(_ s: StatePointer, _ carry: UInt64) {
  let state = CPU(s).state
  state.pointee.rflags = state.pointee.rflags & ~RFLAGS.carry.rawValue | carry
  let kind = state.pointee.lazyKind
  if kind != LazyFlags.none { state.pointee.lazyKind = kind | LazyFlags.keptCarry }
}

/// The flags of a product: CF and OF in RFLAGS, the others from its low half.
@inline(__always) func setProductFlags<T: Width>(_ s: StatePointer, low: T, overflow: Bool) {
  let state = CPU(s).state
  let both = RFLAGS.carry.rawValue | RFLAGS.overflow.rawValue
  state.pointee.rflags = state.pointee.rflags & ~both | (overflow ? both : 0)
  state.pointee.lazyKind =
    LazyFlags.kind(.logic, T.self) | LazyFlags.keptCarry | LazyFlags.keptOverflow
  state.pointee.lazyResult = UInt64(truncatingIfNeeded: low)
}

extension CPU {
  /// Fills the TLB for a fast access.
  ///
  /// False if that would not help: the access faults, is not to plain RAM, or crosses the page,
  /// which the tag shows by being there already.
  func fill(_ address: UInt64, access: Access) -> Bool {
    let entry = tlbEntry(UnsafeMutableRawPointer(state), address)
    let linear = LinearAddress(address)
    let tag = access == .write ? entry.pointee.writeTag : entry.pointee.readTag
    let isValid = isLongMode ? isCanonical(linear) : address >> 32 == 0
    guard tag != linear.page, isValid else { return false }
    guard (try? translate(linear, access: access)) != nil else { return false }
    return (access == .write ? entry.pointee.writeTag : entry.pointee.readTag) == linear.page
  }
}
