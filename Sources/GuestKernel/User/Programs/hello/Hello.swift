/// hello [NAME]: the smallest program.
import Apus

@main
struct Hello: Program {
  static func run(_ arguments: [[UInt8]]) -> Int32 {
    let name = arguments.count > 1 ? arguments[1] : [UInt8](text: "world")
    say("Hello, \(text: name)! I am process \(System.processID), in ring 3.\n")
    return 0
  }
}
