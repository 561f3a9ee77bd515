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

  package static let capacity = 4000
  package static let historyCapacity = 500

  /// Shown before the line; a new one counts from the next line on.
  package var prompt: [UInt8]
  package internal(set) var text: [UInt8] = []
  package internal(set) var cursor = 0
  /// What is to be printed; the caller empties it.
  package var output: [UInt8] = []
  package var history: [[UInt8]] = []
  /// How wide the terminal is: longer lines go on in the next row.
  package var columns = 80
  /// The row of the cursor below that in which the prompt begins.
  var row = 0
  /// The line had several rows when it was drawn last.
  var usesRows = false

  private var escape = Escape.none
  /// The numbers of an escape sequence: the last one, and whether it follows a semicolon.
  private var parameter: UInt8 = 0
  private var modifier = false
  /// The history line shown; `history.count` is the new line, kept aside in `draft`.
  private var historyIndex = 0
  private var draft: [UInt8] = []
  /// What was deleted last, for Ctrl-Y.
  private var deleted: [UInt8] = []
  /// The text looked for backwards in the history, after Ctrl-R.
  var search: [UInt8]?

  package init(prompt: StaticString) { self.prompt = [UInt8](text: prompt) }

  /// Starts a new line.
  package mutating func begin() {
    text = []
    cursor = 0
    row = 0
    usesRows = false
    search = nil
    historyIndex = history.count
    draft = []
    output += prompt
  }

  /// Takes one byte from the terminal.
  package mutating func receive(_ byte: UInt8) -> Event {
    guard case .none = escape else {
      receiveEscape(byte)
      return .none
    }
    if search != nil, let event = searching(byte) { return event }
    return byte < 0x20 || byte == 0x7f ? control(byte) : insert([byte])
  }
}

// MARK: Keys

extension LineEditor {
  private mutating func control(_ byte: UInt8) -> Event {
    switch byte {
    case 0x0d, 0x0a: return finish()
    case 0x03:
      move(to: text.count)
      output += [0x5e, 0x43, 0x0d, 0x0a]  // ^C
      return .interrupt
    case 0x04:
      if text.isEmpty { return .endOfFile }
      deleteForward()
    case 0x09: return .completion
    case 0x1b: escape = .escape
    case 0x08, 0x7f: if cursor > 0 { deleteRange(cursor - 1..<cursor, keeps: false) }
    case 0x01: move(to: 0)
    case 0x05: move(to: text.count)
    case 0x02: move(to: cursor - 1)
    case 0x06: move(to: cursor + 1)
    case 0x0b: deleteRange(cursor..<text.count)
    case 0x15: deleteRange(0..<cursor)
    case 0x17: deleteRange(startOfWord { $0 == 0x20 }..<cursor)
    case 0x19: return insert(deleted)
    case 0x14: transpose()
    case 0x0c:
      output += [0x1b, 0x5b, 0x48, 0x1b, 0x5b, 0x32, 0x4a]  // home, erase the screen
      row = 0
      redraw()
    case 0x10: showHistory(historyIndex - 1)
    case 0x0e: showHistory(historyIndex + 1)
    case 0x12:
      search = []
      redraw()
    default: break
    }
    return .none
  }

  /// Follows ESC [ … and ESC O …, the two ways terminals send their special keys; Alt sends an ESC before
  /// a letter.
  private mutating func receiveEscape(_ byte: UInt8) {
    switch escape {
    case .escape:
      parameter = 0
      modifier = false
      escape = byte == 0x5b ? .control : byte == 0x4f ? .singleShift : .none
      if case .none = escape { alternate(byte) }
    case .control where byte >= 0x30 && byte <= 0x39:
      parameter = parameter &* 10 &+ (byte &- 0x30)
    case .control where byte == 0x3b:
      parameter = 0
      modifier = true
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
    case (0x43, _) where modifier: move(to: endOfWord)
    case (0x44, _) where modifier: move(to: startOfWord { !$0.isWordByte })
    case (0x43, _): move(to: cursor + 1)
    case (0x44, _): move(to: cursor - 1)
    case (0x48, _), (0x7e, 1), (0x7e, 7): move(to: 0)
    case (0x46, _), (0x7e, 4), (0x7e, 8): move(to: text.count)
    case (0x7e, 3): deleteForward()
    default: break
    }
  }

