import GuestKernel
import Testing

/// Types into an editor and keeps what the terminal would show on its last line.
private struct Typist {
  var editor = LineEditor(prompt: "$ ")
  var lines: [String] = []
  var events: [LineEditor.Event] = []
  private var screen: [UInt8] = []
  private var column = 0

  init() {
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

  /// A terminal of one line: printing, carriage return, backspace, cursor right, erase to the end.
  mutating func show() {
    var output = editor.output
    editor.output = []
    while !output.isEmpty {
      let byte = output.removeFirst()
      switch byte {
      case 0x0d: column = 0
      case 0x0a:
        screen = []
        column = 0
      case 0x08: column -= 1
      case 0x07: break
      case 0x1b:
        let sequence = Array(output.prefix(2))
        output.removeFirst(2)
        if sequence == [0x5b, 0x43] { column += 1 }
        if sequence == [0x5b, 0x4b] { screen.removeLast(screen.count - column) }
      default:
        if column < screen.count { screen[column] = byte } else { screen.append(byte) }
        column += 1
      }
    }
  }

  var shown: String { String(decoding: screen, as: UTF8.self) }
  var shownCursor: Int { column - 2 }
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
    typist.send([UInt8](repeating: 0x61, count: 1000))
    #expect(typist.editor.text.count == LineEditor.capacity)
    for line in 0..<100 { typist.send(Array("\u{15}line \(line)\r".utf8)) }
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
