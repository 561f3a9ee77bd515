/// Builds the tree of a script by recursive descent, one function per rule of the grammar.
///
/// POSIX.1, "Shell Grammar Rules".
package struct ShellParser {
  private var lexer: ShellLexer
  private var token = ShellLexer.Token.end
  /// Where the current token begins, and where the one before it ended.
  private var tokenStart = 0
  private var lastEnd = 0
  /// Commands inside of commands.
  private var depth = 0
  private static let deepest = 100
  /// Words that stand for others at a command's place.
  private var aliases: [ShellAlias] = []
  /// Those being replaced, each up to where its text ends: an alias does not replace itself.
  private var replaced: [(name: [UInt8], fromEnd: Int)] = []

  /// Parses a whole script.
  package static func parse(
    _ text: [UInt8], aliases: [ShellAlias] = []
  ) throws(ShellSyntaxError) -> ShellList {
    var parser = ShellParser(text)
    parser.aliases = aliases
    try parser.advance()
    let list = try parser.list(until: [])
    guard parser.token == .end else { throw .unexpected(parser.tokenText) }
    return list
  }

  /// Takes the text of a word apart that stands inside `${...}`: blanks are part of it.
  package static func word(_ text: [UInt8]) throws(ShellSyntaxError) -> ShellWord {
    var lexer = ShellLexer(text)
    return try lexer.wholeWord()
  }

  private init(_ text: [UInt8]) {
    var text = text
    if text.last != Ascii.newline { text.append(Ascii.newline) }
    lexer = ShellLexer(text)
  }

  private mutating func advance() throws(ShellSyntaxError) {
    lastEnd = lexer.position
    tokenStart = lexer.position
    token = try lexer.next()
  }

  private var tokenText: [UInt8] {
    let text = Array(lexer.text[tokenStart..<lexer.position])
    if token == .newline { return [UInt8](text: "the end of the line") }
    return Array(text.drop { $0.isBlank })
  }

  private mutating func skipNewlines() throws(ShellSyntaxError) {
    while token == .newline { try advance() }
  }

  private func isReserved(_ word: StaticString) -> Bool {
    guard case .word(let found) = token, let plain = found.plain else { return false }
    return plain.equals(word)
  }

  private func isAt(_ words: [StaticString]) -> Bool {
    for word in words where isReserved(word) { return true }
    return false
  }

  private mutating func expect(_ word: StaticString) throws(ShellSyntaxError) {
    if token == .end { throw .incomplete }
    guard isReserved(word) else { throw .unexpected(tokenText) }
    try advance()
  }
}

// MARK: Lists

extension ShellParser {
  /// Sequences up to one of these reserved words, a closing bracket, `;;`, or the end.
  private mutating func list(until ends: [StaticString]) throws(ShellSyntaxError) -> ShellList {
    var list = ShellList()
    try skipNewlines()
    while token != .end, !isAt(ends), token != .symbol(.close),
      token != .symbol(.doubleSemicolon)
    {
      let start = tokenStart
      var sequence = try sequence()
      sequence.text = lexer.text[min(start, lastEnd)..<lastEnd].trimmed
      if token == .symbol(.ampersand) {
        sequence.isInBackground = true
        try advance()
      } else if token == .symbol(.semicolon) || token == .newline {
        try advance()
      } else if token != .end, !isAt(ends), token != .symbol(.close),
        token != .symbol(.doubleSemicolon)
      {
        throw .unexpected(tokenText)
      }
      list.sequences.append(sequence)
      try skipNewlines()
    }
    if token == .end, !ends.isEmpty { throw .incomplete }
    return list
  }

  /// A list that must not be empty.
  private mutating func body(until ends: [StaticString]) throws(ShellSyntaxError) -> ShellList {
    let list = try list(until: ends)
    guard !list.isEmpty else { throw .missing(.command) }
    return list
  }

  private mutating func sequence() throws(ShellSyntaxError) -> ShellSequence {
    var sequence = ShellSequence()
    sequence.pipelines.append((.first, try pipeline()))
    while true {
      let connector: ShellSequence.Connector
      if token == .symbol(.and) {
        connector = .and
      } else if token == .symbol(.or) {
        connector = .or
      } else {
        return sequence
      }
      try advance()
      try skipNewlines()
      if token == .end { throw .incomplete }
      sequence.pipelines.append((connector, try pipeline()))
    }
  }

  private mutating func pipeline() throws(ShellSyntaxError) -> ShellPipeline {
    var pipeline = ShellPipeline()
    if isReserved("!") {
      pipeline.isNegated = true
      try advance()
    }
    pipeline.commands.append(try command())
    while token == .symbol(.bar) {
      try advance()
      try skipNewlines()
      if token == .end { throw .incomplete }
      pipeline.commands.append(try command())
    }
    return pipeline
  }
}

