import GuestKernel
import Testing

/// Types into an editor and keeps what the terminal would show on its last line.
private struct Typist {
  var editor = LineEditor(prompt: "$ ")
  var lines: [String] = []
  var events: [LineEditor.Event] = []
  private var screen: [[UInt8]] = [[]]
  private var row = 0
  private var column = 0

  init(columns: Int = 80) {
    editor.columns = columns
    editor.begin()
    show()
  }

  /// Types text; `^X` in `keys` is Ctrl-X, `<` and `>` are the arrows to the left and the right.
  mutating func type(_ keys: String) {
    var bytes: [UInt8] = []
    var rest = Substring(keys)
    while let key = rest.popFirst() {
      switch key {
      case "^": bytes.append((rest.popFirst()?.asciiValue ?? 0x40) & 0x1f)
      case "<": bytes += [0x1b, 0x5b, 0x44]
      case ">": bytes += [0x1b, 0x5b, 0x43]
      default: bytes += Array(String(key).utf8)
      }
    }
    send(bytes)
  }

  mutating func send(_ bytes: [UInt8]) {
    for byte in bytes {
      let event = editor.receive(byte)
      show()
      if event != .none { events.append(event) }
      if case .line(let line) = event {
        lines.append(String(decoding: line, as: UTF8.self))
        editor.begin()
        show()
      }
    }
  }

  /// A terminal: printing, which waits in the last column, carriage return, newline, backspace, bell, the
  /// cursor up, down and to the right, erasing to the end of the line or of the screen.
  mutating func show() {
    var output = editor.output[...]
    editor.output = []
    while let byte = output.popFirst() {
      switch byte {
      case 0x0d: column = 0
      case 0x0a:
        row += 1
        while row >= screen.count { screen.append([]) }
      case 0x08: column -= 1
      case 0x07: break
      case 0x1b:
        output.removeFirst()
        var number = 0
        while let digit = output.first, (0x30...0x39).contains(digit) {
          number = number * 10 + Int(digit - 0x30)
          output.removeFirst()
        }
        switch output.popFirst() {
        case 0x41: row -= max(1, number)
        case 0x42: row += max(1, number)
        case 0x43: column += max(1, number)
        case 0x4b: erase()
        case 0x4a:
          erase()
          screen.removeLast(screen.count - row - 1)
        default: break
        }
      default:
        if column == editor.columns {
          column = 0
          row += 1
        }
        while row >= screen.count { screen.append([]) }
        while screen[row].count <= column { screen[row].append(0x20) }
        screen[row][column] = byte
        column += 1
      }
    }
  }

  private mutating func erase() {
    screen[row].removeLast(max(0, screen[row].count - column))
  }

  /// The last row; and all rows of the line being edited.
  var shown: String { String(decoding: screen[row], as: UTF8.self) }
  var rows: [String] { screen.map { String(decoding: $0, as: UTF8.self) } }
  var shownCursor: Int { column - 2 }
  var place: [Int] { [row, column] }
}

@Suite struct LineEditorTests {
  @Test(arguments: [
    ("hello", "hello", 5), ("helo<l", "hello", 4), ("abc^Ax", "xabc", 1), ("abc^Ax^Ey", "xabcy", 5),
    ("abc\u{7f}", "ab", 2), ("abc<<\u{7f}", "bc", 0), ("abc^A^D", "bc", 0), ("abc<<^K", "a", 1),
    ("one two^W", "one ", 4), ("one two  ^W^W", "", 0), ("one two<<<^U", "two", 0),
    ("ab>><<<<<c", "cab", 1), ("ab^Bc^Fd", "acbd", 4), ("ab^H", "a", 1),
  ])
  func editing(keys: String, text: String, cursor: Int) {
    var typist = Typist()
    typist.type(keys)
    #expect(String(decoding: typist.editor.text, as: UTF8.self) == text)
    #expect(typist.editor.cursor == cursor)
    #expect(typist.shown == "$ " + text)
    #expect(typist.shownCursor == cursor)
  }

  @Test func specialKeysOfEveryTerminal() {
    for (home, end) in [
      ("\u{1b}[H", "\u{1b}[F"), ("\u{1b}OH", "\u{1b}OF"), ("\u{1b}[1~", "\u{1b}[4~"),
      ("\u{1b}[7~", "\u{1b}[8~"),
    ] {
      var typist = Typist()
      typist.send(Array("abc\(home)x\(end)y\(home)\u{1b}[3~".utf8))
      #expect(typist.editor.text == Array("abcy".utf8))
      #expect(typist.shown == "$ abcy")
    }
    var typist = Typist()
    typist.send(Array("a\u{1b}[1;5Cb\u{1b}[200~c\u{1b}xd".utf8))
    #expect(typist.editor.text == Array("abcd".utf8))
  }

  /// Longer than a row: what is shown is what was typed, and the cursor where it belongs.
  @Test func longLinesTakeSeveralRows() {
    var typist = Typist(columns: 10)
    typist.type("abcdefgh")
    #expect(typist.rows == ["$ abcdefgh", ""])
    typist.type("ijklmnopqrst")
    #expect(typist.rows == ["$ abcdefgh", "ijklmnopqr", "st"])
    #expect(typist.place == [2, 2])
    typist.type("^A")
    #expect(typist.place == [0, 2])
    typist.type("X")
    #expect(typist.rows == ["$ Xabcdefg", "hijklmnopq", "rst"])
    #expect(typist.place == [0, 3])
    typist.type("^E\u{7f}\u{7f}\u{7f}")
    #expect(typist.rows == ["$ Xabcdefg", "hijklmnopq", ""])
    typist.type("^U")
    #expect(typist.rows == ["$ "])
    #expect(typist.place == [0, 2])
    typist.type("^Y")
    #expect(typist.rows == ["$ Xabcdefg", "hijklmnopq", ""])
    typist.type("<<<<<<<<<<<<")
    #expect(typist.place == [0, 8])
    typist.type("\r")
    #expect(typist.lines == ["Xabcdefghijklmnopq"])
  }

