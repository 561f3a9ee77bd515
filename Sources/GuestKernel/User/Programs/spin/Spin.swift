/// spin [SECONDS]: keeps the processor busy, for ever unless told how long.
import Apus

@main
struct Spin: Program {
  static func run(_ arguments: [[UInt8]]) -> Int32 {
    let seconds = arguments.count > 1 ? arguments[1].decimal : nil
    let begin = Time.sinceBoot
    var x = 1.0
    while true {
      for _ in 0..<100_000 { x = x * 1.000_000_1 + 0.5 }
      if x > 1e12 { x = 1 }
      if let seconds, Time.sinceBoot - begin >= seconds &* 1_000_000_000 { return 0 }
    }
  }
}
