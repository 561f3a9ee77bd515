/// Arguments by the rules of POSIX: single letters after a dash, some with a value, `--` ends them.
///
/// POSIX.1, "Utility Syntax Guidelines".
package struct Options {
  private var letters: [(letter: UInt8, value: [UInt8])] = []
  /// What is not an option.
  package private(set) var operands: [[UInt8]] = []

  /// `known` lists the letters; a colon behind one says that it takes a value: `"ln:"`.
  ///
  /// A letter that is not in it, or too few or too many operands, end the program with a sentence, the usage
  /// line and code 2. With `stopsAtOperand` what follows the first operand is a command of its own, with
  /// options of its own.
  package init(
    _ arguments: [[UInt8]], known: StaticString, operands count: ClosedRange<Int> = 0...Int.max,
    stopsAtOperand: Bool = false
  ) {
    let known = [UInt8](text: known)
    var index = 1
    while index < arguments.count {
      let argument = arguments[index]
      guard argument.count > 1, argument[0] == 0x2d, !argument[1].isDigit else {
        if stopsAtOperand { break }
        operands.append(argument)
        index += 1
        continue
      }
      index += 1
      if argument.equals("--") { break }
      if argument.equals("--help") { Usage.show() }
      if argument.starts(with: "--") { Usage.refuse("there is no option \(text: argument)") }
      var at = 1
      while at < argument.count {
        let letter = argument[at]
        at += 1
        guard letter != 0x3a, let place = known.firstIndex(of: letter) else {
          Usage.refuse("there is no option -\(text: [letter])")
        }
        guard place + 1 < known.count, known[place + 1] == 0x3a else {
          letters.append((letter, []))
          continue
        }
        if at < argument.count {
          letters.append((letter, Array(argument[at...])))
        } else if index < arguments.count {
          letters.append((letter, arguments[index]))
          index += 1
        } else {
          Usage.refuse("option -\(text: [letter]) wants a value")
        }
        break
      }
    }
    operands += arguments[min(index, arguments.count)...]
    if operands.count < count.lowerBound { Usage.refuse("an operand is missing") }
    if operands.count > count.upperBound {
      Usage.refuse("\(text: operands[count.upperBound]): one operand too many")
    }
  }

  package func has(_ letter: Unicode.Scalar) -> Bool { value(letter) != nil }

  /// The value of the last one of that letter.
  package func value(_ letter: Unicode.Scalar) -> [UInt8]? { values(letter).last }

  /// All values of that letter, in order.
  package func values(_ letter: Unicode.Scalar) -> [[UInt8]] {
    letters.filter { $0.letter == UInt8(ascii: letter) }.map { $0.value }
  }

  /// The number an option has as its value; what is none ends the program.
  package func number(_ letter: Unicode.Scalar) -> Int? {
    guard let text = value(letter) else { return nil }
    guard let number = text.signedDecimal else { Usage.refuse("\(text: text): not a number") }
    return number
  }

  /// The last of several letters that exclude each other.
  package func last(of letters: StaticString) -> Unicode.Scalar? {
    let wanted = [UInt8](text: letters)
    return self.letters.last { wanted.contains($0.letter) }.map { Unicode.Scalar($0.letter) }
  }
}

/// How the program that runs is used: one text, which `--help` prints and mistakes refer to.
package enum Usage {
  nonisolated(unsafe) package private(set) static var text: StaticString = ""
  nonisolated(unsafe) private static var summary: StaticString = ""

  /// To be called first: how the program is called, and what it does.
  package static func describe(_ text: StaticString, _ summary: StaticString) {
    Usage.text = text
    Usage.summary = summary
  }

  /// The answer to `--help`.
  package static func show() -> Never {
    say("usage: \(text)\n")
    say("\(summary)\n")
    System.exit(0)
  }

  /// One line of a list: what is too long for its column has the meaning below it.
  package static func list(
    _ usage: StaticString, _ meaning: StaticString, column: Int = 30
  ) {
    if usage.utf8CodeUnitCount + 2 > column {
      say("  \(usage)\n  \("", padded: column)\(meaning)\n")
    } else {
      say("  \(usage, padded: column)\(meaning)\n")
    }
  }

  /// Ends the program because of how it was called.
  package static func refuse(_ why: TextLine) -> Never {
    complain(why)
    fail("usage: \(text)", code: 2)
  }
}
