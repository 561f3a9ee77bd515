/// The smallest module that does something: parameters, an init hook and an exit hook.
@testable import Kernel

// Parameters are variables of the package: their names and types are in the file `module`.
package var count = 1
package var name: [UInt8] = []
package var polite = true

@c(module_init)
package func start() -> Int32 {
  guard count >= 0, count <= 10 else { return Int32(SystemError.invalidArgument.rawValue) }
  let whom = name.isEmpty ? [UInt8](text: "world") : name
  for _ in 0..<count { log("hello", "Hello, \(text: whom), from a module") }
  return 0
}

@c(module_exit)
package func stop() {
  if polite { log("hello", "Goodbye") }
}
