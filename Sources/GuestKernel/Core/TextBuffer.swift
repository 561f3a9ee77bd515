/// The text that a screen editor shows and changes: lines, a cursor, what was deleted last, and the way back.
///
/// It knows nothing of keys or of a terminal, so it is tested without either.
package struct TextBuffer: Equatable {
  package private(set) var lines: [[UInt8]]
  package private(set) var row = 0
  package private(set) var column = 0
  /// Since it was last saved.
  package var isChanged = false
  /// What was deleted or copied last; whole lines are put below the cursor's, else behind the cursor.
  package private(set) var register: (lines: [[UInt8]], isWhole: Bool) = ([], true)

  /// Texts from before changes, the last one last.
  private var past: [(lines: [[UInt8]], row: Int, column: Int)] = []
  private static let mostPast = 50

  package init(_ text: [UInt8]) {
    lines = text.split(separator: 0x0a, omittingEmptySubsequences: false).map { Array($0) }
    if lines.count > 1, lines[lines.count - 1].isEmpty { lines.removeLast() }
  }

  package static func == (first: TextBuffer, second: TextBuffer) -> Bool {
    first.lines == second.lines && first.row == second.row && first.column == second.column
  }

  package var text: [UInt8] {
    if lines.count == 1, lines[0].isEmpty { return [] }
    return Array(lines.map { $0 + [0x0a] }.joined())
  }

  package var line: [UInt8] { lines[row] }

  /// The cursor somewhere, as near as there is text; `isInserting` allows the place behind the last byte.
  package mutating func move(row newRow: Int, column newColumn: Int, isInserting: Bool = false) {
    row = max(0, min(lines.count - 1, newRow))
    column = max(0, min(lines[row].count - (isInserting ? 0 : 1), newColumn))
  }

  /// Remembers the text as it is, to come back to it.
  package mutating func remember() {
    if past.count == Self.mostPast { past.removeFirst() }
    past.append((lines, row, column))
    isChanged = true
  }

  /// Back to the text before the last change; false when there was none.
  package mutating func undo() -> Bool {
    guard let before = past.popLast() else { return false }
    lines = before.lines
    move(row: before.row, column: before.column)
    return true
  }

  // MARK: Typing

  package mutating func insert(_ byte: UInt8) {
    lines[row].insert(byte, at: column)
    column += 1
  }

  /// The rest of the line becomes one of its own, indented as this one.
  package mutating func breakLine() {
    let indentation = Array(lines[row].prefix { $0 == 0x20 || $0 == 0x09 }.prefix(column))
    let rest = Array(lines[row][column...])
    lines[row].removeSubrange(column...)
    lines.insert(indentation + rest, at: row + 1)
    row += 1
    column = indentation.count
  }

  /// Backspace: at a line's beginning the line joins the one before.
  package mutating func deleteBackwards() {
    if column > 0 {
      column -= 1
      lines[row].remove(at: column)
    } else if row > 0 {
      let rest = lines.remove(at: row)
      row -= 1
      column = lines[row].count
      lines[row] += rest
    }
  }

  package mutating func openLine(below: Bool) {
    let indentation = Array(lines[row].prefix { $0 == 0x20 || $0 == 0x09 })
    if below { row += 1 }
    lines.insert(indentation, at: row)
    column = indentation.count
  }

  // MARK: Deleting, copying, putting

  package mutating func deleteBytes(_ range: Range<Int>) {
    let range = range.clamped(to: 0..<lines[row].count)
    register = ([Array(lines[row][range])], false)
    lines[row].removeSubrange(range)
    move(row: row, column: range.lowerBound, isInserting: true)
  }

  package mutating func take(_ register: (lines: [[UInt8]], isWhole: Bool)) {
    self.register = register
  }

  package mutating func copyLines(_ count: Int) {
    register = (Array(lines[row...].prefix(count)), true)
  }

  package mutating func deleteLines(_ count: Int) {
    copyLines(count)
    lines.removeSubrange(row..<min(lines.count, row + count))
    if lines.isEmpty { lines = [[]] }
    move(row: row, column: indentation(of: min(row, lines.count - 1)))
  }

  package mutating func put(below: Bool) {
    guard !register.lines.isEmpty else { return }
    if register.isWhole {
      row = below ? row + 1 : row
      lines.insert(contentsOf: register.lines, at: row)
      column = indentation(of: row)
    } else {
      let place = min(lines[row].count, below ? column + 1 : column)
      lines[row].insert(contentsOf: register.lines[0], at: place)
      column = max(0, place + register.lines[0].count - 1)
    }
  }

  package mutating func joinLine() {
    guard row + 1 < lines.count else { return }
    let next = lines.remove(at: row + 1).drop { $0 == 0x20 || $0 == 0x09 }
    column = lines[row].count
    lines[row] += (lines[row].isEmpty || next.isEmpty ? [] : [0x20]) + next
  }

  package mutating func replace(with byte: UInt8) {
    guard column < lines[row].count else { return }
    lines[row][column] = byte
  }

  // MARK: Places

  private func indentation(of row: Int) -> Int {
    let blanks = lines[row].prefix { $0 == 0x20 || $0 == 0x09 }.count
    return min(blanks, max(0, lines[row].count - 1))
  }

  package mutating func moveToIndentation() { column = indentation(of: row) }

  private enum Kind {
    case blank
    case word
    case other
  }

  private func kind(_ byte: UInt8) -> Kind {
    if byte.isBlank { return .blank }
    return byte.isLetter || byte.isDigit || byte == 0x5f || byte >= 0x80 ? .word : .other
  }

  /// The beginning of the next word; of the first one in the next line at the end.
  package mutating func moveToNextWord() {
    let line = lines[row]
    var at = column
    if at < line.count {
      let start = kind(line[at])
      while at < line.count, kind(line[at]) == start, start != .blank { at += 1 }
      while at < line.count, kind(line[at]) == .blank { at += 1 }
    }
    if at < line.count {
      column = at
    } else if row + 1 < lines.count {
      row += 1
      column = indentation(of: row)
    } else {
      move(row: row, column: line.count)
    }
  }

  package mutating func moveToPreviousWord() {
    var (row, at) = (row, column)
    while true {
      while at > 0, kind(lines[row][at - 1]) == .blank { at -= 1 }
      if at > 0 || row == 0 { break }
      row -= 1
      at = lines[row].count
    }
    if at > 0 {
      let start = kind(lines[row][at - 1])
      while at > 0, kind(lines[row][at - 1]) == start { at -= 1 }
    }
    move(row: row, column: at)
  }

  /// Where the word under the cursor ends.
  package var endOfWord: Int {
    let line = lines[row]
    guard column < line.count else { return column }
    var at = column
    let start = kind(line[at])
    while at < line.count, kind(line[at]) == start { at += 1 }
    return at
  }

  /// To the next match behind the cursor, or before it, from the other end if need be; false without any.
  package mutating func search(_ expression: RegularExpression, backwards: Bool) -> Bool {
    for step in 0...lines.count {
      let at = (row + (backwards ? -step : step) + lines.count * 2) % lines.count
      var best: Int?
      var from = 0
      while from <= lines[at].count,
        let match = expression.firstMatch(in: lines[at], from: from)
      {
        let isBehind = step > 0 || (backwards ? match.start < column : match.start > column)
        let isWrapped = step == lines.count
        if isBehind || isWrapped {
          best = match.start
          if !backwards { break }
        }
        from = match.start + 1
      }
      if let best {
        move(row: at, column: best)
        return true
      }
    }
    return false
  }

  /// `:s`: replaces in these lines what matches; returns how many lines have changed.
  package mutating func substitute(
    _ rows: Range<Int>, _ script: [UInt8]
  ) throws(StreamEditor.Failure) -> Int {
    var editor = try StreamEditor(script)
    var changed = 0
    for index in rows.clamped(to: 0..<lines.count) {
      editor.apply(lines[index], isLast: false) { nil }
      let result = Array(editor.output.dropLast())
      editor.output = []
      if result != lines[index] {
        lines[index] = result
        row = index
        changed += 1
      }
    }
    move(row: row, column: column)
    return changed
  }
}
