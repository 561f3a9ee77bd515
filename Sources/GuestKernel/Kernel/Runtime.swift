// The C functions that Embedded Swift's standard library calls.
import KernelArch

/// Allocates for the standard library; its name in C is `posix_memalign` (see memory.S).
@c(kernel_memalign)
public func kernelMemalign(
  _ out: UnsafeMutablePointer<UnsafeMutableRawPointer?>, _ alignment: UInt, _ size: UInt
) -> Int32 {
  let outOfMemory: Int32 = 12
  AtomicAllocations.note()
  guard let memory = KernelHeap.allocate(size, alignment: alignment) else { return outOfMemory }
  out.pointee = memory
  return 0
}

/// Frees for the standard library; its name in C is `free`.
@c(kernel_free)
public func kernelFree(_ pointer: UnsafeMutableRawPointer?) {
  if let pointer { KernelHeap.release(pointer) }
}

/// Writes what the standard library says before it gives up; only code that is not optimized has it do so.
@c(kernel_putchar)
public func kernelPutchar(_ character: Int32) -> Int32 {
  Console.write([UInt8(truncatingIfNeeded: character)])
  return character
}

/// Seeds the standard library's hashing.
@c(arc4random_buf)
public func arc4randomBuffer(_ pointer: UnsafeMutableRawPointer, _ count: UInt) {
  var state = rdtsc() | 1
  for index in 0..<Int(bitPattern: count) {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    pointer.storeBytes(of: UInt8(truncatingIfNeeded: state), toByteOffset: index, as: UInt8.self)
  }
}
