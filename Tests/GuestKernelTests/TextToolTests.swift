import GuestKernel
import Testing

/// What `sed` and `diff` think, without the files.
@Suite struct TextToolTests {
  private func edit(_ script: String, _ text: String, isQuiet: Bool = false) throws -> String {
    var editor = try StreamEditor(Array(script.utf8), isExtended: false, isQuiet: isQuiet)
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
      .map { Array($0.utf8) }[...]
    if lines.last?.isEmpty ?? false { lines.removeLast() }
    func next() -> (line: [UInt8], isLast: Bool)? {
      lines.popFirst().map { ($0, lines.isEmpty) }
    }
    while !editor.hasQuit, let line = next() {
      editor.apply(line.line, isLast: line.isLast, next: next)
    }
    return String(decoding: editor.output, as: UTF8.self)
  }

  @Test(arguments: [
    ("s/a/b/", "aa\n", "ba\n"), ("s/a/b/g", "aa\n", "bb\n"), ("s/a/b/2", "aaa\n", "aba\n"),
    ("s/\\(.\\)\\(.\\)/\\2&\\1/", "xy\n", "yxyx\n"), ("s|/|-|g", "/a/b\n", "-a-b\n"),
    ("s/x*/-/g", "abc\n", "-a-b-c-\n"), ("s/[/]/b/", "a/c\n", "abc\n"), ("s/A/x/i", "a\n", "x\n"),
    ("2d", "1\n2\n3\n", "1\n3\n"), ("$d", "1\n2\n", "1\n"), ("2q", "1\n2\n3\n", "1\n2\n"),
    ("/b/,/d/d", "a\nb\nc\nd\ne\n", "a\ne\n"), ("2,3!d", "1\n2\n3\n4\n", "2\n3\n"),
    ("2,1d", "1\n2\n3\n", "1\n3\n"), ("1a\\\nmore", "1\n2\n", "1\nmore\n2\n"),
    ("2i more", "1\n2\n", "1\nmore\n2\n"),
    ("2c new", "1\n2\n3\n", "1\nnew\n3\n"), ("1,2c new", "1\n2\n3\n", "new\n3\n"),
    ("y/abc/xyz/", "cab\n", "zxy\n"), ("=", "a\n", "1\na\n"),
    ("1!G;h;$!d", "1\n2\n3\n", "3\n2\n1\n"), ("N;s/\\n/-/", "1\n2\n3\n", "1-2\n3\n"),
    (":a;s/^\\(x*\\)a/\\1x/;ta", "aaa\n", "xxx\n"), ("/a/{s//b/;p}", "a\nc\n", "b\nb\nc\n"),
    ("$!N;P;D", "1\n2\n3\n", "1\n2\n3\n"), ("n;d", "1\n2\n3\n", "1\n3\n"),
    ("b end;s/a/b/;:end", "a\n", "a\n"), ("# no\ns/a/b/ # yes", "a\n", "b\n"),
    ("x;$G", "1\n2\n", "\n1\n2\n"),
  ])
  func streamEditor(script: String, text: String, expected: String) throws {
    #expect(try edit(script, text) == expected)
  }

  @Test func quietPrintsOnRequest() throws {
    #expect(try edit("2,3p", "1\n2\n3\n4\n", isQuiet: true) == "2\n3\n")
    #expect(try edit("s/a/b/p", "a\nc\n", isQuiet: true) == "b\n")
  }

  @Test(arguments: [
    "k", "s/a", "s/\\(/b/", "{p", "}", "b nowhere", "1,p", "y/a/bc/", "s/a/\\1/", "pp", "/a",
  ])
  func mistakes(script: String) {
    #expect(throws: StreamEditor.Failure.self) { try StreamEditor(Array(script.utf8)) }
  }

  // MARK: diff

  private func lines(_ text: String) -> [[UInt8]] { text.map { Array(String($0).utf8) } }

  @Test(arguments: [
    ("abc", "abc", ""), ("abc", "axc", "1-2>1-2"), ("", "ab", "0-0>0-2"), ("ab", "", "0-2>0-0"),
    ("abcd", "bcde", "0-1>0-0 4-4>3-4"), ("abcabba", "cbabac", nil),
  ])
  func differences(old: String, new: String, expected: String?) {
    let changes = LineDifference.changes(from: lines(old), to: lines(new))
    let text = changes.map {
      "\($0.old.lowerBound)-\($0.old.upperBound)>\($0.new.lowerBound)-\($0.new.upperBound)"
    }
    if let expected { #expect(text.joined(separator: " ") == expected) }
    #expect(apply(changes, lines(old), lines(new)) == lines(new))
  }

  /// The classical example needs five differences.
  @Test func shortest() {
    let changes = LineDifference.changes(from: lines("abcabba"), to: lines("cbabac"))
    #expect(changes.reduce(0) { $0 + $1.old.count + $1.new.count } == 5)
  }

  @Test func anyTwoListsAreExplained() {
    var random = Random(seed: 9)
    for _ in 0..<300 {
      let (old, new) = (text(&random), text(&random))
      let changes = LineDifference.changes(from: old, to: new)
      #expect(apply(changes, old, new) == new)
    }
    let long = (0..<3000).map { [UInt8](decimal: UInt64($0)) }
    #expect(
      apply(LineDifference.changes(from: long, to: long.reversed()), long, long.reversed())
        == long.reversed())
  }

  private func text(_ random: inout Random) -> [[UInt8]] {
    (0..<Int(random.next() % 20)).map { _ in [UInt8(0x61 + random.next() % 4)] }
  }

  private func apply(
    _ changes: [LineDifference.Change], _ old: [[UInt8]], _ new: [[UInt8]]
  ) -> [[UInt8]] {
    var result: [[UInt8]] = []
    var at = 0
    for change in changes {
      result += old[at..<change.old.lowerBound] + new[change.new]
      at = change.old.upperBound
    }
    return result + old[at...]
  }
}
