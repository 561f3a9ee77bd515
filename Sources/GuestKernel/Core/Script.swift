/// A tiny machine for programs that users give the kernel: they may decide and count, and nothing else.
///
/// Ten registers r0-r9 of 64 bits, sixteen stack slots, a context of eight numbers that says what
/// happened, and sixteen counters. Jumps only lead forward, so every program ends; `ScriptVerifier`
/// checks all there is to check before the first run, and the interpreter then need not.
package struct ScriptInstruction: BitwiseCopyable, Equatable {
  package enum Operation: UInt8 {
    case move = 0
    case add = 1
    case subtract = 2
    case multiply = 3
    /// By zero: the result is zero.
    case divide = 4
    case remainder = 5
    case and = 6
    case or = 7
    case xor = 8
    case shiftLeft = 9
    case shiftRight = 10
    case loadContext = 11
    case loadStack = 12
    case storeStack = 13
    /// Adds the source to the counter of that number.
    case count = 14
    case jump = 15
    case jumpEqual = 16
    case jumpNotEqual = 17
    case jumpGreater = 18
    case jumpGreaterOrEqual = 19
    case jumpLess = 20
    case jumpLessOrEqual = 21
    case exit = 22
  }

  package var operation: UInt8
  /// The register written; the left side of a comparison.
  package var target: UInt8
  /// The register read, or 255 when it is `value`.
  package var source: UInt8
  /// How many instructions a jump skips; the number of a slot, a counter, a part of the context.
  package var offset: UInt8
  package var value: Int32

  package static let immediate: UInt8 = 255

  package init(
    _ operation: Operation, target: UInt8 = 0, source: UInt8 = Self.immediate, offset: UInt8 = 0,
    value: Int32 = 0
  ) {
    self.operation = operation.rawValue
    self.target = target
    self.source = source
    self.offset = offset
    self.value = value
  }
}

package enum ScriptLimits {
  package static let registers = 10
  package static let stack = 16
  package static let context = 8
  package static let counters = 16
  package static let instructions = 200
}

/// What happened, for a script to look at.
package typealias ScriptContext = InlineArray<8, UInt64>

/// A program that has been verified.
package final class ScriptProgram {
  private let code: [ScriptInstruction]
  /// Written by the program; several processors may lose a count between them.
  package private(set) var counters = [UInt64](repeating: 0, count: ScriptLimits.counters)
  package private(set) var runs: UInt64 = 0

  package init(_ code: [ScriptInstruction]) throws(ScriptError) {
    try ScriptVerifier.check(code)
    self.code = code
  }

  package var count: Int { code.count }

  /// Runs to `exit`; the result is r0.
  package func run(_ context: ScriptContext) -> UInt64 {
    var registers = InlineArray<10, UInt64>(repeating: 0)
    var stack = InlineArray<16, UInt64>(repeating: 0)
    var at = 0
    runs &+= 1
    while true {
      let i = code[at]
      at += 1
      let target = Int(i.target)
      let source =
        i.source == ScriptInstruction.immediate
        ? UInt64(bitPattern: Int64(i.value)) : registers[Int(i.source)]
      guard let operation = ScriptInstruction.Operation(rawValue: i.operation) else { return 0 }
      switch operation {
      case .move: registers[target] = source
      case .add: registers[target] &+= source
      case .subtract: registers[target] &-= source
      case .multiply: registers[target] &*= source
      case .divide: registers[target] = source == 0 ? 0 : registers[target] / source
      case .remainder: registers[target] = source == 0 ? 0 : registers[target] % source
      case .and: registers[target] &= source
      case .or: registers[target] |= source
      case .xor: registers[target] ^= source
      case .shiftLeft: registers[target] <<= source & 63
      case .shiftRight: registers[target] >>= source & 63
      case .loadContext: registers[target] = context[Int(i.offset)]
      case .loadStack: registers[target] = stack[Int(i.offset)]
      case .storeStack: stack[Int(i.offset)] = source
      case .count: counters[Int(i.offset)] &+= source
      case .exit: return registers[0]
      case .jump: at += Int(i.offset)
      case .jumpEqual: if registers[target] == source { at += Int(i.offset) }
      case .jumpNotEqual: if registers[target] != source { at += Int(i.offset) }
      case .jumpGreater: if registers[target] > source { at += Int(i.offset) }
      case .jumpGreaterOrEqual: if registers[target] >= source { at += Int(i.offset) }
      case .jumpLess: if registers[target] < source { at += Int(i.offset) }
      case .jumpLessOrEqual: if registers[target] <= source { at += Int(i.offset) }
      }
    }
  }
}
