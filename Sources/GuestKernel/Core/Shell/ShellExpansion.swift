/// What the shell knows while it expands a word; the shell overrides it, the tests do too.
open class ShellContext {
  /// `$1` and so on.
  public var arguments: [[UInt8]] = []
  /// The script's name, `$0`.
  public var name: [UInt8] = []
  /// `set -u`: a variable without a value is a mistake.
  public var refusesUnset = false
  /// `set -f`: patterns stand for themselves.
  public var ignoresPatterns = false

  /// Knows nothing yet.
  public init() {}
  open func value(of name: [UInt8]) -> [UInt8]? { nil }
  open func assign(_ value: [UInt8], to name: [UInt8]) {}
  /// Runs a script and returns what it printed.
  open func output(of script: [UInt8]) -> [UInt8] { [] }
  /// Where somebody lives, for `~name`.
  open func home(of user: [UInt8]) -> [UInt8]? { nil }
  /// The names in a directory; an empty path is the current one.
  open func names(in directory: [UInt8]) -> [[UInt8]] { [] }
}

/// Turns words into what commands get: tilde, parameters, command substitution, arithmetic, splitting
/// into fields, and names that match patterns, in that order.
///
/// POSIX.1, "Word Expansions".
package struct ShellExpansion {
  /// One piece under construction: a pattern in which everything quoted has a backslash.
  private struct Field {
    var pattern: [UInt8] = []
    /// Quotes make a field even of nothing.
    var isKept = false
  }

  private let context: ShellContext
  private var fields: [Field] = []
  /// The last field is still growing.
  private var isOpen = false
  /// The last field has ended with a blank: a separator of another kind may still belong to it.
  private var endedWithBlank = false
  /// `"$@"` stood there without arguments: quotes around nothing then make no field.
  private var hadNoArguments = false
  private let separators: [UInt8]

  private init(_ context: ShellContext) {
    self.context = context
    separators =
      context.value(of: [UInt8](text: "IFS")) ?? [Ascii.space, Ascii.tab, Ascii.newline]
  }

  /// All fields of all words.
  package static func fields(
    _ words: [ShellWord], _ context: ShellContext
  ) throws(ShellSyntaxError) -> [[UInt8]] {
    var result: [[UInt8]] = []
    for word in words {
      var expansion = ShellExpansion(context)
      try expansion.expand(word, splits: true)
      for field in expansion.fields where field.isKept || !field.pattern.isEmpty {
        let isPattern = !context.ignoresPatterns && Glob.isPattern(field.pattern)
        let paths = isPattern ? Glob.paths(field.pattern, context.names) : []
        if paths.isEmpty {
          result.append(Glob.unquoted(field.pattern))
        } else {
          result += paths
        }
      }
    }
    return result
  }

  /// One word as one text: for assignments, redirections and `case`.
  package static func text(
    _ word: ShellWord, _ context: ShellContext
  ) throws(ShellSyntaxError) -> [UInt8] {
    Glob.unquoted(try pattern(word, context))
  }

  /// One word as one pattern.
  package static func pattern(
    _ word: ShellWord, _ context: ShellContext
  ) throws(ShellSyntaxError) -> [UInt8] {
    var expansion = ShellExpansion(context)
    try expansion.expand(word, splits: false)
    var result: [UInt8] = []
    for (index, field) in expansion.fields.enumerated() {
      if index > 0 { result.append(Ascii.space) }
      result += field.pattern
    }
    return result
  }

  private mutating func expand(_ word: ShellWord, splits: Bool) throws(ShellSyntaxError) {
    for (index, part) in word.parts.enumerated() {
      switch part {
      case .literal(let bytes, let isQuoted):
        if index == 0, !isQuoted, let home = tilde(bytes) {
          append(home, isQuoted: true)
        } else {
          append(bytes, isQuoted: isQuoted)
        }
      case .parameter(let parameter, let isQuoted):
        try expand(parameter, isQuoted: isQuoted, splits: splits)
      case .command(let script, let isQuoted):
        var output = context.output(of: script)
        while output.last == Ascii.newline { output.removeLast() }
        append(output, isQuoted: isQuoted, splits: splits)
      case .arithmetic(let text):
        let value = try Arithmetic.value(of: text, context)
        var line = TextLine()
        line.appendSigned(value)
        append(line.withBytes { Array($0) }, isQuoted: true)
      }
    }
    if hadNoArguments, fields.count == 1, fields[0].pattern.isEmpty { fields = [] }
  }

  /// `~`, `~/...` or `~name/...` with the home directory in its place.
  private func tilde(_ bytes: [UInt8]) -> [UInt8]? {
    guard bytes.first == Ascii.tilde else { return nil }
    let user = Array(bytes.dropFirst().prefix { $0 != Ascii.slash })
    let home = user.isEmpty ? context.value(of: [UInt8](text: "HOME")) : context.home(of: user)
    guard let home else { return nil }
    return home + bytes.dropFirst(user.count + 1)
  }
}

// MARK: Building fields

extension ShellExpansion {
  private mutating func openField() {
    if !isOpen { fields.append(Field()) }
    isOpen = true
  }

