/// vi: a screen editor small enough to read, with the keys that fingers know.
///
/// The text and what can be done to it are in Core (`TextBuffer`); here are keys and the screen. POSIX.1, "vi":
/// the commands listed by `:help`.
import Apus

struct Editor {
  static let tool = Tool(
    name: "vi", usage: "vi [+LINE] [FILE]", summary: "edits a text on the screen", run: run)

  enum Mode {
    case normal
    case insert
  }

  enum Key: Equatable {
    case byte(UInt8)
    case up
    case down
    case left
    case right
    case home
    case end
    case pageUp
    case pageDown
    case delete
    case escape
  }

  private let screen: Screen
  let size: (rows: Int, columns: Int)
  var buffer: TextBuffer
  var name: [UInt8]?
  var mode = Mode.normal
  var message: [UInt8] = []
  var isOver = false
  /// The first line and the first column that are shown.
  var top = 0
  private var left = 0
  /// What was looked for last.
  private(set) var expression: RegularExpression?
  private(set) var searchesBackwards = false

  private static func run(_ arguments: [[UInt8]]) -> Int32 {
    var words = Array(arguments.dropFirst())
    var line = 0
    if let first = words.first, first.first == 0x2b, let number = Array(first.dropFirst()).decimal {
      line = Int(number) - 1
      words.removeFirst()
    }
    let operands = Options([arguments[0]] + words, known: "", operands: 0...1).operands
    var text: [UInt8] = []
    var message: [UInt8] = []
    if let name = operands.first {
      do throws(SystemError) {
        text = try FileTree.contents(of: name, limit: 4 << 20)
        message = quoted(name) + [UInt8]("  \(text.filter { $0 == 0x0a }.count) lines" as TextLine)
      } catch {
        guard error == .notFound else { fail("\(text: name): \(error.name)") }
        message = quoted(name) + [UInt8](text: "  a new file")
      }
    }
    guard let screen = Screen() else { fail("there is no terminal") }
    var editor = Editor(screen, text, operands.first)
    editor.message = message
    editor.buffer.move(row: line, column: 0)
    editor.edit()
    screen.write([UInt8]("\u{1b}[\(editor.size.rows);1H\u{1b}[K" as TextLine))
    screen.restore()
    return 0
  }

  private static func quoted(_ name: [UInt8]) -> [UInt8] { [0x22] + name + [0x22] }

  private init(_ screen: Screen, _ text: [UInt8], _ name: [UInt8]?) {
    self.screen = screen
    self.name = name
    size = screen.measure() ?? Terminal.size(of: screen.terminal)
    buffer = TextBuffer(text)
  }

  private mutating func edit() {
    while !isOver {
      draw()
      guard let key = key() else { return }
      message = []
      if mode == .insert { typed(key) } else { command(key) }
    }
  }

  /// Waits outside of the foreground; the terminal is as before meanwhile.
  func stop() {
    screen.write([UInt8]("\u{1b}[\(size.rows);1H\u{1b}[K" as TextLine))
    screen.lend { try? Process.send(.terminalStop, to: 0) }
  }

  // MARK: Keys

  /// The next key; an ESC with something right behind it is one of the special ones.
  mutating func key() -> Key? {
    guard let byte = screen.byte() else { return nil }
    guard byte == 0x1b else { return .byte(byte) }
    guard let second = screen.byte(milliseconds: 50) else { return .escape }
    guard second == 0x5b || second == 0x4f else { return .escape }
    var number = 0
    while let byte = screen.byte(milliseconds: 50) {
      if byte.isDigit {
        number = min(99, number * 10 + Int(byte - 0x30))
        continue
      }
      switch (byte, number) {
      case (UInt8(ascii: "A"), _): return .up
      case (UInt8(ascii: "B"), _): return .down
      case (UInt8(ascii: "C"), _): return .right
      case (UInt8(ascii: "D"), _): return .left
      case (UInt8(ascii: "H"), _), (0x7e, 1), (0x7e, 7): return .home
      case (UInt8(ascii: "F"), _), (0x7e, 4), (0x7e, 8): return .end
      case (0x7e, 3): return .delete
      case (0x7e, 5): return .pageUp
      case (0x7e, 6): return .pageDown
      default: return .escape
      }
    }
    return .escape
  }

