/// From the text of a regular expression to its tree, and from the tree to a program.
indirect enum RegularExpressionNode {
  case byte(UInt8)
  case any
  case set(ByteSet)
  case assertion(RegularExpression.Assertion)
  case group(RegularExpressionNode, Int)
  case sequence([RegularExpressionNode])
  case alternatives([RegularExpressionNode])
  case repeated(RegularExpressionNode, least: Int, most: Int?)

  /// The bytes it stands for, when it stands for one text only.
  var literal: [UInt8]? {
    switch self {
    case .byte(let byte): return [byte]
    case .sequence(let nodes):
      var bytes: [UInt8] = []
      for node in nodes {
        guard let part = node.literal else { return nil }
        bytes += part
      }
      return bytes
    default: return nil
    }
  }
}

/// In a basic expression `\(`, `\)`, `\{`, `\}`, `\|`, `\+` and `\?` are the operators, in an extended one the same
/// characters without the backslash.
struct RegularExpressionParser {
  private typealias Node = RegularExpressionNode
  private let text: [UInt8]
  private let isExtended: Bool
  private var at = 0
  private var depth = 0
  private(set) var groupCount = 0

  init(_ text: [UInt8], isExtended: Bool) {
    self.text = text
    self.isExtended = isExtended
  }

  mutating func whole() throws(RegularExpression.Failure) -> RegularExpressionNode {
    let node = try alternatives()
    guard at == text.count else { throw .unbalanced }
    return node
  }

  /// Whether this operator stands at a place.
  private func isAt(_ letter: Unicode.Scalar, _ place: Int? = nil) -> Bool {
    let place = place ?? at
    let byte = UInt8(ascii: letter)
    if isExtended { return place < text.count && text[place] == byte }
    return place + 1 < text.count && text[place] == Ascii.backslash && text[place + 1] == byte
  }

  private mutating func take(_ letter: Unicode.Scalar) -> Bool {
    guard isAt(letter) else { return false }
    at += isExtended ? 1 : 2
    return true
  }

  private mutating func alternatives() throws(RegularExpression.Failure) -> RegularExpressionNode {
    depth += 1
    defer { depth -= 1 }
    guard depth < 100 else { throw .tooLarge }
    var all = [try sequence()]
    while take("|") { all.append(try sequence()) }
    return all.count == 1 ? all[0] : .alternatives(all)
  }

  private mutating func sequence() throws(RegularExpression.Failure) -> RegularExpressionNode {
    var nodes: [Node] = []
    let start = at
    while at < text.count, !isAt("|"), !(depth > 1 && isAt(")")) {
      // An extended expression may repeat only what is there; in a basic one a star at the beginning is a
      // star.
      let node = try atom(isFirst: at == start || (!isExtended && isAnchor(nodes.last)))
      nodes.append(try repetitions(of: node))
    }
    return nodes.count == 1 ? nodes[0] : .sequence(nodes)
  }

  private func isAnchor(_ node: Node?) -> Bool {
    if case .assertion(.lineStart) = node { return true }
    return false
  }

  private mutating func repetitions(
    of node: RegularExpressionNode
  ) throws(RegularExpression.Failure) -> RegularExpressionNode {
    var node = node
    while at < text.count {
      if text[at] == Ascii.star {
        if !isExtended, isAnchor(node) { return node }
        at += 1
        node = .repeated(node, least: 0, most: nil)
      } else if take("+") {
        node = .repeated(node, least: 1, most: nil)
      } else if take("?") {
        node = .repeated(node, least: 0, most: 1)
      } else if take("{") {
        let (least, most) = try counts()
        node = .repeated(node, least: least, most: most)
      } else {
        return node
      }
    }
    return node
  }

  /// Reads what stands in `{3}`, `{3,}` or `{3,5}`.
  private mutating func counts() throws(RegularExpression.Failure) -> (Int, Int?) {
    let least = try number()
    var most: Int? = least
    if at < text.count, text[at] == Ascii.comma {
      at += 1
      most = isAt("}") ? nil : try number()
    }
    guard take("}"), most.map({ $0 >= least }) ?? true else { throw .badCount }
    return (least, most)
  }

  private mutating func number() throws(RegularExpression.Failure) -> Int {
    let start = at
    while at < text.count, text[at].isDigit { at += 1 }
    guard let value = Array(text[start..<at]).decimal, value <= 255 else { throw .badCount }
    return Int(value)
  }

  private mutating func atom(
    isFirst: Bool
  ) throws(RegularExpression.Failure) -> RegularExpressionNode {
    if take("(") {
      groupCount += 1
      let number = groupCount
      let inside = try alternatives()
      guard take(")") else { throw .unbalanced }
      return .group(inside, number)
    }
    if isExtended, isFirst, isAt("+") || isAt("?") || isAt("*") || isAt("{") {
      throw .nothingToRepeat
    }
    if !isExtended, isAt(")") { throw .unbalanced }
    let byte = text[at]
    at += 1
    switch byte {
    case Ascii.dot: return .any
    case Ascii.openBracket: return .set(try bracket())
    case Ascii.caret where isExtended || isFirst: return .assertion(.lineStart)
    case Ascii.dollar where isExtended || at == text.count || isAt(")") || isAt("|"):
      return .assertion(.lineEnd)
    case Ascii.backslash: return try escaped()
    default: return .byte(byte)
    }
  }

