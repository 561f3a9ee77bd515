/// hello [NAME]: the smallest program.
import Apus

@main
struct Hello: Program {
  static func run(_ arguments: [[UInt8]]) -> Int32 {
    Usage.describe("hello [NAME]", "says hello, from ring 3")
    let operands = Options(arguments, known: "", operands: 0...1).operands
    let name = operands.first ?? [UInt8](text: "world")
    say("Hello, \(text: name)! I am process \(System.processID), in ring 3.\n")
    return 0
  }
}
