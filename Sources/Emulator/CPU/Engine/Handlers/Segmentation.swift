// Fast addresses of memory operands that segmentation must look at, outside 64-bit mode: real-address
// and virtual-8086 mode, segments that are not flat, FS and GS.

/// Computes the linear address of an access for the operation behind it, if the access lies in its
/// segment's window; otherwise the slow method executes the instruction.
///
/// `immediate` is the size of the access, `a` the segment. `mask` is the width of the offset.
@inline(__always)
func segmentedAddress(
  _ s: StatePointer, _ o: OperationPointer, mask: UInt64, isWrite: Bool
) {
  let op = UnsafePointer<Operation>(o)
  let offset = effectiveAddress(s, op) & mask
  let window = segmentWindow(s, Int(op.pointee.a))
  let end = isWrite ? window.pointee.writeEnd : window.pointee.readEnd
  if _slowPath(offset &+ op.pointee.immediate > end) { return executeBoth(s, op) }
  setRegister(
    s, UInt8(RegisterSlot.effectiveAddress * 8),
    (window.pointee.base &+ offset) & 0xFFFF_FFFF)
  next(s, op + 1)
}

/// The window of segment `number`.
@inline(__always)
func segmentWindow(_ s: StatePointer, _ number: Int) -> UnsafePointer<SegmentWindow> {
  let windows = MemoryLayout<CPUState>.offset(of: \.segmentWindows).unsafelyUnwrapped
  return UnsafePointer(
    (s + (windows &+ number &* MemoryLayout<SegmentWindow>.stride)).assumingMemoryBound(
      to: SegmentWindow.self))
}

/// Executes by its slow method the instruction whose address operation this is, and skips the
/// operation behind it, which is the instruction's own.
@inline(never)
func executeBoth(_ s: StatePointer, _ op: UnsafePointer<Operation>) {
  let block = op.block
  let instruction = block.pointee.instructions + Int(op.pointee.ordinal)
  let ends = instruction.pointee.endsBlock
  guard CPU(s).executeSlow(op) else { return }
  if ends { lookUp(s) } else { next(s, op + 2) }
}

/// An offset of 16 bits to read at.
@c func hotAddress16Read(_ s: StatePointer, _ o: UnsafeRawPointer) {
  segmentedAddress(s, o, mask: 0xFFFF, isWrite: false)
}

/// An offset of 16 bits to write at.
@c func hotAddress16Write(_ s: StatePointer, _ o: UnsafeRawPointer) {
  segmentedAddress(s, o, mask: 0xFFFF, isWrite: true)
}

/// An offset of 32 bits to read at.
@c func hotAddress32Read(_ s: StatePointer, _ o: UnsafeRawPointer) {
  segmentedAddress(s, o, mask: 0xFFFF_FFFF, isWrite: false)
}

/// An offset of 32 bits to write at.
@c func hotAddress32Write(_ s: StatePointer, _ o: UnsafeRawPointer) {
  segmentedAddress(s, o, mask: 0xFFFF_FFFF, isWrite: true)
}
