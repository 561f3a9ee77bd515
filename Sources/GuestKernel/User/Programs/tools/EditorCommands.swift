/// What the keys of vi mean outside of insert mode, and its lines behind a colon.
import Apus

extension Editor {
  /// One command: a count, perhaps, and its keys.
  mutating func command(_ first: Key) {
    var key = first
    var count = 0
    while case .byte(let byte) = key, byte.isDigit, byte != 0x30 || count > 0 {
      count = min(100_000, count * 10 + Int(byte - 0x30))
      guard let next = self.key() else { return }
      key = next
    }
    let times = max(1, count)
    guard case .byte(let byte) = key else {
      _ = move(key, count: times)
      return
    }
    if motion(byte, count) { return }
    switch Unicode.Scalar(byte) {
    case "i", "a", "I", "A", "o", "O", "s", "S", "C": beginInsert(byte)
    case "x": change { $0.deleteBytes($0.column..<$0.column + times) }
    case "X": change { $0.deleteBytes(max(0, $0.column - times)..<$0.column) }
    case "D": change { $0.deleteBytes($0.column..<$0.line.count) }
    case "d", "c", "y": operate(byte, times)
    case "Y": buffer.copyLines(times)
    case "p": change { buffer in for _ in 0..<min(times, 1000) { buffer.put(below: true) } }
    case "P": change { buffer in for _ in 0..<min(times, 1000) { buffer.put(below: false) } }
    case "J": change { $0.joinLine() }
    case "r": if case .byte(let new) = self.key(), new >= 0x20 { change { $0.replace(with: new) } }
    case "~":
      change { buffer in
        guard buffer.column < buffer.line.count else { return }
        let byte = buffer.line[buffer.column]
        buffer.replace(with: byte.isLetter ? byte ^ 0x20 : byte)
        buffer.move(row: buffer.row, column: buffer.column + 1)
      }
    case "u": if !buffer.undo() { message = [UInt8](text: "there is nothing to undo") }
    case "/", "?":
      if let text = ask(byte) { search(text, backwards: byte == UInt8(ascii: "?")) }
    case "n": search(nil, backwards: searchesBackwards)
    case "N": search(nil, backwards: !searchesBackwards)
    case ":": if let line = ask(byte) { colon(line) }
    case "Z":
      if case .byte(let second) = self.key() {
        colon([UInt8](text: second == UInt8(ascii: "Q") ? "q!" : "x"))
      }
    case "\u{1a}": stop()
    case "\u{3}": message = [UInt8](text: ":q ends, :q! without saving, :x saves first")
    default: break
    }
  }

  private mutating func change(_ body: (inout TextBuffer) -> Void) {
    buffer.remember()
    body(&buffer)
    buffer.move(row: buffer.row, column: buffer.column)
  }

  // MARK: Moving

  /// Keys that move the cursor; false for others.
  private mutating func motion(_ byte: UInt8, _ count: Int) -> Bool {
    let times = max(1, count)
    switch Unicode.Scalar(byte) {
    case "h", "\u{8}", "\u{7f}": return move(.left, count: times)
    case "j", "\u{e}": return move(.down, count: times)
    case "k", "\u{10}": return move(.up, count: times)
    case "l", " ": return move(.right, count: times)
    case "0": return move(.home)
    case "$": return move(.end)
    case "^": buffer.moveToIndentation()
    case "w": for _ in 0..<min(times, 1000) { buffer.moveToNextWord() }
    case "b": for _ in 0..<min(times, 1000) { buffer.moveToPreviousWord() }
    case "e":
      buffer.move(row: buffer.row, column: buffer.column + 1)
      if buffer.column < buffer.line.count, buffer.line[buffer.column].isBlank {
        buffer.moveToNextWord()
      }
      buffer.move(row: buffer.row, column: buffer.endOfWord - 1)
    case "\r", "\n", "+":
      buffer.move(row: buffer.row + times, column: 0)
      buffer.moveToIndentation()
    case "G": buffer.move(row: count == 0 ? Int.max : count - 1, column: 0)
    case "g":
      if key() == .byte(byte) { buffer.move(row: max(0, count - 1), column: 0) }
    case "\u{6}": return move(.pageDown)
    case "\u{2}": return move(.pageUp)
    case "\u{4}": return move(.down, count: size.rows / 2)
    case "\u{15}": return move(.up, count: size.rows / 2)
    default: return false
    }
    return true
  }

  // MARK: Changing

  private mutating func beginInsert(_ byte: UInt8) {
    buffer.remember()
    let (row, column) = (buffer.row, buffer.column)
    switch Unicode.Scalar(byte) {
    case "a": buffer.move(row: row, column: column + 1, isInserting: true)
    case "I": buffer.moveToIndentation()
    case "A": buffer.move(row: row, column: Int.max, isInserting: true)
    case "o": buffer.openLine(below: true)
    case "O": buffer.openLine(below: false)
    case "s": buffer.deleteBytes(column..<column + 1)
    case "S": buffer.deleteBytes(0..<buffer.line.count)
    case "C": buffer.deleteBytes(column..<buffer.line.count)
    default: break
    }
    mode = .insert
  }

