/// primes [LIMIT]: counts primes with a sieve and compares with what the prime number theorem says.
import Apus

@main
struct Primes: Program {
  static func run(_ arguments: [[UInt8]]) -> Int32 {
    Usage.describe("primes [LIMIT]", "counts primes up to LIMIT, from 2 to 10000000")
    let operands = Options(arguments, known: "", operands: 0...1).operands
    let asked = operands.isEmpty ? 100_000 : operands[0].decimal
    guard let asked, asked >= 2, asked <= 10_000_000 else {
      Usage.refuse("\(text: operands[0]): not a number from 2 to 10000000")
    }
    let limit = Int(asked)
    let begin = Time.sinceBoot
    var isComposite = [Bool](repeating: false, count: limit + 1)
    var count = 0
    var last = 0
    for number in 2...limit where !isComposite[number] {
      count += 1
      last = number
      for multiple in stride(from: number * number, through: limit, by: number) {
        isComposite[multiple] = true
      }
    }
    let estimate = logarithmicIntegral(Double(limit))
    let milliseconds = (Time.sinceBoot - begin) / 1_000_000
    say("\(count) primes up to \(limit), the last is \(last)\n")
    say("the integral of 1/ln x estimates \(estimate, decimals: 1)\n")
    say("\(milliseconds) ms\n")
    return 0
  }
}

/// The integral of 1/ln x from 2 to `end`, by the trapezium rule on a scale that grows with x.
private func logarithmicIntegral(_ end: Double) -> Double {
  var x = 2.0
  var sum = 0.0
  while x < end {
    let next = min(end, x * 1.01)
    sum += (next - x) * (1 / logarithm(x) + 1 / logarithm(next)) / 2
    x = next
  }
  return sum
}

/// ln x, by halving x into the range where the series of the inverse hyperbolic tangent is short.
private func logarithm(_ value: Double) -> Double {
  var x = value
  var halvings = 0.0
  while x > 1.5 {
    x /= 2
    halvings += 1
  }
  let y = (x - 1) / (x + 1)
  var power = y
  var sum = 0.0
  for term in 0..<11 {
    sum += power / Double(2 * term + 1)
    power *= y * y
  }
  return 2 * sum + halvings * 0.693_147_180_559_945_3
}
