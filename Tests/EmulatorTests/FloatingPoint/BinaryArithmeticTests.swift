import Emulator
import Testing

/// binary32 and binary64 arithmetic against the host's own, which rounds to nearest, and against a
/// wider reference in the other directions.
@Suite struct BinaryArithmeticTests {
  private static let operations: [ElementOperation] = [
    .squareRoot, .add, .multiply, .subtract, .divide,
  ]

  private func host<F: InterchangeFormat>(_ operation: ElementOperation, _ x: F, _ y: F) -> F {
    switch operation {
    case .squareRoot: y.squareRoot()
    case .add: x + y
    case .multiply: x * y
    case .subtract: x - y
    case .divide: x / y
    case .minimum: x < y ? x : y
    case .maximum: x > y ? x : y
    }
  }

  private func agrees<F: InterchangeFormat>(
    _ operation: ElementOperation, _ a: F.Pattern, _ b: F.Pattern, as type: F.Type
  ) -> Bool {
    var environment = FloatingPointEnvironment.masked(F.format)
    let result = environment.compute(operation, a, b, as: F.self)
    let expected = host(operation, F(bitPattern: a), F(bitPattern: b))
    let isSame =
      expected.isNaN
      ? F(bitPattern: result).isNaN && !F(bitPattern: result).isSignalingNaN
      : result == expected.bitPattern
    guard
      let fast = FloatingPointEnvironment.computeOnHost(operation, a, b, as: F.self)
    else { return isSame }
    return isSame && fast == result
      && environment.flags.isSubset(of: [.precision])
  }

  @Test(arguments: operations)
  func nearestEqualsHost(_ operation: ElementOperation) {
    var operands = OperandGenerator(seed: 0x5EED + UInt64(operation.rawValue))
    var failures = 0
    for _ in 0..<400_000 {
      if !agrees(operation, operands.single(), operands.single(), as: Float.self) { failures += 1 }
      if !agrees(operation, operands.double(), operands.double(), as: Double.self) {
        failures += 1
      }
    }
    #expect(failures == 0)
  }

  /// The binary64 result and whether it is exact, or nil where it cannot tell.
  private func wide(
    _ operation: ElementOperation, _ x: Double, _ y: Double
  ) -> (value: Double, isExact: Bool)? {
    switch operation {
    case .add, .subtract:
      guard x == 0 || y == 0 || abs(x.exponent - y.exponent) < 28 else { return nil }
      return (operation == .add ? x + y : x - y, true)
    case .multiply: return (x * y, true)
    case .divide:
      guard y != 0 else { return nil }
      let quotient = x / y
      return (quotient, (-x).addingProduct(quotient, y) == 0)
    case .squareRoot:
      guard y >= 0 else { return nil }
      let root = y.squareRoot()
      return (root, (-y).addingProduct(root, root) == 0)
    default: return nil
    }
  }

  @Test(arguments: operations, RoundingControl.allCases)
  func everyDirectionEqualsWiderArithmetic(
    _ operation: ElementOperation, _ rounding: RoundingControl
  ) {
    var operands = OperandGenerator(seed: 77 + UInt64(operation.rawValue))
    var failures = 0
    for _ in 0..<100_000 {
      let (a, b) = (operands.single(), operands.single())
      let (x, y) = (Double(Float(bitPattern: a)), Double(Float(bitPattern: b)))
      guard x.isFinite, y.isFinite, let exact = wide(operation, x, y) else { continue }
      // The sign of an exact zero sum depends on the direction.
      if exact.value == 0 && (operation == .add || operation == .subtract) { continue }
      var environment = FloatingPointEnvironment.masked(.single, rounding)
      let result = environment.compute(operation, a, b, as: Float.self)
      let expected = SingleReference(exact.value, isExact: exact.isExact, rounding: rounding)
      if result != expected.bits || environment.flags.contains(.precision) == expected.isExact {
        failures += 1
      }
    }
    #expect(failures == 0)
  }

  @Test func exactZeroSumsAreNegativeOnlyWhenRoundingDown() {
    for rounding in RoundingControl.allCases {
      var environment = FloatingPointEnvironment.masked(.single, rounding)
      let one = Float(1).bitPattern
      let zero = environment.compute(.subtract, one, one, as: Float.self)
      #expect(zero == (rounding == .down ? 0x8000_0000 : 0))
      #expect(environment.flags.isEmpty)
    }
  }