// MARK: Commands

extension ShellParser {
  private mutating func command() throws(ShellSyntaxError) -> ShellCommand {
    guard depth < ShellParser.deepest else { throw .tooDeep }
    depth += 1
    defer { depth -= 1 }
    if token == .symbol(.open) {
      try advance()
      let list = try listInBrackets()
      return .subshell(list, try redirections())
    }
    if isReserved("{") {
      try advance()
      let list = try body(until: ["}"])
      try expect("}")
      return .group(list, try redirections())
    }
    try expandAliases()
    if isReserved("if") { return try conditional() }
    if isReserved("while") || isReserved("until") { return try loop() }
    if isReserved("for") { return try iteration() }
    if isReserved("case") { return try selection() }
    return try simple()
  }

  private mutating func listInBrackets() throws(ShellSyntaxError) -> ShellList {
    let list = try list(until: [])
    if token == .end { throw .incomplete }
    guard token == .symbol(.close) else { throw .unexpected(tokenText) }
    guard !list.isEmpty else { throw .missing(.command) }
    try advance()
    return list
  }

  private mutating func conditional() throws(ShellSyntaxError) -> ShellCommand {
    var branches: [ShellBranch] = []
    var otherwise: ShellList?
    while isReserved("if") || isReserved("elif") {
      try advance()
      let condition = try body(until: ["then"])
      try expect("then")
      branches.append(
        ShellBranch(condition: condition, body: try body(until: ["elif", "else", "fi"])))
    }
    if isReserved("else") {
      try advance()
      otherwise = try body(until: ["fi"])
    }
    try expect("fi")
    return .conditional(branches, otherwise: otherwise, try redirections())
  }

  private mutating func loop() throws(ShellSyntaxError) -> ShellCommand {
    let isUntil = isReserved("until")
    try advance()
    let condition = try body(until: ["do"])
    let body = try doGroup()
    return .loop(condition: condition, body: body, isUntil: isUntil, try redirections())
  }

  private mutating func doGroup() throws(ShellSyntaxError) -> ShellList {
    try expect("do")
    let body = try body(until: ["done"])
    try expect("done")
    return body
  }

  private mutating func iteration() throws(ShellSyntaxError) -> ShellCommand {
    try advance()
    let name = try name()
    try skipNewlines()
    var words: [ShellWord]?
    if isReserved("in") {
      try advance()
      var found: [ShellWord] = []
      while case .word(let word) = token {
        found.append(word)
        try advance()
      }
      words = found
    }
    if token == .symbol(.semicolon) { try advance() }
    try skipNewlines()
    let body = try doGroup()
    return .iteration(name: name, words: words, body: body, try redirections())
  }

  private mutating func selection() throws(ShellSyntaxError) -> ShellCommand {
    try advance()
    let subject = try word()
    try skipNewlines()
    try expect("in")
    try skipNewlines()
    var cases: [ShellCase] = []
    while !isReserved("esac") {
      if token == .symbol(.open) { try advance() }
      var patterns = [try word()]
      while token == .symbol(.bar) {
        try advance()
        patterns.append(try word())
      }
      if token == .end { throw .incomplete }
      guard token == .symbol(.close) else { throw .unexpected(tokenText) }
      try advance()
      cases.append(ShellCase(patterns: patterns, body: try list(until: ["esac"])))
      if token == .symbol(.doubleSemicolon) { try advance() }
      try skipNewlines()
    }
    try expect("esac")
    return .selection(subject, cases, try redirections())
  }

  private mutating func word() throws(ShellSyntaxError) -> ShellWord {
    if token == .end || token == .newline { throw .incomplete }
    guard case .word(let word) = token else { throw .unexpected(tokenText) }
    try advance()
    return word
  }

  private mutating func name() throws(ShellSyntaxError) -> [UInt8] {
    guard case .word(let word) = token, let plain = word.plain, ShellName.isValid(plain) else {
      throw .missing(.name)
    }
    try advance()
    return plain
  }
}

// MARK: Simple commands

extension ShellParser {
  private mutating func simple() throws(ShellSyntaxError) -> ShellCommand {
    var command = ShellSimpleCommand()
    while true {
      if case .redirection = token {
        command.redirections.append(try redirection())
        continue
      }
      guard case .word(let word) = token else { break }
      if command.words.isEmpty, let assignment = ShellAssignment(word) {
        command.assignments.append(assignment)
        try advance()
        continue
      }
      if command.words.isEmpty, isReservedAnywhere(word) { throw .unexpected(tokenText) }
      command.words.append(word)
      try advance()
      if token == .symbol(.open), command.words.count == 1, let name = word.plain,
        ShellName.isValid(name)
      {
        return try function(name)
      }
    }
    if command.words.isEmpty, command.assignments.isEmpty, command.redirections.isEmpty {
      throw token == .end ? .missing(.command) : .unexpected(tokenText)
    }
    return .simple(command)
  }

