/// A block of a document between ``` and ```, with the words behind the first.
struct DocumentBlock {
  /// The line of the document where its content begins, from 1.
  let line: Int
  let words: [Substring]
  let lines: [Substring]

  /// The blocks whose first word is `kind`.
  static func all(_ kind: String, in text: String) -> [DocumentBlock] {
    var blocks: [DocumentBlock] = []
    var open: (line: Int, words: [Substring], lines: [Substring])?
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    {
      if line.hasPrefix("```"), let block = open {
        blocks.append(DocumentBlock(line: block.line, words: block.words, lines: block.lines))
        open = nil
      } else if line.hasPrefix("```") {
        open = (index + 2, line.dropFirst(3).split(separator: " "), [])
      } else {
        open?.lines.append(line)
      }
    }
    return blocks.filter { $0.words.first == kind[...] }
  }
}

/// What a document says a command prints: a line `[…]` stands for any lines, `…` for any text in a line.
struct ShownOutput {
  let lines: [Substring]

  /// Where `text` is not what is shown; nil if it is.
  ///
  /// Blanks at the ends of lines do not count.
  func difference(_ text: String) -> String? {
    let text = text.replacing("\r\n", with: "\n")
    var rest = text.split(separator: "\n", omittingEmptySubsequences: false)[...]
    if rest.last?.isEmpty ?? false { rest.removeLast() }
    let pieces = lines.split(separator: "[…]", omittingEmptySubsequences: false)
    for (index, piece) in pieces.enumerated() {
      let isFirst = index == 0
      let isLast = index == pieces.count - 1
      let starts = isFirst ? [rest.startIndex] : Array(rest.indices) + [rest.endIndex]
      let start = starts.first { start in
        let found = rest[start...].prefix(piece.count)
        return found.elementsEqual(piece) { Self.matches($0, $1) }
          && (!isLast || found.endIndex == rest.endIndex)
      }
      guard let start else {
        return "after \(index) […] there is no\n\(piece.joined(separator: "\n"))\nin\n\(text)"
      }
      rest = rest[(start + piece.count)...]
    }
    return nil
  }

  private static func matches(_ line: Substring, _ shown: Substring) -> Bool {
    var line = trimmed(line)
    let parts = trimmed(shown).split(separator: "…", omittingEmptySubsequences: false)
    guard let first = parts.first, let last = parts.last, line.hasPrefix(first) else {
      return false
    }
    guard parts.count > 1 else { return line == first }
    line = line.dropFirst(first.count)
    for part in parts.dropFirst().dropLast() where !part.isEmpty {
      guard let found = line.firstRange(of: part) else { return false }
      line = line[found.upperBound...]
    }
    return line.hasSuffix(last)
  }

  private static func trimmed(_ line: Substring) -> Substring {
    var line = line
    while line.last == " " { line.removeLast() }
    return line
  }
}
