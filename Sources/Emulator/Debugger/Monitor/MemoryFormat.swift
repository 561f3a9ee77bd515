import Emulator

/// What an argument of `x` begins with: `/COUNT FORMAT SIZE`, in gdb's letters.
struct MemoryFormat: Equatable {
  var count = 1
  var letter: Character = "x"
  var size = 8

  /// The most that is shown at once.
  private static let most = 4096

  /// Reads a format without its slash.
  init(_ text: String) throws(MonitorError) {
    let digits = text.prefix { $0.isNumber }
    if !digits.isEmpty { count = min(Int(digits) ?? Self.most, Self.most) }
    for letter in text.dropFirst(digits.count) {
      switch letter {
      case "b": size = 1
      case "h": size = 2
      case "w": size = 4
      case "g": size = 8
      case "x", "d", "u", "o", "t", "c", "a", "s", "i": self.letter = letter
      default: throw MonitorError("`\(letter)` is no format and no size")
      }
    }
    if letter == "c" { size = 1 }
  }

  /// How many values stand on a line.
  var columns: Int {
    switch letter {
    case "a": 1
    case "t": max(1, 4 / size)
    default: size == 8 ? 2 : size == 1 ? 16 : 16 / size
    }
  }

  /// The text of a value.
  func text(_ value: UInt64, _ symbols: ProgramSymbols) -> String {
    let bits = UInt64(size * 8)
    switch letter {
    case "d": return String(Int64(bitPattern: value << (64 - bits)) >> Int64(64 - bits))
    case "u": return String(value)
    case "o": return "0" + String(value, radix: 8)
    case "t":
      let text = String(value, radix: 2)
      return String(repeating: "0", count: Int(bits) - text.count) + text
    case "c":
      return (32...126).contains(value)
        ? "'\(UnicodeScalar(UInt8(truncatingIfNeeded: value)))'" : "\\x\(value.hex(digits: 2))"
    case "a": return symbols.describe(value)
    default: return "0x" + value.hex(digits: size * 2)
    }
  }
}
