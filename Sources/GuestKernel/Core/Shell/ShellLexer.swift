/// Cuts a script into words and operators.
///
/// Quotes and `$` are taken apart here, so that later nothing has to look at quotes again.
struct ShellLexer {
  enum Token: Equatable {
    case word(ShellWord)
    case redirection(descriptor: Int?, kind: RedirectionOperator)
    /// `;` `;;` `&` `&&` `|` `||` `(` `)`
    case symbol(Symbol)
    case newline
    case end
  }
  enum RedirectionOperator: Equatable {
    case input
    case output
    case append
    case duplicateInput
    case duplicateOutput
    case readWrite
    /// `<<`, and `<<-`, which drops tabs at the beginning of lines.
    case document(dropsTabs: Bool)
  }
  enum Symbol: Equatable {
    case semicolon
    case doubleSemicolon
    case ampersand
    case and
    case bar
    case or
    case open
    case close
  }

  var text: [UInt8]
  var position = 0

  init(_ text: [UInt8]) { self.text = text }

  func peek(_ offset: Int = 0) -> UInt8? {
    position + offset < text.count ? text[position + offset] : nil
  }

  mutating func skip(_ byte: UInt8) -> Bool {
    guard peek() == byte else { return false }
    position += 1
    return true
  }

  mutating func next() throws(ShellSyntaxError) -> Token {
    skipBlanks()
    guard let byte = peek() else { return .end }
    if byte == Ascii.newline {
      position += 1
      return .newline
    }
    if let symbol = symbol(byte) { return .symbol(symbol) }
    if let redirection = redirection() { return redirection }
    return .word(try word())
  }

  private mutating func skipBlanks() {
    while let byte = peek() {
      if byte == Ascii.space || byte == Ascii.tab {
        position += 1
      } else if byte == Ascii.backslash, peek(1) == Ascii.newline {
        position += 2
      } else if byte == Ascii.hash {
        while let byte = peek(), byte != Ascii.newline { position += 1 }
      } else {
        return
      }
    }
  }

  private mutating func symbol(_ byte: UInt8) -> Symbol? {
    let isDouble = peek(1) == byte
    switch byte {
    case Ascii.semicolon: return take(isDouble ? .doubleSemicolon : .semicolon, isDouble)
    case Ascii.ampersand: return take(isDouble ? .and : .ampersand, isDouble)
    case Ascii.bar: return take(isDouble ? .or : .bar, isDouble)
    case Ascii.open: return take(.open, false)
    case Ascii.close: return take(.close, false)
    default: return nil
    }
  }

  private mutating func take(_ symbol: Symbol, _ isDouble: Bool) -> Symbol {
    position += isDouble ? 2 : 1
    return symbol
  }

  /// `[n]<`, `[n]>`, `[n]>>`, `[n]<&`, `[n]>&`, `[n]<>`, `[n]<<`, `[n]<<-`.
  private mutating func redirection() -> Token? {
    var end = position
    var descriptor: Int?
    while end < text.count, text[end].isDigit, end - position < 3 {
      descriptor = (descriptor ?? 0) * 10 + Int(text[end] - 0x30)
      end += 1
    }
    guard end < text.count, text[end] == Ascii.less || text[end] == Ascii.greater else {
      return nil
    }
    let isInput = text[end] == Ascii.less
    position = end + 1
    if skip(Ascii.ampersand) {
      return .redirection(
        descriptor: descriptor, kind: isInput ? .duplicateInput : .duplicateOutput)
    }
    if isInput, skip(Ascii.less) {
      return .redirection(
        descriptor: descriptor, kind: .document(dropsTabs: skip(Ascii.minus)))
    }
    if isInput {
      return .redirection(
        descriptor: descriptor, kind: skip(Ascii.greater) ? .readWrite : .input)
    }
    let isAppending = skip(Ascii.greater)
    if !isAppending { _ = skip(Ascii.bar) }
    return .redirection(descriptor: descriptor, kind: isAppending ? .append : .output)
  }
}

// MARK: Words

extension ShellLexer {
  /// All of the text as one word.
  mutating func wholeWord() throws(ShellSyntaxError) -> ShellWord {
    var word = ShellWord()
    while position < text.count { try piece(into: &word) }
    return word
  }

