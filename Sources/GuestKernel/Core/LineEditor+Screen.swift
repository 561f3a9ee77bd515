/// What the line being edited looks like: in one row of the terminal, or in several.
///
/// The terminal is told as little as possible, since a serial line is slow: a letter at the end is that
/// letter, a step within a row a backspace or an escape sequence.
extension LineEditor {
  /// What stands before the text: the prompt, or what is being looked for.
  private var shownPrompt: [UInt8] {
    guard let search else { return prompt }
    return [UInt8](text: "(search)'") + search + [UInt8](text: "': ")
  }

  /// The place of a byte of the text, in rows and columns from the beginning of the prompt.
  private func place(_ index: Int) -> (row: Int, column: Int) {
    let (row, column) = (shownPrompt.count + index).quotientAndRemainder(
      dividingBy: max(2, columns))
    return (row, column)
  }

  mutating func appendToScreen(_ byte: UInt8) {
    output.append(byte)
    wrap()
  }

  /// Behind a row that is full the cursor waits in it until something follows: it is moved on at once.
  private mutating func wrap() {
    let end = place(text.count)
    if end.column == 0, end.row > 0 { output += [0x0d, 0x0a] }
    row = end.row
    if row > 0 { usesRows = true }
  }

  mutating func move(to position: Int) {
    let target = max(0, min(text.count, position))
    let (from, to) = (place(cursor), place(target))
    if from.row == to.row {
      for _ in cursor..<max(cursor, target) { output += [0x1b, 0x5b, 0x43] }
      for _ in target..<max(cursor, target) { output.append(0x08) }
    } else {
      moveRow(to: to.row)
      output.append(0x0d)
      if to.column > 0 { sequence(to.column, 0x43) }
    }
    cursor = target
  }

  private mutating func moveRow(to target: Int) {
    if target < row { sequence(row - target, 0x41) }
    if target > row { sequence(target - row, 0x42) }
    row = target
  }

  /// Prints ESC [, the count, and the letter.
  private mutating func sequence(_ count: Int, _ letter: UInt8) {
    output += [0x1b, 0x5b] + [UInt8](decimal: UInt64(count)) + [letter]
  }

  /// Draws the whole line again and puts the cursor where it belongs.
  mutating func redraw() {
    moveRow(to: 0)
    output.append(0x0d)
    output += shownPrompt
    output += text
    wrap()
    // Erase to the end of the line, or of the screen.
    output += [0x1b, 0x5b, usesRows ? 0x4a : 0x4b]
    usesRows = row > 0
    let target = cursor
    cursor = text.count
    move(to: target)
  }
}

// MARK: Completion

extension LineEditor {
  /// Completes the word before the cursor as far as the candidates agree, or lists them.
  package mutating func complete(with candidates: [[UInt8]]) {
    let word = wordBeforeCursor
    guard let first = candidates.first else {
      output.append(0x07)
      return
    }
    var common = first
    for candidate in candidates {
      var length = 0
      while length < min(common.count, candidate.count), common[length] == candidate[length] {
        length += 1
      }
      common = Array(common.prefix(length))
    }
    var addition: [UInt8] = []
    for byte in common.dropFirst(word.count) {
      if byte.needsQuote { addition.append(0x5c) }
      addition.append(byte)
    }
    if candidates.count == 1, first.last != 0x2f { addition.append(0x20) }
    if addition.isEmpty {
      list(candidates)
    } else {
      _ = insert(addition)
    }
  }

  /// The last parts of the names, in columns below the line.
  private mutating func list(_ candidates: [[UInt8]]) {
    let target = cursor
    move(to: text.count)
    output += [0x0d, 0x0a]
    let names = candidates.map { $0.lastPart }
    for line in Columns.lines(names, width: columns) { output += line + [0x0d, 0x0a] }
    cursor = target
    row = 0
    redraw()
  }

  /// What is being completed: the bytes between the last blank or operator and the cursor, without the
  /// backslashes.
  package var wordBeforeCursor: [UInt8] {
    var word: [UInt8] = []
    var at = startOfWordBeforeCursor
    while at < cursor {
      if text[at] == 0x5c, at + 1 < cursor { at += 1 }
      word.append(text[at])
      at += 1
    }
    return word
  }

  private var startOfWordBeforeCursor: Int {
    var start = cursor
    while start > 0, !isBoundary(text[start - 1]) || (start > 1 && text[start - 2] == 0x5c) {
      start -= 1
    }
    return start
  }

  /// True when the word before the cursor is the first one of a command.
  package var isAtCommand: Bool {
    var at = startOfWordBeforeCursor
    while at > 0, text[at - 1] == 0x20 { at -= 1 }
    if at == 0 || isOperator(text[at - 1]) { return true }
    // Words that stand before a command.
    let before = Array(text[..<at].split(separator: 0x20).last ?? [])
    let openers: [StaticString] = [
      "!", "{", "do", "then", "else", "elif", "if", "while", "until", "time", "exec", "command",
      "type", "strace", "xargs", "nice", "help",
    ]
    return openers.contains { before.equals($0) }
  }

  /// The word that the command begins with.
  package var commandWord: [UInt8] {
    let start = text[..<cursor].lastIndex(where: isOperator).map { $0 + 1 } ?? 0
    return Array(text[start..<cursor].split(separator: 0x20).first ?? [])
  }

  private func isBoundary(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x3c || byte == 0x3e || byte == 0x3d || isOperator(byte)
  }

  /// A command may follow it: one of `;`, `&`, `|`, `(`.
  private func isOperator(_ byte: UInt8) -> Bool {
    byte == 0x3b || byte == 0x26 || byte == 0x7c || byte == 0x28
  }
}

/// Names side by side, as `ls` shows them on a terminal.
package enum Columns {
  /// As many columns as fit; the names go down the first one, then the next.
  package static func lines(_ names: [[UInt8]], width: Int) -> [[UInt8]] {
    let widest = names.reduce(0) { max($0, $1.count) } + 2
    let across = max(1, (width + 1) / max(1, widest))
    let rows = (names.count + across - 1) / across
    var lines: [[UInt8]] = []
    for row in 0..<rows {
      var line: [UInt8] = []
      for index in stride(from: row, to: names.count, by: rows) {
        line += names[index]
        guard index + rows < names.count else { break }
        line += [UInt8](repeating: 0x20, count: widest - names[index].count)
      }
      lines.append(line)
    }
    return lines
  }
}

extension [UInt8] {
  /// What follows the last slash but one at the end.
  fileprivate var lastPart: [UInt8] {
    let end = last == 0x2f && count > 1 ? count - 1 : count
    guard let slash = self[..<end].lastIndex(of: 0x2f) else { return self }
    return Array(self[(slash + 1)...])
  }
}

extension UInt8 {
  /// Means something to the shell, which a completed name must not.
  fileprivate var needsQuote: Bool {
    switch self {
    case 0x20, 0x22, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x3b, 0x3c, 0x3e, 0x3f, 0x5b, 0x5c, 0x60, 0x7c:
      true
    default: false
    }
  }
}
