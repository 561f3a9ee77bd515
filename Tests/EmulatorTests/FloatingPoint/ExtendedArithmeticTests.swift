import Emulator
import Testing

#if arch(x86_64) && os(Linux)
  import Glibc

  extension ExtendedPattern {
    /// The same datum as a number of the host's x87.
    fileprivate var host: Float80 {
      Float80(
        sign: signExponent >> 15 == 0 ? .plus : .minus,
        exponentBitPattern: UInt(signExponent & 0x7FFF),
        significandBitPattern: significand)
    }
  }

  extension Float80 {
    /// Whether two numbers are the same, or both NaNs.
    fileprivate func isSame(as other: Float80) -> Bool {
      isNaN ? other.isNaN : self == other && sign == other.sign
    }
  }

  /// The double extended format against the host's own x87, through `Float80`.
  @Suite struct ExtendedArithmeticTests {
    private func environment() -> FloatingPointEnvironment {
      FloatingPointEnvironment(x87Control: 0x37F)
    }

    @Test func arithmeticEqualsHost() {
      var operands = OperandGenerator(seed: 80)
      var failures = 0
      for _ in 0..<400_000 {
        let (a, b) = (operands.extended(), operands.extended())
        let (x, y) = (UnpackedFloat(a), UnpackedFloat(b))
        var environment = environment()
        let results = [
          (environment.add(x, y), a.host + b.host),
          (environment.add(x, y, subtracting: true), a.host - b.host),
          (environment.multiply(x, y), a.host * b.host),
          (environment.divide(x, y), a.host / b.host),
          (environment.squareRoot(x), a.host.squareRoot()),
          (environment.integral(x), a.host.rounded(.toNearestOrEven)),
        ]
        for (mine, host) in results where !mine.extended.host.isSame(as: host) { failures += 1 }
      }
      #expect(failures == 0)
    }

    @Test func narrowingEqualsHost() {
      var operands = OperandGenerator(seed: 81)
      var failures = 0
      for _ in 0..<400_000 {
        let a = operands.extended()
        guard !a.host.isNaN else { continue }
        var single = FloatingPointEnvironment.masked(.single)
        var double = FloatingPointEnvironment.masked(.double)
        let x = UnpackedFloat(a)
        if single.narrow(x).pattern(as: Float.self) != Float(a.host).bitPattern { failures += 1 }
        if double.narrow(x).pattern(as: Double.self) != Double(a.host).bitPattern { failures += 1 }
      }
      #expect(failures == 0)
    }

    @Test func remaindersEqualHost() {
      var operands = OperandGenerator(seed: 82)
      var failures = 0
      for _ in 0..<200_000 {
        let (a, b) = (operands.extended(), operands.extended())
        for roundsToNearest in [false, true] {
          var environment = environment()
          let (rest, quotient) = environment.remainder(
            UnpackedFloat(a), UnpackedFloat(b), roundsToNearest: roundsToNearest)
          // A partial remainder is complete only after more steps.
          if quotient == nil { continue }
          let host =
            roundsToNearest
            ? a.host.remainder(dividingBy: b.host)
            : a.host.truncatingRemainder(dividingBy: b.host)
          if !rest.extended.host.isSame(as: host) { failures += 1 }
        }
      }
      #expect(failures == 0)
    }

    /// Units in the last place between two numbers.
    private func distance(_ a: Float80, _ b: Float80) -> Float80 {
      a == b ? 0 : abs(a - b) / b.ulp
    }

    /// The functions to two units, one of which is the host library's own error.
    @Test func transcendentalsAreWithinTheirBound() {
      var operands = OperandGenerator(seed: 83)
      var worst: Float80 = 0
      for _ in 0..<20_000 {
        let fraction = UnpackedFloat(
          ExtendedPattern(
            signExponent: 0x3FFE - UInt16(operands.next() % 20),
            significand: operands.next() | 1 << 63))
        let x = fraction.extended.host
        let any = UnpackedFloat(
          ExtendedPattern(
            signExponent: 0x3FFF - 30 + UInt16(operands.next() % 60),
            significand: operands.next() | 1 << 63))
        let y = any.extended.host
        let one = UnpackedFloat(1)
        var e = environment()
        let results: [(UnpackedFloat, Float80)] = [
          (e.logarithm(any, times: one), log2(y)),
          (e.arctangent(fraction, over: any), atan2l(x, y)),
          (e.arctangent(any, over: fraction), atan2l(y, x)),
          (e.sineAndCosine(fraction, wantsSine: true, wantsCosine: false)?.sine ?? one, sin(x)),
          (e.sineAndCosine(fraction, wantsSine: false, wantsCosine: true)?.cosine ?? one, cos(x)),
          (e.tangent(fraction) ?? one, tan(x)),
        ]
        for (mine, host) in results { worst = max(worst, distance(mine.extended.host, host)) }
        // 2^x − 1 and log₂(1 + x) undo each other, up to the amplification of the argument's error.
        let power = e.exponentialMinusOne(fraction)
        let back = e.logarithmOfOnePlus(power, times: one)
        #expect(distance(back.extended.host, x) <= 3)
      }
      #expect(worst <= 2)
    }
  }
#endif