  private mutating func word() throws(ShellSyntaxError) -> ShellWord {
    var word = ShellWord()
    while let byte = peek(), !byte.endsWord { try piece(into: &word) }
    return word
  }

  private mutating func piece(into word: inout ShellWord) throws(ShellSyntaxError) {
    if let byte = peek() {
      if byte == Ascii.quote {
        position += 1
        word.parts.append(.literal(try bytes(until: Ascii.quote), isQuoted: true))
      } else if byte == Ascii.doubleQuote {
        position += 1
        try quoted(into: &word)
      } else {
        try unquoted(byte, into: &word)
      }
    }
  }

  private mutating func unquoted(
    _ byte: UInt8, into word: inout ShellWord
  ) throws(ShellSyntaxError) {
    position += 1
    switch byte {
    case Ascii.backslash:
      guard let next = peek() else { throw .incomplete }
      position += 1
      if next != Ascii.newline { word.append(next, isQuoted: true) }
    case Ascii.dollar:
      word.parts.append(try dollar(isQuoted: false))
    case Ascii.backquote:
      word.parts.append(.command(try backquoted(), isQuoted: false))
    default:
      word.append(byte, isQuoted: false)
    }
  }

  /// After the opening double quote, to behind the closing one.
  private mutating func quoted(into word: inout ShellWord) throws(ShellSyntaxError) {
    word.parts.append(.literal([], isQuoted: true))
    while let byte = peek() {
      position += 1
      switch byte {
      case Ascii.doubleQuote:
        return
      case Ascii.backslash:
        guard let next = peek() else { throw .incomplete }
        position += 1
        if next == Ascii.newline { continue }
        if !next.isEscapableInQuotes { word.append(byte, isQuoted: true) }
        word.append(next, isQuoted: true)
      case Ascii.dollar:
        word.parts.append(try dollar(isQuoted: true))
      case Ascii.backquote:
        word.parts.append(.command(try backquoted(), isQuoted: true))
      default:
        word.append(byte, isQuoted: true)
      }
    }
    throw .incomplete
  }

  private mutating func bytes(until end: UInt8) throws(ShellSyntaxError) -> [UInt8] {
    let start = position
    while let byte = peek() {
      position += 1
      if byte == end { return Array(text[start..<position - 1]) }
    }
    throw .incomplete
  }

  /// A script in backquotes: in it a backslash quotes `$`, another backquote, and itself.
  private mutating func backquoted() throws(ShellSyntaxError) -> [UInt8] {
    var script: [UInt8] = []
    while let byte = peek() {
      position += 1
      if byte == Ascii.backquote { return script }
      if byte == Ascii.backslash, let next = peek(),
        next == Ascii.backquote || next == Ascii.backslash || next == Ascii.dollar
      {
        script.append(next)
        position += 1
      } else {
        script.append(byte)
      }
    }
    throw .incomplete
  }

  /// What follows a `$`.
  private mutating func dollar(isQuoted: Bool) throws(ShellSyntaxError) -> ShellWord.Part {
    guard let byte = peek() else { return .literal([Ascii.dollar], isQuoted: isQuoted) }
    if byte == Ascii.open {
      position += 1
      let inside = try balanced(Ascii.open, Ascii.close)
      if inside.first == Ascii.open, inside.last == Ascii.close {
        return .arithmetic(Array(inside.dropFirst().dropLast()))
      }
      return .command(inside, isQuoted: isQuoted)
    }
    if byte == Ascii.openBrace {
      position += 1
      let inside = try balanced(Ascii.openBrace, Ascii.closeBrace)
      return .parameter(try ShellParameter(inside: inside), isQuoted: isQuoted)
    }
    let length = ShellName.length(in: text, at: position, allowsSpecial: true)
    guard length > 0 else { return .literal([Ascii.dollar], isQuoted: isQuoted) }
    let name = Array(text[position..<position + length])
    position += length
    return .parameter(ShellParameter(name: name), isQuoted: isQuoted)
  }

