/// The arithmetic that SSE does on each element.
package enum ElementOperation: UInt8, CaseIterable, Sendable {
  case squareRoot
  case add
  case multiply
  case subtract
  case minimum
  case divide
  case maximum

  /// The operation of opcodes 0F 51 and 0F 58 to 0F 5F.
  @inline(__always) init?(opcode: UInt8) {
    switch opcode {
    case 0x51: self = .squareRoot
    case 0x58: self = .add
    case 0x59: self = .multiply
    case 0x5C: self = .subtract
    case 0x5D: self = .minimum
    case 0x5E: self = .divide
    case 0x5F: self = .maximum
    default: return nil
    }
  }
}

extension InterchangeFormat {
  /// Zero or normal: nothing that could raise an exception by itself.
  @inline(__always) static func isOrdinary(_ bits: Pattern) -> Bool {
    let magnitude = bits &<< 1
    return magnitude == 0
      || (magnitude >= leastNormalMagnitude.bitPattern &<< 1
        && magnitude < infinity.bitPattern &<< 1)
  }
}

extension FloatingPointEnvironment {
  /// Whether the host's own arithmetic, which rounds to nearest and tells no exceptions, may
  /// stand in: PE is masked and already set.
  @inline(__always) static func allowsHostArithmetic(mxcsr: UInt32) -> Bool {
    mxcsr & 0x7020 == 0x1020
  }

  /// Takes an element apart, as DAZ has it.
  @inline(__always)
  package func unpack<F: InterchangeFormat>(_ bits: F.Pattern, as type: F.Type) -> UnpackedFloat {
    let a = UnpackedFloat(bits, as: F.self)
    return a.isDenormal && denormalsAreZeros ? .zero(isNegative: a.isNegative) : a
  }

  /// One element of a binary operation (a square root is that of `b`).
  package mutating func compute<F: InterchangeFormat>(
    _ operation: ElementOperation, _ a: F.Pattern, _ b: F.Pattern, as type: F.Type
  ) -> F.Pattern {
    let x = unpack(a, as: F.self)
    let y = unpack(b, as: F.self)
    switch operation {
    case .squareRoot: return squareRoot(y).pattern(as: F.self)
    case .add: return add(x, y).pattern(as: F.self)
    case .subtract: return add(x, y, subtracting: true).pattern(as: F.self)
    case .multiply: return multiply(x, y).pattern(as: F.self)
    case .divide: return divide(x, y).pattern(as: F.self)
    case .minimum: return select(compare(x, y, signalsQuietNaN: true) == .less, a, b, as: F.self)
    case .maximum:
      return select(compare(x, y, signalsQuietNaN: true) == .greater, a, b, as: F.self)
    }
  }

  /// The operand that MIN or MAX returns: unchanged, but for DAZ.
  private func select<F: InterchangeFormat>(
    _ isFirst: Bool, _ a: F.Pattern, _ b: F.Pattern, as type: F.Type
  ) -> F.Pattern {
    let bits = isFirst ? a : b
    let x = UnpackedFloat(bits, as: F.self)
    guard denormalsAreZeros, x.isDenormal else { return bits }
    return UnpackedFloat.zero(isNegative: x.isNegative).pattern(as: F.self)
  }

  /// The result of the host's arithmetic where it is provably the processor's, else nil.
  ///
  /// Fast path: equals `compute` for masked, already set PE and rounding to nearest. Operands are
  /// zeros and normals; a result that is zero, denormal, the smallest binade (which may be tiny
  /// before rounding), infinite or a NaN goes the slow way.
  @inline(__always)
  package static func computeOnHost<F: InterchangeFormat>(
    _ operation: ElementOperation, _ a: F.Pattern, _ b: F.Pattern, as type: F.Type
  ) -> F.Pattern? {
    guard F.isOrdinary(a), F.isOrdinary(b) else { return nil }
    let (x, y) = (F(bitPattern: a), F(bitPattern: b))
    let result: F.Pattern
    switch operation {
    case .squareRoot: result = y.squareRoot().bitPattern
    case .add:
      result = (x + y).bitPattern
      if result &<< 1 == 0 { return result }
    case .subtract:
      result = (x - y).bitPattern
      if result &<< 1 == 0 { return result }
    case .multiply: result = (x * y).bitPattern
    case .divide: result = (x / y).bitPattern
    case .minimum: return x < y ? a : b
    case .maximum: return x > y ? a : b
    }
    let magnitude = result &<< 1
    let isSafe =
      magnitude >= F.leastNormalMagnitude.bitPattern &<< 2
      && magnitude < F.infinity.bitPattern &<< 1
    return isSafe ? result : nil
  }

  /// Compares two elements.
  @inline(__always)
  package mutating func compare<F: InterchangeFormat>(
    _ a: F.Pattern, _ b: F.Pattern, as type: F.Type, signalsQuietNaN: Bool
  ) -> Comparison {
    if F.isOrdinary(a) && F.isOrdinary(b) {
      let (x, y) = (F(bitPattern: a), F(bitPattern: b))
      return x < y ? .less : (x == y ? .equal : .greater)
    }
    return compare(
      unpack(a, as: F.self), unpack(b, as: F.self), signalsQuietNaN: signalsQuietNaN)
  }
}
