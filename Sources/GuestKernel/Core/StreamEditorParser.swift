/// Reads a script of sed.
struct StreamEditorParser {
  private typealias Failure = StreamEditor.Failure
  private let text: [UInt8]
  private let isExtended: Bool
  private var at = 0
  private var commands: [StreamEditor.Command] = []
  private var open: [Int] = []
  private var labels: [(name: [UInt8], place: Int)] = []
  private var jumps: [(command: Int, name: [UInt8])] = []
  /// An empty expression means the one before.
  private var last: RegularExpression?

  init(_ text: [UInt8], isExtended: Bool) {
    self.text = text
    self.isExtended = isExtended
  }

  mutating func parse() throws(StreamEditor.Failure) -> [StreamEditor.Command] {
    while true {
      while at < text.count, text[at].isBlank || text[at] == Ascii.semicolon { at += 1 }
      guard at < text.count else { break }
      if text[at] == Ascii.hash {
        _ = restOfLine()
        continue
      }
      try command()
    }
    guard open.isEmpty else { throw .unexpected }
    for jump in jumps {
      guard let label = labels.first(where: { $0.name == jump.name }) else {
        throw .noLabel(jump.name)
      }
      if case .jump(_, let isConditional) = commands[jump.command].action {
        commands[jump.command].action = .jump(label.place, ifSubstituted: isConditional)
      }
    }
    return commands
  }

  private mutating func skipSpaces() {
    while at < text.count, text[at] == Ascii.space || text[at] == Ascii.tab { at += 1 }
  }

  private mutating func restOfLine() -> [UInt8] {
    let start = at
    while at < text.count, text[at] != Ascii.newline { at += 1 }
    return Array(text[start..<at])
  }

  private mutating func command() throws(StreamEditor.Failure) {
    var command = StreamEditor.Command(action: .none)
    command.from = try address()
    skipSpaces()
    if command.from != nil, at < text.count, text[at] == Ascii.comma {
      at += 1
      skipSpaces()
      command.to = try address()
      guard command.to != nil else { throw .unexpected }
    }
    skipSpaces()
    while at < text.count, text[at] == Ascii.exclamation {
      command.isInverted = true
      at += 1
      skipSpaces()
    }
    guard at < text.count else { throw .unexpected }
    let letter = text[at]
    at += 1
    if letter == Ascii.closeBrace {
      guard let start = open.popLast(), command.from == nil else { throw .unexpected }
      commands[start].action = .group(commands.count)
    } else {
      command.action = try action(letter)
    }
    commands.append(command)
    skipSpaces()
    // Behind a command comes its line's end, `;`, or a bracket.
    guard at < text.count, letter != Ascii.openBrace else { return }
    switch text[at] {
    case Ascii.semicolon, Ascii.newline, Ascii.closeBrace, Ascii.hash: return
    default: throw .unexpected
    }
  }

  private mutating func address() throws(StreamEditor.Failure) -> StreamEditor.Address? {
    guard at < text.count else { return nil }
    if text[at] == Ascii.dollar {
      at += 1
      return .last
    }
    if text[at].isDigit {
      let start = at
      while at < text.count, text[at].isDigit { at += 1 }
      guard let number = Array(text[start..<at]).decimal, number < 1 << 40 else {
        throw .unexpected
      }
      return .line(Int(number))
    }
    guard text[at] == Ascii.slash || text[at] == Ascii.backslash else { return nil }
    if text[at] == Ascii.backslash { at += 1 }
    guard at < text.count else { throw .unexpected }
    let end = text[at]
    at += 1
    return .matching(try expression(try part(until: end), ignoresCase: take(UInt8(ascii: "I"))))
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard at < text.count, text[at] == byte else { return false }
    at += 1
    return true
  }

  private mutating func expression(
    _ pattern: [UInt8], ignoresCase: Bool
  ) throws(StreamEditor.Failure) -> RegularExpression {
    if pattern.isEmpty {
      guard let last else { throw .unexpected }
      return last
    }
    do throws(RegularExpression.Failure) {
      let expression = try RegularExpression(
        pattern, isExtended: isExtended, ignoresCase: ignoresCase)
      last = expression
      return expression
    } catch {
      throw .expression(error)
    }
  }

  /// Up to the next delimiter that has no backslash before it and is not in brackets.
  private mutating func part(
    until end: UInt8, hasBrackets: Bool = true
  ) throws(StreamEditor.Failure) -> [UInt8] {
    var part: [UInt8] = []
    var bracket: Int?
    while at < text.count {
      let byte = text[at]
      at += 1
      if let start = bracket {
        part.append(byte)
        let isFirst = at - start <= 1 || (at - start == 2 && text[start] == Ascii.caret)
        if byte == Ascii.closeBracket, !isFirst { bracket = nil }
      } else if byte == end {
        return part
      } else if byte == Ascii.backslash, at < text.count {
        if text[at] != end { part.append(byte) }
        part.append(text[at])
        at += 1
      } else {
        if byte == Ascii.openBracket, hasBrackets { bracket = at }
        part.append(byte)
      }
    }
    throw .unexpected
  }

