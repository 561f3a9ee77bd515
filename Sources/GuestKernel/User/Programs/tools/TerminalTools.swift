/// Programs about the terminal: its settings, its size, and text page by page.
import Apus

let terminalTools: [Tool] = [
  Editor.tool,
  Tool(
    name: "stty", usage: "stty [-a | size | sane | raw | [-]echo | rows N | cols N]...",
    summary: "how the terminal treats what is typed", run: settings),
  Tool(name: "resize", usage: "resize", summary: "asks the terminal how large it is") { _ in
    guard let size = Screen.measure() else { fail("the terminal does not answer") }
    guard Terminal.setSize(rows: size.rows, columns: size.columns, of: .input) else { return 1 }
    say("\(size.rows) rows, \(size.columns) columns\n")
    return 0
  },
  Tool(name: "more", usage: "more [FILE...]", summary: "text page by page", run: more),
  Tool(name: "tty", usage: "tty", summary: "whether input is a terminal") { _ in
    let isTerminal = Terminal.settings(of: .input) != nil
    say(isTerminal ? "/dev/console\n" : "not a terminal\n")
    return isTerminal ? 0 : 1
  },
]

private func settings(_ arguments: [[UInt8]]) -> Int32 {
  var words = arguments.dropFirst()
  if let word = words.first, word.starts(with: "--") {
    Usage.refuse("there is no option \(text: word)")
  }
  guard var settings = Terminal.settings(of: .input) else { fail("input is not a terminal") }
  if words.isEmpty || words.first?.equals("-a") ?? false {
    let size = Terminal.size(of: .input)
    say("rows \(size.rows); columns \(size.columns);\n")
    for (name, isOn) in [
      ("icanon", settings.isCanonical), ("echo", settings.echoes), ("isig", settings.makesSignals),
      ("icrnl", settings.mapsReturn),
    ] as [(StaticString, UInt8)] {
      say("\(isOn != 0 ? "" as StaticString : "-")\(name) ")
    }
    say("\n")
    return 0
  }
  while let word = words.popFirst() {
    let value: UInt8 = word.first == 0x2d ? 0 : 1
    let name = value == 0 ? Array(word.dropFirst()) : word
    if word.equals("size") {
      let size = Terminal.size(of: .input)
      say("\(size.rows) \(size.columns)\n")
    } else if word.equals("sane") {
      settings = TerminalSettings()
    } else if name.equals("raw") {
      settings = value == 1 ? .raw : TerminalSettings()
    } else if name.equals("echo") {
      settings.echoes = value
    } else if name.equals("icanon") {
      settings.isCanonical = value
    } else if name.equals("isig") {
      settings.makesSignals = value
    } else if name.equals("icrnl") {
      settings.mapsReturn = value
    } else if word.equals("rows") || word.equals("cols") || word.equals("columns") {
      guard let number = words.popFirst()?.decimal, number > 0, number < 1000 else {
        Usage.refuse("\(text: word): a number is missing")
      }
      var size = Terminal.size(of: .input)
      if word.equals("rows") { size.rows = Int(number) } else { size.columns = Int(number) }
      _ = Terminal.setSize(rows: size.rows, columns: size.columns, of: .input)
    } else {
      Usage.refuse("\(text: word): there is no such setting")
    }
  }
  Terminal.set(settings, of: .input)
  return 0
}

/// A terminal that is drawn on and read from, key by key, whatever input and output are.
struct Screen {
  let terminal: Descriptor
  private let saved: TerminalSettings

  /// Nil when there is no terminal.
  init?() {
    guard let terminal = try? Descriptor.open([UInt8](text: "/dev/console"), .readWrite),
      let settings = Terminal.settings(of: terminal)
    else { return nil }
    self.terminal = terminal
    saved = settings
    take()
  }

  private func take() {
    var raw = TerminalSettings.raw
    raw.makesSignals = 0
    Terminal.set(raw, of: terminal)
  }

  /// The terminal is as it was while `body` runs.
  func lend(_ body: () -> Void) {
    Terminal.set(saved, of: terminal)
    body()
    take()
  }

  func restore() {
    Terminal.set(saved, of: terminal)
    _ = Call.close(terminal.rawValue)
  }

  func write(_ bytes: [UInt8]) { try? terminal.write(all: bytes) }

  /// The next byte; nil after that time, or when the terminal has gone.
  func byte(milliseconds: Int32 = -1) -> UInt8? {
    var records = [PollRecord(descriptor: terminal.rawValue, events: .readable)]
    guard let count = try? Descriptor.poll(&records, milliseconds: milliseconds), count > 0 else {
      return nil
    }
    return (try? terminal.read(limit: 1))?.first
  }

  /// Asks a terminal for the place of a cursor that was sent too far: its answer is `ESC [ rows ; columns R`.
  func measure() -> (rows: Int, columns: Int)? {
    write([UInt8](text: "\u{1b}7\u{1b}[999;999H\u{1b}[6n\u{1b}8"))
    var answer: [UInt8] = []
    while let byte = byte(milliseconds: 500), answer.count < 20 {
      if byte == UInt8(ascii: "R") {
        let numbers = answer.drop { !$0.isDigit }.split(separator: 0x3b).map { Array($0).decimal }
        guard numbers.count == 2, let rows = numbers[0], let columns = numbers[1], rows > 2,
          columns > 10, rows < 1000, columns < 1000
        else { return nil }
        return (Int(rows), Int(columns))
      }
      answer.append(byte)
    }
    return nil
  }

  static func measure() -> (rows: Int, columns: Int)? {
    guard let screen = Screen() else { return nil }
    defer { screen.restore() }
    return screen.measure()
  }
}

/// Space shows the next page, Return the next line, q ends.
private func more(_ arguments: [[UInt8]]) -> Int32 {
  let operands = Options(arguments, known: "").operands
  let showsPages = Terminal.settings(of: .output) != nil
  let size = Terminal.size(of: .output)
  var left = size.rows - 1
  var isOver = false
  return forEachInput(operands) { input, name in
    while !isOver, let line = input.line() {
      let rows = max(1, (line.count + size.columns - 1) / size.columns)
      if showsPages, left < rows {
        switch pause() {
        case UInt8(ascii: "q"), 3, nil:
          isOver = true
          return
        case 0x0d, 0x0a, UInt8(ascii: "j"): left = rows
        default: left = size.rows - 1
        }
      }
      left -= rows
      say(bytes: line + [0x0a])
    }
  }
}

private func pause() -> UInt8? {
  Output.flush()
  guard let screen = Screen() else { return nil }
  defer { screen.restore() }
  screen.write([UInt8](text: "\u{1b}[7m--more--\u{1b}[m"))
  let key = screen.byte()
  screen.write([UInt8](text: "\r\u{1b}[K"))
  return key
}