  @Test func wordsAndExchanges() {
    var typist = Typist()
    typist.send(Array("one two.three\u{1b}b\u{1b}bX\u{1b}fY".utf8))
    #expect(typist.editor.text == Array("one XtwoY.three".utf8))
    typist.send(Array("\u{1b}d\u{1b}\u{7f}".utf8))
    #expect(typist.shown == "$ one ")
    typist.type("^U^Yab^T\r")
    #expect(typist.lines == ["one ba"])
    typist.send(Array("x \u{1b}.".utf8))
    #expect(typist.shown == "$ x ba")
  }

  @Test func searchingBackwards() {
    var typist = Typist()
    typist.type("echo one\recho two\rls\rdraft")
    typist.type("^R")
    #expect(typist.shown == "(search)'': draft")
    typist.type("o")
    #expect(typist.shown == "(search)'o': echo two")
    typist.type("ne")
    #expect(typist.shown == "(search)'one': echo one")
    typist.type("\u{7f}\u{7f}")
    #expect(typist.shown == "(search)'o': echo two")
    typist.type("^R^R")
    #expect(typist.shown == "(search)'o': echo one")
    typist.type("^E!")
    #expect(typist.shown == "$ echo one!")
    typist.type("\r")
    #expect(typist.lines.last == "echo one!")
    typist.type("draft^Recho^G")
    #expect(typist.shown == "$ draft")
    typist.type("^Rls\r")
    #expect(typist.lines.last == "ls")
  }

  @Test func historyKeepsTheLineBeingTyped() {
    var typist = Typist()
    typist.type("first\rsecond\rsecond\r  \rthird")
    #expect(typist.editor.history.count == 2)
    typist.type("^P")
    #expect(typist.shown == "$ second")
    typist.type("^P^P^P")
    #expect(typist.shown == "$ first")
    typist.type("!\r")
    #expect(typist.lines.last == "first!")
    typist.type("draft^P^P^N^N")
    #expect(typist.shown == "$ draft")
  }

  @Test func eventsAndLimits() {
    var typist = Typist()
    typist.type("^D")
    typist.type("x^D^C")
    typist.type("\t")
    #expect(typist.events == [.endOfFile, .interrupt, .completion])
    typist.send([UInt8](repeating: 0x61, count: LineEditor.capacity + 10))
    #expect(typist.editor.text.count == LineEditor.capacity)
    for line in 0..<LineEditor.historyCapacity + 10 {
      typist.send(Array("\u{15}line \(line)\r".utf8))
    }
    #expect(typist.editor.history.count == LineEditor.historyCapacity)
  }

  @Test func completion() {
    var typist = Typist()
    let words = ["count", "crash", "cpu"].map { Array($0.utf8) }
    typist.type("echo hi; co")
    #expect(typist.editor.isAtCommand)
    #expect(typist.editor.wordBeforeCursor == Array("co".utf8))
    typist.editor.complete(with: [words[0]])
    typist.show()
    #expect(typist.shown == "$ echo hi; count ")
    typist.type("^Uc")
    typist.editor.complete(with: words)
    typist.show()
    #expect(typist.shown == "$ c")
    typist.type("^Ucat n")
    #expect(!typist.editor.isAtCommand)
    typist.editor.complete(with: ["notes-1", "notes-2"].map { Array($0.utf8) })
    typist.show()
    #expect(typist.shown == "$ cat notes-")
    typist.editor.complete(with: [])
    typist.show()
    #expect(typist.shown == "$ cat notes-")
    typist.type("^Uif ca")
    #expect(typist.editor.isAtCommand)
    typist.type("^Udd if=my\\ f")
    #expect(typist.editor.wordBeforeCursor == Array("my f".utf8))
    #expect(typist.editor.commandWord == Array("dd".utf8))
    typist.editor.complete(with: [Array("my file".utf8)])
    #expect(typist.editor.text == Array("dd if=my\\ file ".utf8))
    typist.type("^Ucat a\\ ")
    typist.editor.complete(with: [Array("a b (c)".utf8)])
    #expect(typist.editor.text == Array("cat a\\ b\\ \\(c\\) ".utf8))
  }

  @Test func columns() {
    let names = ["a", "bb", "ccc", "d", "e"].map { Array($0.utf8) }
    #expect(
      Columns.lines(names, width: 12).map { String(decoding: $0, as: UTF8.self) }
        == ["a    d", "bb   e", "ccc"])
    #expect(Columns.lines([], width: 80).isEmpty)
    #expect(Columns.lines([[UInt8](repeating: 0x61, count: 200)], width: 80).count == 1)
  }

  @Test func anyBytesAreHarmless() {
    var random = Random(seed: 23)
    var typist = Typist()
    for _ in 0..<50_000 {
      let event = typist.editor.receive(UInt8(truncatingIfNeeded: random.next()))
      if case .line = event { typist.editor.begin() }
      if case .completion = event { typist.editor.complete(with: [[0x61], [0x61, 0x62]]) }
      typist.editor.output = []
      #expect(typist.editor.cursor >= 0 && typist.editor.cursor <= typist.editor.text.count)
    }
  }
}