  // MARK: Commands

  private mutating func action(_ letter: UInt8) throws(StreamEditor.Failure) -> StreamEditor.Action
  {
    switch Unicode.Scalar(letter) {
    case "{":
      open.append(commands.count)
      return .group(commands.count)
    case "a": return .append(textArgument())
    case "i": return .insert(textArgument())
    case "c": return .change(textArgument())
    case "d": return .delete
    case "D": return .deleteFirstLine
    case "p": return .print
    case "P": return .printFirstLine
    case "=": return .printNumber
    case "n": return .next
    case "N": return .appendNext
    case "q": return .quit
    case "g": return .get
    case "G": return .getAppending
    case "h": return .hold
    case "H": return .holdAppending
    case "x": return .exchange
    case "s": return .substitute(try substitution())
    case "y": return try translation()
    case "b", "t":
      let name = label()
      if !name.isEmpty { jumps.append((commands.count, name)) }
      return .jump(nil, ifSubstituted: letter == UInt8(ascii: "t"))
    case ":":
      let name = label()
      guard !name.isEmpty else { throw .unexpected }
      labels.append((name, commands.count))
      return .none
    default: throw .unknown(letter)
    }
  }

  private mutating func label() -> [UInt8] {
    skipSpaces()
    let start = at
    while at < text.count, text[at] != Ascii.semicolon, text[at] != Ascii.closeBrace,
      !text[at].isBlank
    {
      at += 1
    }
    return Array(text[start..<at])
  }

  /// `a text`, or `a\` and the text in the next lines; a backslash before a line's end keeps it.
  private mutating func textArgument() -> [UInt8] {
    skipSpaces()
    if at + 1 < text.count, text[at] == Ascii.backslash, text[at + 1] == Ascii.newline {
      at += 2
    }
    var argument: [UInt8] = []
    while at < text.count, text[at] != Ascii.newline {
      if text[at] == Ascii.backslash, at + 1 < text.count { at += 1 }
      argument.append(text[at])
      at += 1
    }
    return argument
  }

  private mutating func substitution() throws(StreamEditor.Failure) -> StreamEditor.Substitution {
    guard at < text.count, text[at] != Ascii.newline, text[at] != Ascii.backslash else {
      throw .unexpected
    }
    let end = text[at]
    at += 1
    let pattern = try part(until: end)
    let parts = try replacementParts(until: end)
    var (replacesAll, prints, ignoresCase, occurrence) = (false, false, false, 1)
    flags: while at < text.count {
      switch Unicode.Scalar(text[at]) {
      case "g": replacesAll = true
      case "p": prints = true
      case "i", "I": ignoresCase = true
      case "1"..."9":
        let start = at
        while at + 1 < text.count, text[at + 1].isDigit { at += 1 }
        occurrence = Int(min(Array(text[start...at]).decimal ?? 1, 1 << 30))
      default: break flags
      }
      at += 1
    }
    let expression = try expression(pattern, ignoresCase: ignoresCase)
    for part in parts where (part.group ?? 0) > expression.groupCount { throw .unexpected }
    return StreamEditor.Substitution(
      expression: expression, parts: parts, replacesAll: replacesAll, prints: prints,
      occurrence: occurrence)
  }

  /// `&` is the whole match, `\1` a group, `\n` a newline.
  private mutating func replacementParts(
    until end: UInt8
  ) throws(StreamEditor.Failure) -> [(text: [UInt8], group: Int?)] {
    var parts: [(text: [UInt8], group: Int?)] = []
    var part: [UInt8] = []
    while at < text.count {
      let byte = text[at]
      at += 1
      if byte == end { return parts + [(part, nil)] }
      var group: Int?
      if byte == Ascii.ampersand {
        group = 0
      } else if byte == Ascii.backslash, at < text.count {
        let next = text[at]
        at += 1
        if next.isDigit {
          group = Int(next - 0x30)
        } else {
          part.append(next == UInt8(ascii: "n") ? 0x0a : next == UInt8(ascii: "t") ? 9 : next)
        }
      } else {
        part.append(byte)
      }
      if let group {
        parts.append((part, group))
        part = []
      }
    }
    throw .unexpected
  }

  private mutating func translation() throws(StreamEditor.Failure) -> StreamEditor.Action {
    guard at < text.count else { throw .unexpected }
    let end = text[at]
    at += 1
    func unescaped(_ text: [UInt8]) -> [UInt8] {
      var result: [UInt8] = []
      var index = 0
      while index < text.count {
        if text[index] == Ascii.backslash, index + 1 < text.count {
          index += 1
          result.append(text[index] == UInt8(ascii: "n") ? 0x0a : text[index])
        } else {
          result.append(text[index])
        }
        index += 1
      }
      return result
    }
    let from = unescaped(try part(until: end, hasBrackets: false))
    let to = unescaped(try part(until: end, hasBrackets: false))
    guard from.count == to.count else { throw .unexpected }
    return .translate(from, to)
  }
}