  /// A word that ends a compound command cannot begin a simple one.
  private func isReservedAnywhere(_ word: ShellWord) -> Bool {
    guard let plain = word.plain else { return false }
    let ends: [StaticString] = ["then", "else", "elif", "fi", "do", "done", "esac", "}"]
    for end in ends where plain.equals(end) { return true }
    return false
  }

  /// The rest of `name() COMMAND`, where the command is a compound one.
  private mutating func function(_ name: [UInt8]) throws(ShellSyntaxError) -> ShellCommand {
    try advance()
    guard token == .symbol(.close) else { throw .unexpected(tokenText) }
    try advance()
    try skipNewlines()
    if token == .end { throw .incomplete }
    let body = try command()
    if case .simple = body { throw .missing(.command) }
    return .function(name: name, body: body)
  }

  private mutating func redirections() throws(ShellSyntaxError) -> [ShellRedirection] {
    var all: [ShellRedirection] = []
    while case .redirection = token { all.append(try redirection()) }
    return all
  }

  private mutating func redirection() throws(ShellSyntaxError) -> ShellRedirection {
    guard case .redirection(let descriptor, let symbol) = token else { throw .missing(.word) }
    try advance()
    guard case .word(let target) = token else { throw .missing(.word) }
    var kind = ShellRedirection.Kind.duplicate
    var standard = 1
    switch symbol {
    case .input: (kind, standard) = (.input, 0)
    case .output: kind = .output
    case .append: kind = .append
    case .readWrite: (kind, standard) = (.readWrite, 0)
    case .duplicateInput: standard = 0
    case .duplicateOutput: break
    case .document(let dropsTabs):
      standard = 0
      kind = .document(try document(until: target, dropsTabs: dropsTabs))
    }
    try advance()
    return ShellRedirection(descriptor: descriptor ?? standard, kind: kind, target: target)
  }

  /// The document's lines begin after this line; they are taken out of the text at once.
  ///
  /// Nothing in it is expanded when a part of the word that ends it is quoted.
  private mutating func document(
    until target: ShellWord, dropsTabs: Bool
  ) throws(ShellSyntaxError) -> ShellWord {
    var end: [UInt8] = []
    var isLiteral = false
    for case .literal(let bytes, let isQuoted) in target.parts {
      end += bytes
      isLiteral = isLiteral || isQuoted
    }
    let resume = lexer.position
    while let byte = lexer.peek(), byte != Ascii.newline { lexer.position += 1 }
    let start = min(lexer.position + 1, lexer.text.count)
    lexer.position = start
    let text = try lexer.document(until: end, dropsTabs: dropsTabs)
    lexer.text.removeSubrange(start..<lexer.position)
    lexer.position = resume
    if isLiteral { return ShellWord(parts: [.literal(text, isQuoted: true)]) }
    var inside = ShellLexer(text)
    return try inside.documentWord()
  }

  /// An alias at a command's place becomes its text, which is then read again.
  private mutating func expandAliases() throws(ShellSyntaxError) {
    while case .word(let word) = token, let name = word.plain {
      let left = lexer.text.count - lexer.position
      replaced.removeAll { left < $0.fromEnd }
      guard !replaced.contains(where: { $0.name == name }),
        let alias = aliases.first(where: { $0.name == name })
      else { return }
      replaced.append((name, left))
      lexer.text.replaceSubrange(
        lexer.position - name.count..<lexer.position, with: alias.text)
      lexer.position -= name.count
      tokenStart = lexer.position
      token = try lexer.next()
    }
  }
}

/// A word and the text that takes its place where a command begins.
package struct ShellAlias: Equatable {
  package let name: [UInt8]
  package let text: [UInt8]

  package init(name: [UInt8], text: [UInt8]) {
    self.name = name
    self.text = text
  }
}

extension ShellAssignment {
  /// From a word that begins with `name=`.
  fileprivate init?(_ word: ShellWord) {
    guard case .literal(let bytes, isQuoted: false) = word.parts.first,
      let sign = bytes.firstIndex(of: Ascii.equals), ShellName.isValid(Array(bytes[..<sign]))
    else { return nil }
    name = Array(bytes[..<sign])
    value = word
    let rest = Array(bytes[(sign + 1)...])
    if rest.isEmpty {
      value.parts.removeFirst()
    } else {
      value.parts[0] = .literal(rest, isQuoted: false)
    }
  }
}

extension ArraySlice<UInt8> {
  /// Without blanks at both ends.
  var trimmed: [UInt8] {
    var slice = self
    while let byte = slice.first, byte.isBlank { slice = slice.dropFirst() }
    while let byte = slice.last, byte.isBlank { slice = slice.dropLast() }
    return Array(slice)
  }
}
