/// What `test` and `[` understand; the shell has it built in, too.
///
/// POSIX.1, "test": primaries, `!`, `-a`, `-o`.
package enum TestExpression {
  /// 0 when it is true, 1 when not, 2 when it is not an expression.
  package static func evaluate(_ words: inout [[UInt8]]) -> Int32 {
    if words.isEmpty { return 1 }
    var parser = Parser(words: words)
    guard let value = parser.disjunction(), parser.position == words.count else {
      complain("this is no expression")
      return 2
    }
    return value ? 0 : 1
  }

  private struct Parser {
    let words: [[UInt8]]
    var position = 0

    private mutating func take(_ word: StaticString) -> Bool {
      guard position < words.count, words[position].equals(word) else { return false }
      position += 1
      return true
    }

    mutating func disjunction() -> Bool? {
      guard var value = conjunction() else { return nil }
      while take("-o") {
        guard let right = conjunction() else { return nil }
        value = value || right
      }
      return value
    }

    private mutating func conjunction() -> Bool? {
      guard var value = primary() else { return nil }
      while take("-a") {
        guard let right = primary() else { return nil }
        value = value && right
      }
      return value
    }

    private mutating func primary() -> Bool? {
      if words.count - position >= 3,
        let value = binary(words[position], words[position + 1], words[position + 2])
      {
        position += 3
        return value
      }
      if words.count - position >= 2, take("!") { return primary().map { !$0 } }
      guard position < words.count else { return nil }
      let word = words[position]
      position += 1
      guard word.count == 2, word[0] == 0x2d, position < words.count else { return !word.isEmpty }
      position += 1
      return unary(word[1], words[position - 1])
    }

    private func binary(_ left: [UInt8], _ sign: [UInt8], _ right: [UInt8]) -> Bool? {
      if sign.equals("=") || sign.equals("==") { return left == right }
      if sign.equals("!=") { return left != right }
      guard let first = left.signedDecimal, let second = right.signedDecimal else { return nil }
      if sign.equals("-eq") { return first == second }
      if sign.equals("-ne") { return first != second }
      if sign.equals("-lt") { return first < second }
      if sign.equals("-le") { return first <= second }
      if sign.equals("-gt") { return first > second }
      if sign.equals("-ge") { return first >= second }
      return nil
    }

    private func unary(_ letter: UInt8, _ operand: [UInt8]) -> Bool? {
      switch Unicode.Scalar(letter) {
      case "z": return operand.isEmpty
      case "n": return !operand.isEmpty
      case "e": return FileTree.exists(operand)
      case "d": return FileTree.isDirectory(operand)
      case "f": return kind(operand) == .regular
      case "p": return kind(operand) == .pipe
      case "s":
        do throws(SystemError) { return try FileTree.status(of: operand).size > 0 } catch {
          return false
        }
      case "r", "w", "x":
        let bits: UInt32 = letter == 0x72 ? 4 : letter == 0x77 ? 2 : 1
        return operand.withPath { Call.access($0, bits) }.isSuccess
      default: return nil
      }
    }

    private func kind(_ path: [UInt8]) -> FileKind? {
      do throws(SystemError) { return try FileTree.status(of: path).mode.kind } catch {
        return nil
      }
    }
  }
}
