/// A format of C's printf, with its escape sequences still in it.
struct AgentFormat {
  /// The longest text of a `%s`.
  private static let longestString = 4096
  /// The widest field.
  private static let widestField = 1024

  private var reader: PacketReader

  init(_ format: some Collection<UInt8>) { reader = PacketReader(format) }

  /// The text with `arguments` in it; `load` reads bytes for `%s`.
  mutating func output(_ arguments: [UInt64], load: (UInt64) -> UInt64?) -> String {
    var text: [UInt8] = []
    var rest = arguments[...]
    while let character = reader.character() {
      switch character {
      case UInt8(ascii: "\\"): text.append(escape())
      case UInt8(ascii: "%"):
        if reader.take("%") {
          text.append(UInt8(ascii: "%"))
        } else {
          text += conversion(&rest, load)
        }
      default: text.append(character)
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// The text with `arguments` in it.
  func text(_ arguments: [UInt64], load: (UInt64) -> UInt64?) -> String {
    var copy = self
    return copy.output(arguments, load: load)
  }

  private mutating func escape() -> UInt8 {
    guard let character = reader.character() else { return UInt8(ascii: "\\") }
    switch character {
    case UInt8(ascii: "n"): return 0x0A
    case UInt8(ascii: "t"): return 0x09
    case UInt8(ascii: "r"): return 0x0D
    case UInt8(ascii: "a"): return 0x07
    case UInt8(ascii: "b"): return 0x08
    case UInt8(ascii: "f"): return 0x0C
    case UInt8(ascii: "v"): return 0x0B
    case UInt8(ascii: "e"): return 0x1B
    case UInt8(ascii: "0")...UInt8(ascii: "7"):
      var value = character - UInt8(ascii: "0")
      while let next = reader.rest.first, (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(next),
        value < 0x20
      {
        _ = reader.character()
        value = value << 3 | (next - UInt8(ascii: "0"))
      }
      return value
    default: return character
    }
  }

  // MARK: Conversions

  /// What stands between `%` and the conversion.
  private struct Specification {
    var isLeft = false
    var isZeroPadded = false
    var hasSign = false
    var hasSpace = false
    var isAlternate = false
    var width = 0
    var precision: Int?
    /// Bits of an integer argument.
    var bits: UInt64 = 32
  }

  private mutating func number() -> Int {
    var value = 0
    while let digit = reader.rest.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) {
      _ = reader.character()
      value = min(value * 10 + Int(digit - UInt8(ascii: "0")), Self.widestField)
    }
    return value
  }

  private mutating func specification() -> Specification {
    var result = Specification()
    var isFlag = true
    while isFlag {
      if reader.take("-") {
        result.isLeft = true
      } else if reader.take("0") {
        result.isZeroPadded = true
      } else if reader.take("+") {
        result.hasSign = true
      } else if reader.take(" ") {
        result.hasSpace = true
      } else if reader.take("#") {
        result.isAlternate = true
      } else {
        isFlag = false
      }
    }
    result.width = number()
    if reader.take(".") { result.precision = number() }
    if reader.take("hh") {
      result.bits = 8
    } else if reader.take("h") {
      result.bits = 16
    } else {
      for length in ["ll", "l", "j", "z", "t"] where reader.take(length) {
        result.bits = 64
        break
      }
    }
    return result
  }

  private mutating func conversion(
    _ arguments: inout ArraySlice<UInt64>, _ load: (UInt64) -> UInt64?
  ) -> [UInt8] {
    let specification = specification()
    guard let kind = reader.character() else { return [] }
    let argument = arguments.popFirst() ?? 0
    switch Character(UnicodeScalar(kind)) {
    case "d", "i": return integer(argument, signed: true, radix: 10, specification)
    case "u": return integer(argument, signed: false, radix: 10, specification)
    case "o": return integer(argument, signed: false, radix: 8, specification)
    case "x": return integer(argument, signed: false, radix: 16, specification)
    case "X":
      return integer(argument, signed: false, radix: 16, specification).map { byte in
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) ? byte - 0x20 : byte
      }
    case "p": return padded(Array("0x\(argument.packetText)".utf8), specification)
    case "c": return padded([UInt8(truncatingIfNeeded: argument)], specification)
    case "s":
      var text: [UInt8] = []
      let limit = min(specification.precision ?? Self.longestString, Self.longestString)
      while text.count < limit, let byte = load(argument &+ UInt64(text.count)), byte != 0 {
        text.append(UInt8(truncatingIfNeeded: byte))
      }
      return padded(text, specification)
    // An argument is an integer, whatever the format says.
    default: return Array("?".utf8)
    }
  }

  private func integer(
    _ argument: UInt64, signed: Bool, radix: Int, _ specification: Specification
  ) -> [UInt8] {
    let shift = 64 &- specification.bits
    let isNegative = signed && Int64(bitPattern: argument &<< shift) < 0
    let extended = Int64(bitPattern: argument &<< shift) &>> Int64(shift)
    let magnitude = signed ? extended.magnitude : (argument &<< shift) &>> shift
    var digits = Array(String(magnitude, radix: radix).utf8)
    let least = specification.precision ?? 1
    if digits.count < least {
      digits = [UInt8](repeating: UInt8(ascii: "0"), count: least - digits.count) + digits
    }
    var sign = isNegative ? "-" : ""
    if signed, !isNegative {
      sign = specification.hasSign ? "+" : specification.hasSpace ? " " : ""
    }
    if specification.isAlternate, magnitude != 0 {
      sign += radix == 16 ? "0x" : radix == 8 ? "0" : ""
    }
    if specification.isZeroPadded, !specification.isLeft, specification.precision == nil {
      let missing = specification.width - digits.count - sign.utf8.count
      digits = [UInt8](repeating: UInt8(ascii: "0"), count: max(0, missing)) + digits
    }
    return padded(Array(sign.utf8) + digits, specification)
  }

  private func padded(_ text: [UInt8], _ specification: Specification) -> [UInt8] {
    let fill = [UInt8](repeating: 0x20, count: max(0, specification.width - text.count))
    return specification.isLeft ? text + fill : fill + text
  }
}
