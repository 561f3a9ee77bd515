/// count [N] [MILLISECONDS]: counts to N and sleeps between the numbers; good in the background.
import Apus

@main
struct Count: Program {
  static func run(_ arguments: [[UInt8]]) -> Int32 {
    Usage.describe("count [N] [MILLISECONDS]", "counts to N and sleeps between the numbers")
    let operands = Options(arguments, known: "", operands: 0...2).operands
    let limit = operands.count > 0 ? operands[0].decimal : 5
    let pause = operands.count > 1 ? operands[1].decimal : 500
    guard let limit, let pause else { Usage.refuse("these are no numbers") }
    var number: UInt64 = 0
    while number < limit {
      number += 1
      say("[\(System.processID)] \(number)\n")
      Time.sleep(nanoseconds: min(pause, 1 << 40) * 1_000_000)
    }
    return 0
  }
}
