import GuestKernel
import Testing

@Suite struct RegularExpressionTests {
  /// The text of the first match and its groups, separated by `|`; nil when there is none.
  private func match(_ pattern: String, _ text: String, isExtended: Bool) throws -> String? {
    let expression = try RegularExpression(Array(pattern.utf8), isExtended: isExtended)
    let bytes = Array(text.utf8)
    guard let match = expression.firstMatch(in: bytes) else { return nil }
    return (0...expression.groupCount).map { number in
      match.group(number).map { String(decoding: bytes[$0], as: UTF8.self) } ?? "-"
    }.joined(separator: "|")
  }

  @Test(arguments: [
    ("b", "abc", "b"), ("^a.c$", "abc", "abc"), ("^b", "abc", nil), ("c$", "abcc", "c"),
    ("ab*c", "xacabbbc", "ac"), ("*a", "x*a", "*a"), ("^*a", "*a", "*a"),
    ("a\\{2,3\\}", "aaaa", "aaa"),
    ("\\(a\\)\\(b*\\)", "abbc", "abb|a|bb"), ("[[:digit:]]*x", "ab12x", "12x"), ("a+", "aa+", "a+"),
    ("[]x]*", "]x]a", "]x]"), ("[^a-c]", "abcd", "d"), ("a\\|b", "cb", "b"), ("a$b", "a$b", "a$b"),
    ("\\<is\\>", "this is", "is"), ("\\.", "a.b", "."), ("[.]", "a.b", "."), ("x*", "abc", ""),
    ("(a)", "(a)", "(a)"), ("a\\+b\\?", "aab", "aab"), ("\\w\\w*", " a_1 ", "a_1"),
  ])
  func basic(pattern: String, text: String, expected: String?) throws {
    #expect(try match(pattern, text, isExtended: false) == expected)
  }

  @Test(arguments: [
    ("(a|ab)(c|bcd)", "abcd", "abcd|a|bcd"), ("a+b?", "caab", "aab"), ("(x)?y", "y", "y|-"),
    ("(a*)*", "aa", "aa|aa"), ("^(one|two)$", "two", "two|two"), ("a{2}", "aaa", "aa"),
    ("[a-f0-9]+", "xyz12ab", "12ab"), ("()", "a", "|"), ("a|b|c", "xc", "c"),
    ("a\\(b", "a(b", "a(b"),
    ("(foo|foobar)(bar)?", "foobar", "foobar|foo|bar"), ("x{0,2}y", "xxxy", "xxy"),
  ])
  func extended(pattern: String, text: String, expected: String?) throws {
    #expect(try match(pattern, text, isExtended: true) == expected)
  }

  @Test(arguments: ["(a", "*a", "+", "a{2,1}", "[a", "a{300}", "\\1", "a{", "\\", "[[:no:]]"])
  func mistakes(pattern: String) {
    #expect(throws: RegularExpression.Failure.self) {
      try RegularExpression(Array(pattern.utf8), isExtended: true)
    }
  }

  @Test func caseAndStart() throws {
    let expression = try RegularExpression(
      Array("ab[c-d]".utf8), isExtended: true, ignoresCase: true)
    let text = Array("xABC aBd".utf8)
    #expect(expression.firstMatch(in: text)?.start == 1)
    #expect(expression.firstMatch(in: text, from: 2)?.start == 5)
    #expect(expression.firstMatch(in: text, from: 6) == nil)
  }

  /// The pattern that stops those who try one way after the other.
  @Test func noPatternHangs() throws {
    let expression = try RegularExpression(Array("(a|a)*(a|a)*(a*)*b".utf8), isExtended: true)
    #expect(expression.firstMatch(in: [UInt8](repeating: 0x61, count: 300)) == nil)
  }

  @Test func anyPatternIsHarmless() {
    var random = Random(seed: 5)
    let letters = Array("ab*+?(){},|[]^$\\.12".utf8)
    for _ in 0..<3000 {
      let count = Int(truncatingIfNeeded: random.next() % 12)
      let pattern = (0..<count).map { _ in letters[Int(random.next() % UInt64(letters.count))] }
      for isExtended in [false, true] {
        guard let expression = try? RegularExpression(pattern, isExtended: isExtended) else {
          continue
        }
        let match = expression.firstMatch(in: Array("abaab1".utf8))
        #expect(match.map { $0.start <= $0.end } ?? true)
      }
    }
  }
}