  private mutating func append(_ bytes: [UInt8], isQuoted: Bool) {
    openField()
    fields[fields.count - 1].pattern += isQuoted ? Glob.quoted(bytes) : bytes
    if isQuoted { fields[fields.count - 1].isKept = true }
  }

  /// The result of an expansion: outside of quotes, the bytes of IFS in it separate fields.
  ///
  /// Blanks among them count once however many there are, each of the others ends a field.
  private mutating func append(_ bytes: [UInt8], isQuoted: Bool, splits: Bool) {
    guard splits, !isQuoted else { return append(bytes, isQuoted: isQuoted) }
    for byte in bytes {
      if !separators.contains(byte) {
        endedWithBlank = false
        openField()
        // A backslash that comes out of a variable is only a backslash.
        if byte == Ascii.backslash { fields[fields.count - 1].pattern.append(byte) }
        fields[fields.count - 1].pattern.append(byte)
      } else if byte.isBlank {
        endedWithBlank = endedWithBlank || isOpen
        isOpen = false
      } else {
        if !isOpen, !endedWithBlank { fields.append(Field(isKept: true)) }
        endedWithBlank = false
        isOpen = false
      }
    }
  }
}

// MARK: Parameters

extension ShellExpansion {
  private mutating func expand(
    _ parameter: ShellParameter, isQuoted: Bool, splits: Bool
  ) throws(ShellSyntaxError) {
    let isList = parameter.name == [Ascii.at] || (parameter.name == [Ascii.star] && !isQuoted)
    if parameter.operation == .value, isList, splits {
      for (index, argument) in context.arguments.enumerated() {
        if index > 0 { isOpen = false }
        append(argument, isQuoted: isQuoted, splits: true)
      }
      if isQuoted, context.arguments.isEmpty { hadNoArguments = true }
      return
    }
    let value = try value(of: parameter)
    append(value, isQuoted: isQuoted, splits: splits)
  }

  private func value(of parameter: ShellParameter) throws(ShellSyntaxError) -> [UInt8] {
    let found = lookUp(parameter.name)
    let value = found ?? []
    if found == nil, context.refusesUnset {
      switch parameter.operation {
      case .value, .length, .withoutPrefix, .withoutSuffix: throw .unset(parameter.name, [])
      case .fallback, .assignment, .replacement, .complaint: break
      }
    }
    let isMissing = found == nil || (parameter.emptyIsUnset && value.isEmpty)
    switch parameter.operation {
    case .value:
      return value
    case .length:
      let isList = parameter.name == [Ascii.at] || parameter.name == [Ascii.star]
      return [UInt8](decimal: UInt64(isList ? context.arguments.count : value.count))
    case .complaint:
      if isMissing { throw .unset(parameter.name, try word(parameter)) }
      return value
    case .fallback:
      return isMissing ? try word(parameter) : value
    case .assignment:
      guard isMissing else { return value }
      let new = try word(parameter)
      context.assign(new, to: parameter.name)
      return new
    case .replacement:
      return isMissing ? [] : try word(parameter)
    case .withoutPrefix(let isLongest):
      return withoutPrefix(value, try patternWord(parameter), isLongest)
    case .withoutSuffix(let isLongest):
      return withoutSuffix(value, try patternWord(parameter), isLongest)
    }
  }

  private func lookUp(_ name: [UInt8]) -> [UInt8]? {
    if let number = name.decimal {
      if number == 0 { return context.name }
      return number <= UInt64(context.arguments.count) ? context.arguments[Int(number) - 1] : nil
    }
    if name == [Ascii.at] || name == [Ascii.star] {
      let separator = name == [Ascii.at] ? [Ascii.space] : Array(separators.prefix(1))
      return Array(context.arguments.joined(separator: separator))
    }
    if name == [Ascii.hash] { return [UInt8](decimal: UInt64(context.arguments.count)) }
    return context.value(of: name)
  }

  private func word(_ parameter: ShellParameter) throws(ShellSyntaxError) -> [UInt8] {
    Glob.unquoted(try patternWord(parameter))
  }

  private func patternWord(_ parameter: ShellParameter) throws(ShellSyntaxError) -> [UInt8] {
    try ShellExpansion.pattern(try ShellParser.word(parameter.word), context)
  }

  private func withoutPrefix(_ value: [UInt8], _ pattern: [UInt8], _ isLongest: Bool) -> [UInt8] {
    for step in 0...value.count {
      let length = isLongest ? value.count - step : step
      if Glob.matches(pattern, Array(value[..<length])) { return Array(value[length...]) }
    }
    return value
  }

  private func withoutSuffix(_ value: [UInt8], _ pattern: [UInt8], _ isLongest: Bool) -> [UInt8] {
    for step in 0...value.count {
      let start = isLongest ? step : value.count - step
      if Glob.matches(pattern, Array(value[start...])) { return Array(value[..<start]) }
    }
    return value
  }
}

extension TextLine {
  package mutating func appendSigned(_ value: Int) {
    if value < 0 { append(byte: Ascii.minus) }
    append(decimal: UInt64(value.magnitude))
  }
}
