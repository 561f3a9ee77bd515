/// A line of input being typed on a terminal, with history.
///
/// It is fed the terminal's bytes one by one and answers with what to print (`output`) and what
/// happened. It knows nothing of where either comes from, so it is tested without a terminal.
package struct LineEditor {
  package enum Event: Equatable {
    case none
    case line([UInt8])
    /// Ctrl-C
    case interrupt
    /// Ctrl-D on an empty line
    case endOfFile
    /// Tab: the caller finds the words that fit and calls `complete`.
    case completion
  }

  private enum Escape {
    case none
    case escape
    case control
    case singleShift
  }

  package static let capacity = 230
  package static let historyCapacity = 32

  /// Shown before the line; a new one counts from the next line on.
  package var prompt: [UInt8]
  package private(set) var text: [UInt8] = []
  package private(set) var cursor = 0
  /// What is to be printed; the caller empties it.
  package var output: [UInt8] = []
  package var history: [[UInt8]] = []

  private var escape = Escape.none
  private var parameter: UInt8 = 0
  /// The history line shown; `history.count` is the new line, kept aside in `draft`.
  private var historyIndex = 0
  private var draft: [UInt8] = []

  package init(prompt: StaticString) { self.prompt = [UInt8](text: prompt) }

  /// Starts a new line.
  package mutating func begin() {
    text = []
    cursor = 0
    historyIndex = history.count
    draft = []
    output += prompt
  }

  /// Takes one byte from the terminal.
  package mutating func receive(_ byte: UInt8) -> Event {
    if case .none = escape { return byte < 0x20 || byte == 0x7f ? control(byte) : insert(byte) }
    receiveEscape(byte)
    return .none
  }

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
    var addition = Array(common.dropFirst(word.count))
    if candidates.count == 1, first.last != 0x2f { addition.append(0x20) }
    if addition.isEmpty {
      output += [0x0d, 0x0a]
      for candidate in candidates { output += candidate + [0x20, 0x20] }
      output += [0x0d, 0x0a]
      redraw()
    } else {
      for byte in addition { _ = insert(byte) }
    }
  }

  /// The bytes between the last blank or operator and the cursor.
  package var wordBeforeCursor: [UInt8] {
    var start = cursor
    while start > 0, !isBoundary(text[start - 1]) { start -= 1 }
    return Array(text[start..<cursor])
  }

  /// True when the word before the cursor is the first one of a command.
  package var isAtCommand: Bool {
    var at = cursor - wordBeforeCursor.count
    while at > 0, text[at - 1] == 0x20 { at -= 1 }
    return at == 0 || isOperator(text[at - 1])
  }

  private func isBoundary(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x3c || byte == 0x3e || isOperator(byte)
  }

  /// A command may follow it: one of `;`, `&`, `|`, `(`.
  private func isOperator(_ byte: UInt8) -> Bool {
    byte == 0x3b || byte == 0x26 || byte == 0x7c || byte == 0x28
  }
}

// MARK: Keys

extension LineEditor {
  private mutating func control(_ byte: UInt8) -> Event {
    switch byte {
    case 0x0d, 0x0a: return finish()
    case 0x03:
      output += [0x5e, 0x43, 0x0d, 0x0a]  // ^C
      return .interrupt
    case 0x04:
      if text.isEmpty { return .endOfFile }
      deleteForward()
    case 0x09: return .completion
    case 0x1b: escape = .escape
    case 0x08, 0x7f: if cursor > 0 { deleteRange(cursor - 1..<cursor) }
    case 0x01: move(to: 0)
    case 0x05: move(to: text.count)
    case 0x02: move(to: cursor - 1)
    case 0x06: move(to: cursor + 1)
    case 0x0b: deleteRange(cursor..<text.count)
    case 0x15: deleteRange(0..<cursor)
    case 0x17: deleteRange(startOfWord..<cursor)
    case 0x0c:
      output += [0x1b, 0x5b, 0x48, 0x1b, 0x5b, 0x32, 0x4a]  // home, erase the screen
      redraw()
    case 0x10: showHistory(historyIndex - 1)
    case 0x0e: showHistory(historyIndex + 1)
    default: break
    }
    return .none
  }

  /// Follows ESC [ … and ESC O …, the two ways terminals send their special keys.
  private mutating func receiveEscape(_ byte: UInt8) {
    switch escape {
    case .escape:
      parameter = 0
      escape = byte == 0x5b ? .control : byte == 0x4f ? .singleShift : .none
    case .control where byte >= 0x30 && byte <= 0x39:
      parameter = parameter &* 10 &+ (byte &- 0x30)
    case .control where byte == 0x3b:
      parameter = 0
    case .control, .singleShift:
      escape = .none
      special(byte)
    case .none:
      break
    }
  }

  private mutating func special(_ final: UInt8) {
    switch (final, parameter) {
    case (0x41, _): showHistory(historyIndex - 1)
    case (0x42, _): showHistory(historyIndex + 1)
    case (0x43, _): move(to: cursor + 1)
    case (0x44, _): move(to: cursor - 1)
    case (0x48, _), (0x7e, 1), (0x7e, 7): move(to: 0)
    case (0x46, _), (0x7e, 4), (0x7e, 8): move(to: text.count)
    case (0x7e, 3): deleteForward()
    default: break
    }
  }

  private var startOfWord: Int {
    var start = cursor
    while start > 0, text[start - 1] == 0x20 { start -= 1 }
    while start > 0, text[start - 1] != 0x20 { start -= 1 }
    return start
  }
}

// MARK: Changes

extension LineEditor {
  private mutating func insert(_ byte: UInt8) -> Event {
    guard text.count < LineEditor.capacity else {
      output.append(0x07)
      return .none
    }
    text.insert(byte, at: cursor)
    cursor += 1
    if cursor == text.count { output.append(byte) } else { redraw() }
    return .none
  }

  private mutating func finish() -> Event {
    output += [0x0d, 0x0a]
    let line = text
    var blank = true
    for byte in line where byte != 0x20 { blank = false }
    if !blank, history.last != line {
      if history.count == LineEditor.historyCapacity { history.removeFirst() }
      history.append(line)
    }
    return .line(line)
  }

  private mutating func deleteForward() {
    if cursor < text.count { deleteRange(cursor..<cursor + 1) }
  }

  private mutating func deleteRange(_ range: Range<Int>) {
    guard !range.isEmpty else { return }
    text.removeSubrange(range)
    cursor = range.lowerBound
    redraw()
  }

  private mutating func move(to position: Int) {
    let target = max(0, min(text.count, position))
    while cursor < target {
      output += [0x1b, 0x5b, 0x43]
      cursor += 1
    }
    while cursor > target {
      output.append(0x08)
      cursor -= 1
    }
  }

  private mutating func showHistory(_ index: Int) {
    guard index >= 0, index <= history.count, index != historyIndex else { return }
    if historyIndex == history.count { draft = text }
    historyIndex = index
    text = index == history.count ? draft : history[index]
    cursor = text.count
    redraw()
  }

  /// Draws the whole line again and puts the cursor where it belongs.
  private mutating func redraw() {
    output.append(0x0d)
    output += prompt
    output += text
    output += [0x1b, 0x5b, 0x4b]  // erase to the end of the line
    for _ in cursor..<text.count { output.append(0x08) }
  }
}