  @Test func flagsOfSpecialOperands() {
    let cases: [(ElementOperation, UInt32, UInt32, UInt32, FloatingPointExceptions)] = [
      (.divide, 0x3F80_0000, 0, 0x7F80_0000, .divideByZero),
      (.divide, 0, 0, 0xFFC0_0000, .invalid),
      (.subtract, 0x7F80_0000, 0x7F80_0000, 0xFFC0_0000, .invalid),
      (.multiply, 0x7F80_0000, 0, 0xFFC0_0000, .invalid),
      (.squareRoot, 0, 0xBF80_0000, 0xFFC0_0000, .invalid),
      (.squareRoot, 0, 0x8000_0000, 0x8000_0000, []),
      (.add, 0x7F80_0001, 0x7FC0_0002, 0x7FC0_0001, .invalid),
      (.add, 0x7FC0_0003, 0x7F80_0002, 0x7FC0_0003, .invalid),
      (.add, 0x3F80_0000, 0xFFC1_2345, 0xFFC1_2345, []),
      (.add, 1, 0x3F80_0000, 0x3F80_0000, [.denormal, .precision]),
      (.multiply, 0x7F7F_FFFF, 0x7F7F_FFFF, 0x7F80_0000, [.overflow, .precision]),
      (.multiply, 0x0080_0001, 0x3F00_0000, 0x0040_0000, [.underflow, .precision]),
      (.multiply, 0x0080_0000, 0x3F00_0000, 0x0040_0000, []),
      (.minimum, 0x3F80_0000, 0x7FC0_0000, 0x7FC0_0000, .invalid),
      (.minimum, 0, 0x8000_0000, 0x8000_0000, []),
      (.maximum, 0x8000_0000, 0, 0, []),
    ]
    for (operation, a, b, expected, flags) in cases {
      var environment = FloatingPointEnvironment.masked(.single)
      #expect(environment.compute(operation, a, b, as: Float.self) == expected)
      #expect(environment.flags == flags)
    }
  }

  @Test func denormalsAreZerosAndResultsAreFlushed() {
    var environment = FloatingPointEnvironment(mxcsr: 0x9FC0, format: .single)
    #expect(environment.compute(.add, 0x8000_0001, 0x8000_0002, as: Float.self) == 0x8000_0000)
    #expect(environment.flags.isEmpty)
    #expect(environment.compute(.multiply, 0x8080_0000, 0x3F00_0000, as: Float.self) == 0x8000_0000)
    #expect(environment.flags == [.underflow, .precision])
  }

  @Test(arguments: RoundingControl.allCases)
  func integersRoundAsTheStandardLibraryDoes(_ rounding: RoundingControl) {
    let rule: FloatingPointRoundingRule =
      switch rounding {
      case .nearest: .toNearestOrEven
      case .down: .down
      case .up: .up
      case .towardZero: .towardZero
      }
    var operands = OperandGenerator(seed: 4711)
    var failures = 0
    for _ in 0..<200_000 {
      let bits = operands.double()
      let value = Double(bitPattern: bits)
      for width in [32, 64] {
        var environment = FloatingPointEnvironment.masked(.double, rounding)
        let result = environment.integer(
          environment.unpack(bits, as: Double.self), width: width, rounding: rounding)
        let whole = value.rounded(rule)
        let expected = width == 64 ? Int64(exactly: whole) : Int32(exactly: whole).map(Int64.init)
        let indefinite = width == 64 ? Int64.min : Int64(Int32.min)
        let flags: FloatingPointExceptions =
          expected == nil ? .invalid : (whole == value ? [] : .precision)
        if result != expected ?? indefinite || environment.flags != flags { failures += 1 }
      }
    }
    #expect(failures == 0)
  }

  @Test func conversionsBetweenFormatsEqualHost() {
    var operands = OperandGenerator(seed: 99)
    var failures = 0
    for _ in 0..<400_000 {
      let double = operands.double()
      var narrow = FloatingPointEnvironment.masked(.single)
      let single = narrow.convert(narrow.unpack(double, as: Double.self)).pattern(as: Float.self)
      let expected = Float(Double(bitPattern: double))
      if expected.isNaN ? !Float(bitPattern: single).isNaN : single != expected.bitPattern {
        failures += 1
      }
      let source = operands.single()
      var wide = FloatingPointEnvironment.masked(.double)
      let result = wide.convert(wide.unpack(source, as: Float.self)).pattern(as: Double.self)
      let widened = Double(Float(bitPattern: source))
      if widened.isNaN ? !Double(bitPattern: result).isNaN : result != widened.bitPattern {
        failures += 1
      }
    }
    #expect(failures == 0)
  }
}
