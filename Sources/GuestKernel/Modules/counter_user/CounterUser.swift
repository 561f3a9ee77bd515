/// The upper module of a stack: loading it by name loads `counter` first.
@testable import Kernel

@_extern(c, "counter_next")
func counterNext() -> Int

@c(module_init)
package func start() -> Int32 {
  let (a, b, c) = (counterNext(), counterNext(), counterNext())
  log("counter_user", "got \(a), \(b), \(c)")
  return 0
}

@c(module_exit)
package func stop() {}
