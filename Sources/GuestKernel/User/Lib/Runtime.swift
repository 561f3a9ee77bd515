/// Under every program: its heap.
import UserSystem

/// Lock: `heapLock`, a futex's word.
nonisolated(unsafe) private var heap = Heap()
nonisolated(unsafe) private var heapLock: UInt32 = 0

private func withHeapLock<Result>(_ body: () -> Result) -> Result {
  withUnsafeMutablePointer(to: &heapLock) { word in
    Futex.lock(word)
    defer { Futex.unlock(word) }
    return body()
  }
}

/// Allocates for the standard library; its name in C is `posix_memalign` (see Start.S).
///
/// The standard library has no answer to a failure but a trap, so the program ends here with a word.
@c(user_memalign)
public func userMemalign(
  _ out: UnsafeMutablePointer<UnsafeMutableRawPointer?>, _ alignment: UInt, _ size: UInt
) -> Int32 {
  let memory = withHeapLock { heap.allocate(size, alignment: alignment) ?? grow(size, alignment) }
  guard let memory else {
    // Not by `say`, whose buffer is on the heap.
    let line: TextLine = "out of memory: \(size) bytes asked for\n"
    line.withBytes { _ = Descriptor.output.write(all: UnsafeRawBufferPointer($0)) }
    System.exit(1)
  }
  out.pointee = memory
  return 0
}

private func grow(_ size: UInt, _ alignment: UInt) -> UnsafeMutableRawPointer? {
  guard size < UInt(1) << 46 else { return nil }
  let bytes = max(16384, (UInt64(size + alignment + 64) + pageSize) & ~(pageSize - 1))
  guard case .success(let base) = Call.brk(0), case .success(base + bytes) = Call.brk(base + bytes)
  else { return nil }
  heap.add(base: UInt(base), length: UInt(bytes))
  return heap.allocate(size, alignment: alignment)
}

/// Frees for the standard library; its name in C is `free`.
@c(user_free)
public func userFree(_ pointer: UnsafeMutableRawPointer?) {
  guard let pointer else { return }
  if !withHeapLock({ heap.release(pointer) }) { do_undefined() }
}
