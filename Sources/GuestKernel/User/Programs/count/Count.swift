/// count [N] [MILLISECONDS]: counts to N and sleeps between the numbers; good in the background.
import Apus

@main
struct Count: Program {
  static func run(_ arguments: [[UInt8]]) -> Int32 {
    let limit = arguments.count > 1 ? arguments[1].decimal : 5
    let pause = arguments.count > 2 ? arguments[2].decimal : 500
    guard let limit, let pause else {
      say("usage: count [N] [MILLISECONDS]\n")
      return 1
    }
    var number: UInt64 = 0
    while number < limit {
      number += 1
      say("[\(System.processID)] \(number)\n")
      Time.sleep(nanoseconds: min(pause, 1 << 40) * 1_000_000)
    }
    return 0
  }
}
