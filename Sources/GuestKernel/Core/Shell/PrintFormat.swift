/// What `printf` prints: a format with conversions, used again as long as there are arguments.
///
/// POSIX.1, "printf" and "File Format Notation".
package struct PrintFormat {
  private let format: [UInt8]
  private var arguments: ArraySlice<[UInt8]>
  private var output: [UInt8] = []
  /// The first argument that is no number; it counts as what of it is one.
  private var bad: [UInt8]?
  /// `\c` in an argument of `%b` ends everything.
  private var isOver = false

  package static func text(
    _ format: [UInt8], _ arguments: [[UInt8]]
  ) -> (output: [UInt8], bad: [UInt8]?) {
    var printer = PrintFormat(format: format, arguments: arguments[...])
    repeat {
      let left = printer.arguments.count
      printer.once()
      // A format without conversions would never use them up.
      if printer.arguments.count == left { break }
    } while !printer.arguments.isEmpty && !printer.isOver
    return (printer.output, printer.bad)
  }

  private init(format: [UInt8], arguments: ArraySlice<[UInt8]>) {
    self.format = format
    self.arguments = arguments
  }

  private mutating func once() {
    var at = 0
    while at < format.count, !isOver {
      let byte = format[at]
      if byte == Ascii.backslash {
        isOver = Self.escape(format, &at, isArgument: false, into: &output)
      } else if byte == Ascii.percent {
        at += 1
        conversion(&at)
      } else {
        output.append(byte)
        at += 1
      }
    }
  }

  private struct Conversion {
    var isLeft = false
    var padsWithZeros = false
    var hasSign = false
    var hasBlank = false
    var isAlternate = false
    var width = 0
    var precision: Int?
  }

  private mutating func conversion(_ at: inout Int) {
    var how = Conversion()
    while at < format.count {
      switch format[at] {
      case Ascii.minus: how.isLeft = true
      case 0x30: how.padsWithZeros = true
      case Ascii.plus: how.hasSign = true
      case Ascii.space: how.hasBlank = true
      case Ascii.hash: how.isAlternate = true
      default:
        how.width = count(&at)
        if how.width < 0 {
          how.isLeft = true
          how.width = -how.width
        }
        if at < format.count, format[at] == Ascii.dot {
          at += 1
          how.precision = max(0, count(&at))
        }
        guard at < format.count else { return }
        at += 1
        return convert(format[at - 1], how)
      }
      at += 1
    }
  }

  /// A width or a precision: digits, or `*` for an argument.
  private mutating func count(_ at: inout Int) -> Int {
    if at < format.count, format[at] == Ascii.star {
      at += 1
      return max(-4096, min(4096, number(arguments.popFirst() ?? [])))
    }
    let start = at
    while at < format.count, format[at].isDigit { at += 1 }
    return Int(min(4096, Array(format[start..<at]).decimal ?? 0))
  }

  private mutating func convert(_ letter: UInt8, _ how: Conversion) {
    switch letter {
    case Ascii.percent:
      output.append(letter)
    case UInt8(ascii: "s"):
      let text = arguments.popFirst() ?? []
      pad(Array(text.prefix(how.precision ?? text.count)), how)
    case UInt8(ascii: "b"):
      let text = Self.unescaped(arguments.popFirst() ?? [])
      isOver = text.isOver
      pad(Array(text.bytes.prefix(how.precision ?? text.bytes.count)), how)
    case UInt8(ascii: "c"):
      pad(Array((arguments.popFirst() ?? []).prefix(1)), how)
    case UInt8(ascii: "d"), UInt8(ascii: "i"):
      let value = number(arguments.popFirst() ?? [])
      let sign: [UInt8] =
        value < 0 ? [Ascii.minus] : how.hasSign ? [Ascii.plus] : how.hasBlank ? [Ascii.space] : []
      digits(UInt64(value.magnitude), 10, sign, how)
    case UInt8(ascii: "u"), UInt8(ascii: "o"), UInt8(ascii: "x"), UInt8(ascii: "X"):
      let value = UInt64(bitPattern: Int64(number(arguments.popFirst() ?? [])))
      let base: UInt64 = letter == UInt8(ascii: "u") ? 10 : letter == UInt8(ascii: "o") ? 8 : 16
      let prefix: [UInt8] =
        !how.isAlternate || base == 10 ? [] : base == 8 ? [0x30] : [0x30, letter]
      digits(value, base, prefix, how, isUpper: letter == UInt8(ascii: "X"))
    default:
      // Printed as it stands, as a mistake should be seen.
      output += [Ascii.percent, letter]
    }
  }

  private mutating func digits(
    _ value: UInt64, _ base: UInt64, _ prefix: [UInt8], _ how: Conversion, isUpper: Bool = false
  ) {
    var text: [UInt8] = []
    var rest = value
    repeat {
      let digit = UInt8(rest % base)
      text.append(digit < 10 ? 0x30 + digit : (isUpper ? 0x37 : 0x57) + digit)
      rest /= base
    } while rest > 0
    let zeros = how.precision ?? (how.padsWithZeros && !how.isLeft ? how.width - prefix.count : 0)
    while text.count < zeros { text.append(0x30) }
    pad(prefix + text.reversed(), how)
  }

  private mutating func pad(_ text: [UInt8], _ how: Conversion) {
    let blanks = [UInt8](repeating: Ascii.space, count: max(0, how.width - text.count))
    output += how.isLeft ? text + blanks : blanks + text
  }

  /// As C writes it, or a quote and a character.
  private mutating func number(_ text: [UInt8]) -> Int {
    if let first = text.first, first == Ascii.quote || first == Ascii.doubleQuote {
      return text.count > 1 ? Int(text[1]) : 0
    }
    let sign = text.first == Ascii.minus || text.first == Ascii.plus ? 1 : 0
    let digits = Array(text.dropFirst(sign))
    if let value = digits.constant { return text.first == Ascii.minus ? 0 &- value : value }
    if !text.isEmpty, bad == nil { bad = text }
    return Array(digits.prefix { $0.isDigit }).signedDecimal ?? 0
  }
}

