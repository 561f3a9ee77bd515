import Emulator

/// What is looked for in what a guest writes on its console.
///
/// Text is found as soon as its last character is written, so that a prompt can be waited for.
/// Expressions are looked for in whole lines; the last line of a machine that stopped is whole.
/// Carriage returns count only where a text has some.
public struct ConsolePattern: ExpressibleByStringInterpolation, CustomStringConvertible {
  enum Kind {
    case text([UInt8])
    case line(([UInt8]) -> Bool)
  }

  let kind: Kind
  /// The pattern as it would stand in a manifest.
  public let description: String

  /// A text, anywhere, over the ends of lines too.
  public static func text(_ text: String) -> ConsolePattern {
    ConsolePattern(kind: .text(Array(text.utf8)), description: text.debugDescription)
  }

  /// A line in which a regular expression matches.
  public static func line(_ expression: some RegexComponent) -> ConsolePattern {
    let regex = expression.regex
    return ConsolePattern(
      kind: .line { line in
        let text = String(decoding: line, as: UTF8.self)
        return (try? regex.firstMatch(in: text)) != nil
      }, description: "a matching line")
  }

  /// A line in which a regular expression in POSIX extended syntax matches.
  public static func line(posix expression: String) throws(HostError) -> ConsolePattern {
    let pattern = try OutputPattern(expression, option: "the expression")
    return ConsolePattern(kind: .line { pattern.matches(line: $0) }, description: "/\(expression)/")
  }

  private init(kind: Kind, description: String) {
    self.kind = kind
    self.description = description
  }

  /// A text, anywhere.
  public init(stringLiteral text: String) { self = .text(text) }
}

/// Looks for a pattern in output, byte by byte.
struct PatternScanner {
  /// The part of a line that is kept.
  private static let lineLimit = 1 << 16

  let pattern: ConsolePattern
  private let ignoresReturns: Bool
  /// The last bytes of a text's length, or the line so far.
  private var recent: [UInt8] = []

  init(_ pattern: ConsolePattern) {
    self.pattern = pattern
    switch pattern.kind {
    case .text(let text): ignoresReturns = !text.contains(UInt8(ascii: "\r"))
    case .line: ignoresReturns = true
    }
  }

  /// Whether the pattern ends with the next byte.
  mutating func matches(next byte: UInt8) -> Bool {
    if ignoresReturns && byte == UInt8(ascii: "\r") { return false }
    switch pattern.kind {
    case .text(let text):
      recent.append(byte)
      if recent.count > text.count { recent.removeFirst() }
      return recent == text
    case .line(let matches):
      guard byte == UInt8(ascii: "\n") else {
        if recent.count < Self.lineLimit { recent.append(byte) }
        return false
      }
      defer { recent.removeAll(keepingCapacity: true) }
      return matches(recent)
    }
  }

  /// Whether the pattern matches the last line, to which nothing comes any more.
  mutating func matchesLastLine() -> Bool {
    guard case .line(let matches) = pattern.kind, !recent.isEmpty else { return false }
    defer { recent.removeAll() }
    return matches(recent)
  }
}