  /// From behind an opening bracket to its closing one, which is not part of the result.
  private mutating func balanced(
    _ open: UInt8, _ close: UInt8
  ) throws(ShellSyntaxError) -> [UInt8] {
    let start = position
    var depth = 1
    while let byte = peek() {
      position += 1
      if byte == Ascii.backslash {
        position += 1
      } else if byte == Ascii.quote {
        _ = try bytes(until: Ascii.quote)
      } else if byte == Ascii.doubleQuote {
        var skipped = ShellWord()
        try quoted(into: &skipped)
      } else if byte == open {
        depth += 1
      } else if byte == close {
        depth -= 1
        if depth == 0 { return Array(text[start..<position - 1]) }
      }
    }
    throw .incomplete
  }

  /// The lines up to one that is `end`, for `<<`.
  mutating func document(
    until end: [UInt8], dropsTabs: Bool
  ) throws(ShellSyntaxError) -> [UInt8] {
    var document: [UInt8] = []
    while position < text.count {
      if dropsTabs { while skip(Ascii.tab) {} }
      let lineStart = position
      while let byte = peek(), byte != Ascii.newline { position += 1 }
      let line = text[lineStart..<position]
      position = min(position + 1, text.count)
      if line.elementsEqual(end) { return document }
      document += line + [Ascii.newline]
    }
    throw .incomplete
  }

  /// All of the text as it stands in a here document: `$`, backquotes and some backslashes count,
  /// quotes do not.
  mutating func documentWord() throws(ShellSyntaxError) -> ShellWord {
    var word = ShellWord()
    while let byte = peek() {
      position += 1
      switch byte {
      case Ascii.backslash where peek() == Ascii.newline:
        position += 1
      case Ascii.backslash
      where peek().map { $0 != Ascii.doubleQuote && $0.isEscapableInQuotes } ?? false:
        word.append(text[position], isQuoted: true)
        position += 1
      case Ascii.dollar:
        word.parts.append(try dollar(isQuoted: true))
      case Ascii.backquote:
        word.parts.append(.command(try backquoted(), isQuoted: true))
      default:
        word.append(byte, isQuoted: true)
      }
    }
    return word
  }
}

extension ShellWord {
  /// Adds a byte to the last piece of text, or begins one.
  fileprivate mutating func append(_ byte: UInt8, isQuoted: Bool) {
    if case .literal(var bytes, let wasQuoted) = parts.last, wasQuoted == isQuoted {
      bytes.append(byte)
      parts[parts.count - 1] = .literal(bytes, isQuoted: isQuoted)
    } else {
      parts.append(.literal([byte], isQuoted: isQuoted))
    }
  }
}

extension ShellParameter {
  /// From what stands between the braces of `${...}`.
  fileprivate init(inside: [UInt8]) throws(ShellSyntaxError) {
    let isLength = inside.count > 1 && inside[0] == Ascii.hash
    let start = isLength ? 1 : 0
    var length = ShellName.length(in: inside, at: start, allowsSpecial: true)
    guard length > 0 else { throw .missing(.name) }
    // Only between braces a number of several digits is one argument's.
    while inside[start].isDigit, start + length < inside.count, inside[start + length].isDigit {
      length += 1
    }
    self.init(name: Array(inside[start..<start + length]))
    var at = start + length
    if isLength {
      guard at == inside.count else { throw .unexpected(inside) }
      operation = .length
      return
    }
    guard at < inside.count else { return }
    if inside[at] == Ascii.colon {
      emptyIsUnset = true
      at += 1
    }
    guard at < inside.count else { throw .missing(.word) }
    let byte = inside[at]
    at += 1
    let isDouble = at < inside.count && inside[at] == byte
    switch byte {
    case Ascii.minus: operation = .fallback
    case Ascii.equals: operation = .assignment
    case Ascii.plus: operation = .replacement
    case Ascii.question: operation = .complaint
    case Ascii.hash: operation = .withoutPrefix(isLongest: isDouble)
    case Ascii.percent: operation = .withoutSuffix(isLongest: isDouble)
    default: throw .unexpected([byte])
    }
    if isDouble, byte == Ascii.hash || byte == Ascii.percent { at += 1 }
    word = Array(inside[at...])
  }
}