  /// `d`, `c` or `y` and what it is about: the line when the key comes twice, a word, or up to an end of the line.
  private mutating func operate(_ operation: UInt8, _ times: Int) {
    guard case .byte(var target) = key() else { return }
    var times = times
    while target.isDigit, target != 0x30 {
      times = min(100_000, Int(target - 0x30))
      guard case .byte(let next) = key() else { return }
      target = next
    }
    let copies = operation == UInt8(ascii: "y")
    let changes = operation == UInt8(ascii: "c")
    if target == operation {
      if copies { return buffer.copyLines(times) }
      if !changes { return change { $0.deleteLines(times) } }
      return beginInsert(UInt8(ascii: "S"))
    }
    var range = buffer.column..<buffer.column
    switch Unicode.Scalar(target) {
    case "w", "e":
      var end = buffer
      for _ in 1..<max(2, min(times, 1000)) where times > 1 { end.moveToNextWord() }
      var last = end.row == buffer.row ? end.endOfWord : buffer.line.count
      // A deleted word takes the blanks behind it along, a changed one does not.
      if target == UInt8(ascii: "w"), !changes {
        while last < buffer.line.count, buffer.line[last].isBlank { last += 1 }
      }
      range = buffer.column..<max(buffer.column, last)
    case "b":
      var start = buffer
      start.moveToPreviousWord()
      range = (start.row == buffer.row ? start.column : 0)..<buffer.column
    case "$": range = buffer.column..<buffer.line.count
    case "0": range = 0..<buffer.column
    case "l", " ": range = buffer.column..<buffer.column + times
    case "h": range = max(0, buffer.column - times)..<buffer.column
    case "G":
      let count = buffer.lines.count - buffer.row
      return copies ? buffer.copyLines(count) : change { $0.deleteLines(count) }
    default: return
    }
    guard !copies else {
      var copy = buffer
      copy.deleteBytes(range)
      buffer.take(copy.register)
      return
    }
    change { $0.deleteBytes(range) }
    if changes {
      buffer.move(row: buffer.row, column: range.lowerBound, isInserting: true)
      mode = .insert
    }
  }

  // MARK: Lines behind a colon

  private mutating func colon(_ line: [UInt8]) {
    if let number = line.decimal { return buffer.move(row: Int(clamping: number) - 1, column: 0) }
    let words = line.split(separator: 0x20, maxSplits: 1).map { Array($0) }
    let rest = words.count > 1 ? words[1] : nil
    guard let word = words.first else { return }
    let isForced = word.last == 0x21
    switch word {
    case [UInt8](text: "w"), [UInt8](text: "w!"): _ = save(as: rest)
    case [UInt8](text: "wq"), [UInt8](text: "x"): isOver = save(as: rest)
    case [UInt8](text: "q"), [UInt8](text: "q!"):
      isOver = isForced || !buffer.isChanged
      if !isOver { message = [UInt8](text: "the text has changed: :x saves it, :q! gives it up") }
    case [UInt8](text: "help"):
      message = [UInt8](
        text: "hjkl wbe 0$ G / n  i a o  x dd dw yy p u J r  :w :q :x :s/a/b/ :%s/a/b/g")
    default: substitute(line)
    }
  }

  /// `:s/a/b/` in this line, `:%s/a/b/` in all.
  private mutating func substitute(_ line: [UInt8]) {
    let isEverywhere = line.first == UInt8(ascii: "%")
    let script = Array(line.dropFirst(isEverywhere ? 1 : 0))
    guard script.count > 2, script[0] == UInt8(ascii: "s"), !script[1].isLetter else {
      message = [UInt8](text: "not understood; :help lists what is")
      return
    }
    let rows = isEverywhere ? 0..<buffer.lines.count : buffer.row..<buffer.row + 1
    buffer.remember()
    do throws(StreamEditor.Failure) {
      let changed = try buffer.substitute(rows, script)
      message = [UInt8]("\(changed) lines changed" as TextLine)
    } catch {
      message = [UInt8](error.message)
    }
  }

  private mutating func save(as other: [UInt8]?) -> Bool {
    guard let name = other ?? name else {
      message = [UInt8](text: "it has no name: :w NAME")
      return false
    }
    do throws(SystemError) {
      try FileTree.write(buffer.text, to: name)
    } catch {
      message = name + [UInt8](text: ": ") + [UInt8](text: error.name)
      return false
    }
    self.name = self.name ?? name
    buffer.isChanged = false
    message = name + [UInt8]("  \(buffer.lines.count) lines written" as TextLine)
    return true
  }
}
