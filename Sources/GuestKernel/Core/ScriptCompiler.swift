/// Turns an expression such as `a == 14 && thread > 1` into a script.
///
/// Recursive descent, one function per level of precedence; the value of a part at depth n is left in
/// register n. Names stand for parts of the context; `count(n)` adds one to counter n, and is true.
package struct ScriptCompiler {
  package enum Failure: Error, Equatable {
    case unexpected(Int)
    case unknownName([UInt8])
    case tooComplex
  }

  private let text: [UInt8]
  private let names: [[UInt8]]
  private var at = 0
  private var code: [ScriptInstruction] = []

  /// Compiles `text`; name number n means part n of the context.
  package static func compile(
    _ text: [UInt8], names: [[UInt8]]
  ) throws(Failure) -> [ScriptInstruction] {
    var compiler = ScriptCompiler(text: text, names: names)
    try compiler.alternatives(0)
    compiler.skipBlanks()
    guard compiler.at == text.count else { throw Failure.unexpected(compiler.at) }
    compiler.code.append(ScriptInstruction(.exit))
    guard compiler.code.count <= ScriptLimits.instructions else { throw Failure.tooComplex }
    return compiler.code
  }

  private init(text: [UInt8], names: [[UInt8]]) {
    self.text = text
    self.names = names
  }

  private mutating func skipBlanks() {
    while at < text.count, text[at] == 0x20 || text[at] == 0x09 { at += 1 }
  }

  /// Takes `token` if it comes next.
  private mutating func take(_ token: StaticString) -> Bool {
    skipBlanks()
    let length = token.utf8CodeUnitCount
    guard at + length <= text.count, Array(text[at..<at + length]).equals(token) else {
      return false
    }
    at += length
    return true
  }

  private mutating func emit(
    _ operation: ScriptInstruction.Operation, _ target: Int, source: Int? = nil, value: Int32 = 0,
    offset: Int = 0
  ) {
    code.append(
      ScriptInstruction(
        operation, target: UInt8(target),
        source: source.map { UInt8($0) } ?? ScriptInstruction.immediate,
        offset: UInt8(offset), value: value))
  }

  /// Lets the jump at `jump` lead to what comes next.
  private mutating func land(_ jump: Int) throws(Failure) {
    let distance = code.count - jump - 1
    guard distance < 255 else { throw Failure.tooComplex }
    code[jump].offset = UInt8(distance)
  }
}

// MARK: Levels of precedence

extension ScriptCompiler {
  private mutating func alternatives(_ depth: Int) throws(Failure) {
    try chain(depth, "||", endsOn: .jumpNotEqual) { (c, d) throws(Failure) in try c.conditions(d) }
  }

  private mutating func conditions(_ depth: Int) throws(Failure) {
    try chain(depth, "&&", endsOn: .jumpEqual) { (c, d) throws(Failure) in try c.comparison(d) }
  }

  /// `x || y || z`: the first part that decides ends it, with 0 or 1.
  private mutating func chain(
    _ depth: Int, _ token: StaticString, endsOn jump: ScriptInstruction.Operation,
    _ part: (inout ScriptCompiler, Int) throws(Failure) -> Void
  ) throws(Failure) {
    try part(&self, depth)
    var jumps: [Int] = []
    while take(token) {
      jumps.append(code.count)
      emit(jump, depth)
      try part(&self, depth)
    }
    for jump in jumps { try land(jump) }
  }

  private mutating func comparison(_ depth: Int) throws(Failure) {
    try bits(depth)
    let operations: [(StaticString, ScriptInstruction.Operation)] = [
      ("==", .jumpEqual), ("!=", .jumpNotEqual), (">=", .jumpGreaterOrEqual),
      ("<=", .jumpLessOrEqual), (">", .jumpGreater), ("<", .jumpLess),
    ]
    for (token, jump) in operations where take(token) {
      try bits(depth + 1)
      let test = code.count
      emit(jump, depth, source: depth + 1)
      emit(.move, depth, value: 0)
      emit(.jump, 0, offset: 1)
      try land(test)
      emit(.move, depth, value: 1)
      return
    }
  }

  /// True when the operator `one` comes, and not its doubled form.
  private mutating func takeSingle(_ one: StaticString, _ byte: UInt8) -> Bool {
    skipBlanks()
    guard at < text.count, text[at] == byte else { return false }
    if at + 1 < text.count, text[at + 1] == byte { return false }
    return take(one)
  }

  private mutating func bits(_ depth: Int) throws(Failure) {
    try sum(depth)
    while true {
      let operation: ScriptInstruction.Operation
      if takeSingle("&", 0x26) {
        operation = .and
      } else if takeSingle("|", 0x7c) {
        operation = .or
      } else if take("^") {
        operation = .xor
      } else {
        return
      }
      try sum(depth + 1)
      emit(operation, depth, source: depth + 1)
    }
  }

  private mutating func sum(_ depth: Int) throws(Failure) {
    try product(depth)
    while true {
      let operation: ScriptInstruction.Operation
      if take("+") {
        operation = .add
      } else if take("-") {
        operation = .subtract
      } else {
        return
      }
      try product(depth + 1)
      emit(operation, depth, source: depth + 1)
    }
  }

  private mutating func product(_ depth: Int) throws(Failure) {
    try primary(depth)
    let operations: [(StaticString, ScriptInstruction.Operation)] = [
      ("*", .multiply), ("/", .divide), ("%", .remainder), ("<<", .shiftLeft),
      (">>", .shiftRight),
    ]
    scan: while true {
      for (token, operation) in operations where take(token) {
        try primary(depth + 1)
        emit(operation, depth, source: depth + 1)
        continue scan
      }
      return
    }
  }

  private mutating func primary(_ depth: Int) throws(Failure) {
    guard depth < ScriptLimits.registers else { throw Failure.tooComplex }
    if take("(") {
      try alternatives(depth)
      guard take(")") else { throw Failure.unexpected(at) }
      return
    }
    skipBlanks()
    let start = at
    while at < text.count, Self.isWord(text[at]) { at += 1 }
    let word = Array(text[start..<at])
    guard let first = word.first else { throw Failure.unexpected(start) }
    if first >= 0x30, first <= 0x39 {
      guard case .number(let value)? = ModuleValue(word, as: .uint), value <= UInt64(Int32.max)
      else { throw Failure.unexpected(start) }
      emit(.move, depth, value: Int32(value))
    } else if word.equals("count") {
      try counter(depth)
    } else if let index = names.firstIndex(of: word) {
      emit(.loadContext, depth, offset: index)
    } else {
      throw Failure.unknownName(word)
    }
  }

  /// `count(n)`: adds one to counter n; its value is 1, so that it may stand in a condition.
  private mutating func counter(_ depth: Int) throws(Failure) {
    guard take("(") else { throw Failure.unexpected(at) }
    skipBlanks()
    let start = at
    while at < text.count, Self.isWord(text[at]) { at += 1 }
    guard let number = Array(text[start..<at]).decimal, number < UInt64(ScriptLimits.counters),
      take(")")
    else { throw Failure.unexpected(start) }
    emit(.move, depth, value: 1)
    code.append(ScriptInstruction(.count, offset: UInt8(number), value: 1))
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    byte >= 0x30 && byte <= 0x39 || byte >= 0x41 && byte <= 0x5a || byte >= 0x61 && byte <= 0x7a
      || byte == 0x5f
  }
}
