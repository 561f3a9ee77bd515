/// What must not happen in a kernel, on purpose: each kind ends in an exception inside the module, `report`
/// when somebody reads /proc/mishap.
import KernelArch

@testable import Kernel

package var kind: [UInt8] = []

@c(module_init)
package func start() -> Int32 {
  if kind.equals("null") {
    _ = mmio_read32(8)
  } else if kind.equals("code") {
    mmio_write32(addressOfCaller(), 0)
  } else if kind.equals("stack") {
    return Int32(truncatingIfNeeded: recurse(1))
  } else if kind.equals("trap") {
    let empty: [Int] = []
    return Int32(empty[kind.count])
  } else if kind.equals("report") {
    ProcFS.add("mishap") { _ in _ = mmio_read32(8) }
  } else {
    log("mishap", "kind=null, code, stack, trap or report")
    return Int32(SystemError.invalidArgument.rawValue)
  }
  return 0
}

/// The address after a call is in the caller's code.
@inline(never)
private func addressOfCaller() -> UInt64 {
  UnsafePointer<UInt64>(OpaquePointer(pointer_to(read_rbp())))[1]
}

@inline(never)
private func recurse(_ depth: UInt64) -> UInt64 {
  var line = TextLine()
  line.append(decimal: depth)
  return depth == 0 ? 0 : recurse(depth + 1) + UInt64(line.count)
}

@c(module_exit)
package func stop() { ProcFS.remove([UInt8](text: "mishap")) }
