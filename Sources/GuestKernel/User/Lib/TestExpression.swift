/// What `test` and `[` understand; the shell has it built in, too.
///
/// POSIX.1, "test": with up to four words their number decides what they mean, so that words that look
/// like operators do no harm; with more, `(`, `)`, `!`, `-a` and `-o` are operators.
package enum TestExpression {
  /// 0 when it is true, 1 when not, 2 when it is not an expression.
  package static func evaluate(_ words: [[UInt8]]) -> Int32 {
    do throws(Mistake) {
      return try value(of: words) ? 0 : 1
    } catch {
      switch error {
      case .number(let word): complain("\(text: word): not a whole number")
      case .expression: complain("this is no expression")
      }
      return 2
    }
  }

  private enum Mistake: Error {
    case number([UInt8])
    case expression
  }

  private static func value(of words: [[UInt8]]) throws(Mistake) -> Bool {
    switch words.count {
    case 0: return false
    case 1: return !words[0].isEmpty
    case 2 where words[0].equals("!"): return words[1].isEmpty
    case 2:
      guard let value = unary(words[0], words[1]) else { throw .expression }
      return value
    case 3:
      if let value = try binary(words[0], words[1], words[2]) { return value }
      if words[0].equals("!") { return try !value(of: Array(words[1...])) }
      if words[0].equals("("), words[2].equals(")") { return !words[1].isEmpty }
    case 4:
      if words[0].equals("!") { return try !value(of: Array(words[1...])) }
      if words[0].equals("("), words[3].equals(")") {
        return try value(of: Array(words[1...2]))
      }
    default: break
    }
    var parser = Parser(words: words)
    let value = try parser.disjunction()
    guard parser.position == words.count else { throw .expression }
    return value
  }

  private struct Parser {
    let words: [[UInt8]]
    var position = 0

    private mutating func take(_ word: StaticString) -> Bool {
      guard position < words.count, words[position].equals(word) else { return false }
      position += 1
      return true
    }

    mutating func disjunction() throws(Mistake) -> Bool {
      var value = try conjunction()
      while take("-o") {
        let right = try conjunction()
        value = value || right
      }
      return value
    }

    private mutating func conjunction() throws(Mistake) -> Bool {
      var value = try primary()
      while take("-a") {
        let right = try primary()
        value = value && right
      }
      return value
    }

    private mutating func primary() throws(Mistake) -> Bool {
      if words.count - position >= 3,
        let value = try binary(words[position], words[position + 1], words[position + 2])
      {
        position += 3
        return value
      }
      if take("!") { return try !primary() }
      if take("(") {
        let value = try disjunction()
        guard take(")") else { throw .expression }
        return value
      }
      guard position < words.count else { throw .expression }
      if position + 1 < words.count, let value = unary(words[position], words[position + 1]) {
        position += 2
        return value
      }
      position += 1
      return !words[position - 1].isEmpty
    }
  }

  // MARK: Primaries

  /// Nil when the sign is no operator between two words.
  private static func binary(
    _ left: [UInt8], _ sign: [UInt8], _ right: [UInt8]
  ) throws(Mistake) -> Bool? {
    if sign.equals("=") || sign.equals("==") { return left == right }
    if sign.equals("!=") { return left != right }
    if sign.equals("<") { return left.precedes(right) }
    if sign.equals(">") { return right.precedes(left) }
    let comparisons: [(StaticString, (Int, Int) -> Bool)] = [
      ("-eq", { $0 == $1 }), ("-ne", { $0 != $1 }), ("-lt", { $0 < $1 }),
      ("-le", { $0 <= $1 }), ("-gt", { $0 > $1 }), ("-ge", { $0 >= $1 }),
    ]
    for (name, holds) in comparisons where sign.equals(name) {
      return holds(try number(left), try number(right))
    }
    let files = (status(left), status(right))
    if sign.equals("-nt") { return (files.0?.modified ?? 0) > (files.1?.modified ?? 0) }
    if sign.equals("-ot") { return (files.0?.modified ?? 0) < (files.1?.modified ?? 0) }
    if sign.equals("-ef") {
      guard let first = files.0, let second = files.1 else { return false }
      return first.fileSystem == second.fileSystem && first.inode == second.inode
    }
    return nil
  }

  private static func number(_ word: [UInt8]) throws(Mistake) -> Int {
    guard let value = word.filter({ !$0.isBlank }).signedDecimal else { throw .number(word) }
    return value
  }

  /// Nil when the word is no operator before another.
  private static func unary(_ sign: [UInt8], _ operand: [UInt8]) -> Bool? {
    guard sign.count == 2, sign[0] == 0x2d else { return nil }
    switch Unicode.Scalar(sign[1]) {
    case "z": return operand.isEmpty
    case "n": return !operand.isEmpty
    case "e": return FileTree.exists(operand)
    case "b": return kind(operand) == .blockDevice
    case "c": return kind(operand) == .characterDevice
    case "d": return kind(operand) == .directory
    case "f": return kind(operand) == .regular
    case "p": return kind(operand) == .pipe
    case "S": return kind(operand) == .socket
    case "h", "L":
      let status = try? FileTree.status(of: operand, followingLinks: false)
      return status?.mode.kind == .symbolicLink
    case "s": return (status(operand)?.size ?? 0) > 0
    case "u": return (status(operand)?.mode.permissions ?? 0) & 0o4000 != 0
    case "g": return (status(operand)?.mode.permissions ?? 0) & 0o2000 != 0
    case "k": return (status(operand)?.mode.permissions ?? 0) & 0o1000 != 0
    case "r": return operand.withPath { Call.access($0, 4) }.isSuccess
    case "w": return operand.withPath { Call.access($0, 2) }.isSuccess
    case "x": return operand.withPath { Call.access($0, 1) }.isSuccess
    case "t":
      guard let number = operand.decimal, number < 1024 else { return false }
      return Terminal.settings(of: Descriptor(Int32(number))) != nil
    default: return nil
    }
  }

  private static func status(_ path: [UInt8]) -> FileStatus? { try? FileTree.status(of: path) }
  private static func kind(_ path: [UInt8]) -> FileKind? { status(path)?.mode.kind }
}
