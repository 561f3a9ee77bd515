/// Arguments by the rules of POSIX: single letters after a dash, some with a value, `--` ends them.
///
/// POSIX.1, "Utility Syntax Guidelines".
package struct Options {
  private var letters: [(letter: UInt8, value: [UInt8])] = []
  /// What is not an option.
  package private(set) var operands: [[UInt8]] = []

  /// `known` lists the letters; a colon behind one says that it takes a value: `"ln:"`.
  ///
  /// A letter that is not in it ends the program with the usage line.
  package init(_ arguments: [[UInt8]], known: StaticString, usage: StaticString) {
    let known = [UInt8](text: known)
    var index = 1
    while index < arguments.count {
      let argument = arguments[index]
      index += 1
      guard argument.count > 1, argument[0] == 0x2d, !argument[1].isDigit else {
        operands.append(argument)
        continue
      }
      if argument.equals("--") { break }
      var at = 1
      while at < argument.count {
        let letter = argument[at]
        at += 1
        guard letter != 0x3a, let place = known.firstIndex(of: letter) else { Self.end(usage) }
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
          Self.end(usage)
        }
        break
      }
    }
    while index < arguments.count {
      operands.append(arguments[index])
      index += 1
    }
  }

  private static func end(_ usage: StaticString) -> Never { fail("usage: \(usage)", code: 2) }

  package func has(_ letter: Unicode.Scalar) -> Bool { value(letter) != nil }

  /// The value of the last one of that letter.
  package func value(_ letter: Unicode.Scalar) -> [UInt8]? {
    for option in letters.reversed() where option.letter == UInt8(ascii: letter) {
      return option.value
    }
    return nil
  }

  package func number(_ letter: Unicode.Scalar) -> Int? { value(letter)?.signedDecimal }
}