  private mutating func alternate(_ byte: UInt8) {
    switch byte {
    case UInt8(ascii: "b"): move(to: startOfWord { !$0.isWordByte })
    case UInt8(ascii: "f"): move(to: endOfWord)
    case UInt8(ascii: "d"): deleteRange(cursor..<endOfWord)
    case 0x08, 0x7f: deleteRange(startOfWord { !$0.isWordByte }..<cursor)
    case UInt8(ascii: "."):
      // The last word of the line before.
      guard let word = history.last?.split(separator: 0x20).last else { break }
      _ = insert(Array(word))
    default: break
    }
  }

  private func startOfWord(_ isOutside: (UInt8) -> Bool) -> Int {
    var start = cursor
    while start > 0, isOutside(text[start - 1]) { start -= 1 }
    while start > 0, !isOutside(text[start - 1]) { start -= 1 }
    return start
  }

  private var endOfWord: Int {
    var end = cursor
    while end < text.count, !text[end].isWordByte { end += 1 }
    while end < text.count, text[end].isWordByte { end += 1 }
    return end
  }
}

// MARK: Changes

extension LineEditor {
  mutating func insert(_ bytes: [UInt8]) -> Event {
    guard text.count + bytes.count <= LineEditor.capacity else {
      output.append(0x07)
      return .none
    }
    text.insert(contentsOf: bytes, at: cursor)
    cursor += bytes.count
    if cursor == text.count, bytes.count == 1 { appendToScreen(bytes[0]) } else { redraw() }
    return .none
  }

  private mutating func finish() -> Event {
    move(to: text.count)
    output += [0x0d, 0x0a]
    let line = text
    var blank = true
    for byte in line where byte != 0x20 { blank = false }
    if !blank, history.last != line {
      if history.count >= LineEditor.historyCapacity { history.removeFirst() }
      history.append(line)
    }
    return .line(line)
  }

  private mutating func deleteForward() {
    if cursor < text.count { deleteRange(cursor..<cursor + 1, keeps: false) }
  }

  private mutating func deleteRange(_ range: Range<Int>, keeps: Bool = true) {
    guard !range.isEmpty else { return }
    if keeps { deleted = Array(text[range]) }
    text.removeSubrange(range)
    cursor = range.lowerBound
    redraw()
  }

  /// The two characters before the cursor change places; in the middle, those around it.
  private mutating func transpose() {
    let at = min(cursor, text.count - 1)
    guard at > 0 else { return }
    text.swapAt(at - 1, at)
    cursor = at + 1
    redraw()
  }

  private mutating func showHistory(_ index: Int) {
    guard index >= 0, index <= history.count, index != historyIndex else { return }
    if historyIndex == history.count { draft = text }
    historyIndex = index
    text = index == history.count ? draft : history[index]
    cursor = text.count
    redraw()
  }
}

// MARK: Searching

extension LineEditor {
  /// A key while Ctrl-R looks for a line; nil when it ends the search and means what it always does.
  private mutating func searching(_ byte: UInt8) -> Event? {
    switch byte {
    case 0x12: find(before: historyIndex)
    case 0x08, 0x7f:
      _ = search?.popLast()
      find(before: history.count)
    case 0x07, 0x03:
      search = nil
      text = draft
      cursor = text.count
      historyIndex = history.count
      redraw()
    case 0x20...0x7e, 0x80...0xff:
      search?.append(byte)
      find(before: min(history.count, historyIndex + 1))
    default:
      search = nil
      redraw()
      return nil
    }
    return .some(.none)
  }

  private mutating func find(before end: Int) {
    if historyIndex == history.count, end == history.count { draft = text }
    guard let wanted = search, !wanted.isEmpty else { return redraw() }
    for index in stride(from: end - 1, through: 0, by: -1) {
      guard let place = history[index].position(of: wanted) else { continue }
      historyIndex = index
      text = history[index]
      cursor = place
      return redraw()
    }
    output.append(0x07)
    redraw()
  }
}

extension UInt8 {
  /// Part of a word for those keys that move by words.
  fileprivate var isWordByte: Bool { isLetter || isDigit || self == 0x5f || self >= 0x80 }
}

extension [UInt8] {
  /// Where `other` begins in it first.
  package func position(of other: [UInt8]) -> Int? {
    guard count >= other.count else { return nil }
    for start in 0...(count - other.count)
    where self[start..<start + other.count].elementsEqual(other) {
      return start
    }
    return nil
  }
}