  private mutating func escaped() throws(RegularExpression.Failure) -> RegularExpressionNode {
    guard at < text.count else { throw .unbalanced }
    let byte = text[at]
    at += 1
    switch byte {
    case 0x31...0x39: throw .backReference
    case Ascii.less: return .assertion(.wordStart)
    case Ascii.greater: return .assertion(.wordEnd)
    case UInt8(ascii: "b"): return .assertion(.wordBoundary)
    case UInt8(ascii: "n"): return .byte(Ascii.newline)
    case UInt8(ascii: "t"): return .byte(Ascii.tab)
    case UInt8(ascii: "w"), UInt8(ascii: "W"), UInt8(ascii: "s"), UInt8(ascii: "S"):
      let isWord = byte | 0x20 == UInt8(ascii: "w")
      var set = ByteSet.named([UInt8](text: isWord ? "alnum" : "space")) ?? ByteSet()
      if isWord { set.insert(Ascii.underscore) }
      if byte & 0x20 == 0 { set.invert() }
      return .set(set)
    default: return .byte(byte)
    }
  }

  /// Behind the `[`, to behind the `]`.
  private mutating func bracket() throws(RegularExpression.Failure) -> ByteSet {
    var set = ByteSet()
    let isInverted = at < text.count && text[at] == Ascii.caret
    if isInverted { at += 1 }
    let start = at
    while at < text.count, at == start || text[at] != Ascii.closeBracket {
      if text[at] == Ascii.openBracket, at + 1 < text.count, text[at + 1] == Ascii.colon {
        let nameStart = at + 2
        guard let end = text[nameStart...].firstIndex(of: Ascii.colon), end + 1 < text.count,
          text[end + 1] == Ascii.closeBracket,
          let members = ByteSet.named(Array(text[nameStart..<end]))
        else { throw .unbalanced }
        for byte in 0...255 as ClosedRange<UInt8> where members.contains(byte) { set.insert(byte) }
        at = end + 2
        continue
      }
      let low = text[at]
      var high = low
      at += 1
      if at + 1 < text.count, text[at] == Ascii.minus, text[at + 1] != Ascii.closeBracket {
        high = text[at + 1]
        at += 2
      }
      guard low <= high else { throw .badCount }
      for byte in low...high { set.insert(byte) }
    }
    guard at < text.count else { throw .unbalanced }
    at += 1
    if isInverted { set.invert() }
    return set
  }
}

/// Writes the program: alternatives and repetitions become jumps.
struct RegularExpressionCompiler {
  let ignoresCase: Bool
  private(set) var program: [RegularExpression.Step] = []
  private static let largest = 4000

  init(ignoresCase: Bool) { self.ignoresCase = ignoresCase }

  mutating func emit(_ node: RegularExpressionNode) throws(RegularExpression.Failure) {
    guard program.count < Self.largest else { throw .tooLarge }
    switch node {
    case .byte(let byte): program.append(.byte(ignoresCase ? byte.lowercased : byte))
    case .any: program.append(.any)
    case .set(let set): program.append(.set(ignoresCase ? set.withBothCases : set))
    case .assertion(let assertion): program.append(.assert(assertion))
    case .sequence(let nodes): for node in nodes { try emit(node) }
    case .group(let node, let number):
      program.append(.save(2 * number))
      try emit(node)
      program.append(.save(2 * number + 1))
    case .alternatives(let nodes):
      var ends: [Int] = []
      for (index, node) in nodes.enumerated() {
        let split = program.count
        if index < nodes.count - 1 { program.append(.jump(0)) }
        try emit(node)
        guard index < nodes.count - 1 else { break }
        ends.append(program.count)
        program.append(.jump(0))
        program[split] = .split(split + 1, program.count)
      }
      for end in ends { program[end] = .jump(program.count) }
    case .repeated(let node, let least, let most):
      for _ in 0..<least { try emit(node) }
      guard let most else { return try emitLoop(node) }
      var splits: [Int] = []
      for _ in least..<most {
        splits.append(program.count)
        program.append(.jump(0))
        try emit(node)
      }
      for split in splits { program[split] = .split(split + 1, program.count) }
    }
  }

  private mutating func emitLoop(_ node: RegularExpressionNode) throws(RegularExpression.Failure) {
    let split = program.count
    program.append(.jump(0))
    try emit(node)
    program.append(.jump(split))
    program[split] = .split(split + 1, program.count)
  }
}
