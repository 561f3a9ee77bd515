/// spin [SECONDS]: keeps the processor busy, for ever unless told how long.
import Apus

@main
struct Spin: Program {
  static func run(_ arguments: [[UInt8]]) -> Int32 {
    Usage.describe("spin [SECONDS]", "keeps the processor busy")
    let operands = Options(arguments, known: "", operands: 0...1).operands
    let seconds = operands.first?.decimal
    if seconds == nil, let operand = operands.first {
      Usage.refuse("\(text: operand): not a number")
    }
    let begin = Time.sinceBoot
    var x = 1.0
    while true {
      for _ in 0..<100_000 { x = x * 1.000_000_1 + 0.5 }
      if x > 1e12 { x = 1 }
      if let seconds, Time.sinceBoot - begin >= seconds &* 1_000_000_000 { return 0 }
    }
  }
}
