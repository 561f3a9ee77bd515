/// The lower module of a stack: it exports a function, and cannot go while somebody uses it.
@testable import Kernel

package var step = 1
nonisolated(unsafe) private var last = 0
private let lock = SpinLock("counter")

/// Visible, so any module may call it; its name in C saves the caller an interface file.
@c(counter_next)
package func next() -> Int {
  lock.withLock {
    last += step
    return last
  }
}

@c(module_init)
package func start() -> Int32 { 0 }

@c(module_exit)
package func stop() { log("counter", "the last number was \(last)") }