// MARK: Escapes

extension PrintFormat {
  /// `\n`, `\t` and so on, as in an argument of `%b` or after `echo -e`.
  package static func unescaped(_ text: [UInt8]) -> (bytes: [UInt8], isOver: Bool) {
    var bytes: [UInt8] = []
    var at = 0
    while at < text.count {
      if text[at] != Ascii.backslash {
        bytes.append(text[at])
        at += 1
      } else if escape(text, &at, isArgument: true, into: &bytes) {
        return (bytes, true)
      }
    }
    return (bytes, false)
  }

  /// Reads one escape; true for `\c`, which ends the output.
  private static func escape(
    _ text: [UInt8], _ at: inout Int, isArgument: Bool, into bytes: inout [UInt8]
  ) -> Bool {
    at += 1
    guard at < text.count else {
      bytes.append(Ascii.backslash)
      return false
    }
    let letter = text[at]
    at += 1
    switch letter {
    case UInt8(ascii: "a"): bytes.append(7)
    case UInt8(ascii: "b"): bytes.append(8)
    case UInt8(ascii: "e"): bytes.append(0x1b)
    case UInt8(ascii: "f"): bytes.append(12)
    case UInt8(ascii: "n"): bytes.append(10)
    case UInt8(ascii: "r"): bytes.append(13)
    case UInt8(ascii: "t"): bytes.append(9)
    case UInt8(ascii: "v"): bytes.append(11)
    case Ascii.backslash: bytes.append(Ascii.backslash)
    case UInt8(ascii: "c") where isArgument: return true
    case 0x30...0x37:
      // Three octal digits; in an argument a 0 stands before them.
      if !isArgument || letter != 0x30 { at -= 1 }
      var value = 0
      var digits = 0
      while digits < 3, at < text.count, text[at] >= 0x30, text[at] < 0x38 {
        value = value * 8 + Int(text[at] - 0x30)
        at += 1
        digits += 1
      }
      bytes.append(UInt8(truncatingIfNeeded: value))
    default: bytes += [Ascii.backslash, letter]
    }
    return false
  }
}
