/// Under every program: its heap, and printing.
import UserSystem

nonisolated(unsafe) private var heap = Heap()

/// Allocates for the standard library; its name in C is `posix_memalign` (see Start.S).
///
/// The standard library has no answer to a failure but a trap, so the program ends here with a word.
@c(user_memalign)
public func userMemalign(
  _ out: UnsafeMutablePointer<UnsafeMutableRawPointer?>, _ alignment: UInt, _ size: UInt
) -> Int32 {
  guard let memory = heap.allocate(size, alignment: alignment) ?? grow(size, alignment) else {
    say("out of memory: \(size) bytes asked for\n")
    System.exit(1)
  }
  out.pointee = memory
  return 0
}

private func grow(_ size: UInt, _ alignment: UInt) -> UnsafeMutableRawPointer? {
  guard size < UInt(1) << 46 else { return nil }
  let bytes = max(16384, (UInt64(size + alignment + 64) + pageSize) & ~(pageSize - 1))
  guard case .success(let base) = System.grow(bytes) else { return nil }
  heap.add(base: UInt(base), length: UInt(bytes))
  return heap.allocate(size, alignment: alignment)
}

/// Frees for the standard library; its name in C is `free`.
@c(user_free)
public func userFree(_ pointer: UnsafeMutableRawPointer?) {
  if let pointer, !heap.release(pointer) { do_undefined() }
}

/// Writes text to the console.
package func say(_ line: TextLine) {
  line.withBytes { _ = System.write(UnsafeRawBufferPointer($0)) }
}

/// Writes bytes to the console.
package func say(bytes: [UInt8]) {
  bytes.withUnsafeBytes { all in
    var done = 0
    while done < all.count {
      let outcome = System.write(UnsafeRawBufferPointer(rebasing: all[done...]))
      guard case .success(let written) = outcome else { return }
      done += Int(written)
    }
  }
}

extension TextLine.Interpolation {
  /// A number with that many digits after the point.
  package mutating func appendInterpolation(_ value: Double, decimals: Int) {
    var scale: UInt64 = 1
    for _ in 0..<decimals { scale &*= 10 }
    if value < 0 { appendLiteral("-") }
    let scaled = UInt64((value < 0 ? -value : value) * Double(scale) + 0.5)
    appendInterpolation(scaled / scale)
    guard decimals > 0 else { return }
    var fraction: TextLine = "."
    fraction.append(decimal: scaled % scale, width: decimals, fill: 0x30)
    appendInterpolation(fraction)
  }
}
