import Emulator
import Testing

/// Products and quotients against wider integers.
@Suite("Multiplication and division")
struct MultiplicationTests {
  @Test("MUL and IMUL of every pair of bytes")
  func products() {
    for a in 0...255 {
      for b in 0...255 {
        let unsigned = MUL.apply(UInt8(a), UInt8(b))
        #expect(Int(unsigned.high) << 8 | Int(unsigned.low) == a * b)
        #expect(unsigned.flags & 0x801 == (a * b > 255 ? 0x801 : 0))
        let signed = IMUL.apply(UInt8(a), UInt8(b))
        let product = Int(Int8(truncatingIfNeeded: a)) * Int(Int8(truncatingIfNeeded: b))
        #expect(Int16(bitPattern: UInt16(signed.high) << 8 | UInt16(signed.low)) == product)
        #expect(signed.flags & 0x801 == (product < -128 || product > 127 ? 0x801 : 0))
      }
    }
  }

  /// The 16-bit quotient and remainder, or nil where the manual says #DE.
  private func quotient(_ a: Int, _ b: Int, in range: ClosedRange<Int>) -> [UInt8]? {
    guard b != 0, range.contains(a / b) else { return nil }
    return [UInt8(truncatingIfNeeded: a / b), UInt8(truncatingIfNeeded: a % b)]
  }

  @Test("DIV and IDIV of words by bytes")
  func quotients() {
    let divisors = [0, 1, 2, 3, 7, 10, 127, 128, 129, 200, 254, 255]
    for dividend in 0...0xFFFF {
      let high = UInt8(dividend >> 8)
      let low = UInt8(dividend & 0xFF)
      for divisor in divisors {
        let unsigned = DIV.apply(high: high, low: low, divisor: UInt8(divisor))
          .map { [$0.quotient, $0.remainder] }
        let signed = IDIV.apply(high: high, low: low, divisor: UInt8(divisor))
          .map { [$0.quotient, $0.remainder] }
        let expected = quotient(dividend, divisor, in: 0...255)
        let signedExpected = quotient(
          Int(Int16(truncatingIfNeeded: dividend)), Int(Int8(truncatingIfNeeded: divisor)),
          in: -128...127)
        if unsigned != expected || signed != signedExpected {
          Issue.record("\(dividend) / \(divisor): \(unsigned as Any), \(signed as Any)")
        }
      }
    }
  }

  @Test("The extremes of quadwords raise #DE instead of trapping")
  func extremes() {
    let minimum = UInt64(1) << 63
    #expect(IDIV.apply(high: .max, low: minimum, divisor: UInt64.max) == nil)
    #expect(IDIV.apply(high: minimum, low: 0, divisor: UInt64.max) == nil)
    #expect(IDIV.apply(high: minimum, low: 0, divisor: minimum) == nil)
    #expect(DIV.apply(high: 1, low: 0, divisor: UInt64(1)) == nil)
    #expect(DIV.apply(high: 0, low: 1, divisor: UInt64(0)) == nil)
    let least = IDIV.apply(high: .max, low: minimum, divisor: UInt64(1))
    #expect(least?.quotient == minimum && least?.remainder == 0)
    let widest = DIV.apply(high: .max - 1, low: .max, divisor: UInt64.max)
    #expect(widest?.quotient == .max && widest?.remainder == .max - 1)
  }

  @Test("Quadwords agree with 128-bit integers")
  func quadwords() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<10_000 {
      let a = generator.next()
      let b = generator.next() >> (generator.next() % 64)
      let product = IMUL.apply(a, b)
      let wide = Int128(Int64(bitPattern: a)) * Int128(Int64(bitPattern: b))
      #expect(product.low == UInt64(truncatingIfNeeded: wide))
      #expect(product.high == UInt64(truncatingIfNeeded: wide >> 64))
      guard b != 0 else { continue }
      let high = generator.next() % b
      let dividend = UInt128(_low: a, _high: high)
      let result = DIV.apply(high: high, low: a, divisor: b)
      #expect(result.map { UInt128($0.quotient) } == dividend / UInt128(b))
      #expect(result.map { UInt128($0.remainder) } == dividend % UInt128(b))
    }
  }
}