  /// A line typed below the text; nil when it was given up.
  mutating func ask(_ prompt: UInt8) -> [UInt8]? {
    var answer: [UInt8] = []
    while true {
      screen.write(
        [UInt8]("\u{1b}[\(size.rows);1H\u{1b}[K" as TextLine) + [prompt]
          + answer.suffix(size.columns - 2))
      guard let key = key() else { return nil }
      switch key {
      case .byte(0x0d), .byte(0x0a): return answer
      case .byte(0x03), .escape: return nil
      case .byte(0x08), .byte(0x7f):
        if answer.popLast() == nil { return nil }
      case .byte(let byte) where byte >= 0x20: answer.append(byte)
      default: break
      }
    }
  }

  /// Insert mode.
  private mutating func typed(_ key: Key) {
    switch key {
    case .escape, .byte(0x03):
      mode = .normal
      buffer.move(row: buffer.row, column: buffer.column - 1)
    case .byte(0x0d), .byte(0x0a): buffer.breakLine()
    case .byte(0x08), .byte(0x7f): buffer.deleteBackwards()
    case .byte(let byte): if byte >= 0x20 || byte == 0x09 { buffer.insert(byte) }
    case .delete:
      if buffer.column < buffer.line.count {
        buffer.deleteBytes(buffer.column..<buffer.column + 1)
      }
    default: _ = move(key, isInserting: true)
    }
  }

  /// Keys that only move; false for others.
  mutating func move(_ key: Key, isInserting: Bool = false, count: Int = 1) -> Bool {
    var (row, column) = (buffer.row, buffer.column)
    switch key {
    case .up: row -= count
    case .down: row += count
    case .left: column -= count
    case .right: column += count
    case .home: column = 0
    case .end: column = Int.max
    case .pageUp:
      row -= size.rows - 2
      top = max(0, top - size.rows + 2)
    case .pageDown:
      row += size.rows - 2
      top = min(max(0, buffer.lines.count - 1), top + size.rows - 2)
    default: return false
    }
    buffer.move(row: row, column: column, isInserting: isInserting)
    return true
  }

  // MARK: Searching

  mutating func search(_ text: [UInt8]?, backwards: Bool) {
    if let text, !text.isEmpty {
      do throws(RegularExpression.Failure) {
        expression = try RegularExpression(text, isExtended: false)
      } catch {
        message = [UInt8](text: error.message)
        return
      }
    }
    if text != nil { searchesBackwards = backwards }
    guard let expression else {
      message = [UInt8](text: "nothing was looked for yet")
      return
    }
    if !buffer.search(expression, backwards: backwards) { message = [UInt8](text: "not found") }
  }

  // MARK: Drawing

  private mutating func draw() {
    if buffer.row < top { top = buffer.row }
    if buffer.row >= top + size.rows - 1 { top = buffer.row - size.rows + 2 }
    let place = Self.width(buffer.line[..<min(buffer.column, buffer.line.count)])
    if place < left || place >= left + size.columns {
      left = max(0, place - size.columns / 2)
    }
    if place < size.columns { left = 0 }
    var output = [UInt8](text: "\u{1b}[?25l\u{1b}[H")
    for row in top..<top + size.rows - 1 {
      if row < buffer.lines.count {
        output += Self.shown(buffer.lines[row]).dropFirst(left).prefix(size.columns)
      } else {
        output.append(0x7e)
      }
      output += [UInt8](text: "\u{1b}[K\r\n")
    }
    output += statusLine.prefix(size.columns - 1) + [UInt8](text: "\u{1b}[K")
    output += [UInt8](
      "\u{1b}[\(buffer.row - top + 1);\(place - left + 1)H\u{1b}[?25h" as TextLine)
    screen.write(output)
  }

  private var statusLine: [UInt8] {
    if !message.isEmpty { return message }
    var line: TextLine = "\(mode == .insert ? "-- INSERT --  " as StaticString : "")"
    line.append(bytes: Array((name ?? [UInt8](text: "(no name)")).prefix(100)))
    line.append(
      line:
        "\(buffer.isChanged ? " [+]" as StaticString : "")  \(buffer.row + 1),\(buffer.column + 1)")
    line.append(line: "  of \(buffer.lines.count)")
    return [UInt8](line)
  }

  /// Tabs up to the next eighth column, and what cannot be printed as a question mark.
  private static func shown(_ line: [UInt8]) -> [UInt8] {
    var shown: [UInt8] = []
    for byte in line {
      if byte == 0x09 {
        repeat { shown.append(0x20) } while shown.count % 8 != 0
      } else {
        shown.append(byte < 0x20 || byte == 0x7f ? 0x3f : byte)
      }
    }
    return shown
  }

  private static func width(_ line: ArraySlice<UInt8>) -> Int { shown(Array(line)).count }
}
