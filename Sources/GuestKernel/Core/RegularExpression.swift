/// Regular expressions, POSIX's basic and extended ones: what `grep` looks for and `sed` replaces.
///
/// An expression becomes a small program, and all ways through it are followed at once, byte by byte (Thompson
/// and Pike): time grows with the text and with the program, never with their interplay. The match is the
/// leftmost, and of these the longest. POSIX.1, "Regular Expressions", without back references.
package struct RegularExpression {
  package enum Failure: Error, Equatable {
    case unbalanced
    case nothingToRepeat
    case badCount
    case backReference
    case tooLarge

    package var message: StaticString {
      switch self {
      case .unbalanced: "a bracket is not closed"
      case .nothingToRepeat: "there is nothing to repeat"
      case .badCount: "a number of repetitions is wrong"
      case .backReference: "back references are not supported"
      case .tooLarge: "the expression is too large"
      }
    }
  }

  /// Where it matched, and where each of its groups did; group 0 is the whole.
  package struct Match {
    /// Two places a group, the second behind its end; -1 when it took no part.
    fileprivate var places: [Int]
    package var start: Int { places[0] }
    package var end: Int { places[1] }

    package func group(_ number: Int) -> Range<Int>? {
      guard 2 * number + 1 < places.count, places[2 * number] >= 0, places[2 * number + 1] >= 0
      else { return nil }
      return places[2 * number]..<places[2 * number + 1]
    }
  }

  enum Step {
    case byte(UInt8)
    case any
    case set(ByteSet)
    case split(Int, Int)
    case jump(Int)
    case save(Int)
    case assert(Assertion)
    case match
  }

  enum Assertion {
    case lineStart
    case lineEnd
    case wordStart
    case wordEnd
    case wordBoundary
  }

  private let program: [Step]
  package let groupCount: Int
  private let ignoresCase: Bool
  /// The whole expression, when every byte of it means itself.
  private let literal: [UInt8]?

  package init(
    _ pattern: [UInt8], isExtended: Bool, ignoresCase: Bool = false
  ) throws(Failure) {
    var parser = RegularExpressionParser(pattern, isExtended: isExtended)
    let node = try parser.whole()
    var compiler = RegularExpressionCompiler(ignoresCase: ignoresCase)
    try compiler.emit(.group(node, 0))
    program = compiler.program + [.match]
    groupCount = parser.groupCount
    self.ignoresCase = ignoresCase
    literal = ignoresCase ? nil : node.literal
  }

  // MARK: Matching

  private struct Thread {
    var at: Int
    var places: [Int]
  }

  /// The first match that begins at `start` or later.
  package func firstMatch(in text: [UInt8], from start: Int = 0) -> Match? {
    if let literal {
      guard let place = Array(text[start...]).position(of: literal) else { return nil }
      return Match(places: [start + place, start + place + literal.count])
    }
    var now: [Thread] = []
    var best: [Int]?
    // The last round in which a step was reached: once a round is enough.
    var marks = [Int](repeating: -1, count: program.count)
    var position = start
    while true {
      if best == nil {
        let places = [Int](repeating: -1, count: 2 * groupCount + 2)
        add(0, places, text, position, &now, &marks)
      }
      var next: [Thread] = []
      for thread in now {
        if let best, thread.places[0] > best[0] { continue }
        if case .match = program[thread.at] {
          if isBetter(thread.places, than: best) { best = thread.places }
        } else if position < text.count, accepts(program[thread.at], text[position]) {
          next.append(Thread(at: thread.at + 1, places: thread.places))
        }
      }
      guard position < text.count, best == nil || !next.isEmpty else { break }
      position += 1
      now = []
      for thread in next { add(thread.at, thread.places, text, position, &now, &marks) }
    }
    return best.map { Match(places: $0) }
  }

  private func isBetter(_ places: [Int], than best: [Int]?) -> Bool {
    guard let best else { return true }
    return places[0] < best[0] || (places[0] == best[0] && places[1] > best[1])
  }

  private func accepts(_ step: Step, _ byte: UInt8) -> Bool {
    switch step {
    case .byte(let wanted): (ignoresCase ? byte.lowercased : byte) == wanted
    case .any: true
    case .set(let set): set.contains(byte)
    default: false
    }
  }

  /// Follows all steps that take no byte.
  private func add(
    _ at: Int, _ places: [Int], _ text: [UInt8], _ position: Int, _ threads: inout [Thread],
    _ marks: inout [Int]
  ) {
    guard marks[at] != position else { return }
    marks[at] = position
    switch program[at] {
    case .jump(let target):
      add(target, places, text, position, &threads, &marks)
    case .split(let first, let second):
      add(first, places, text, position, &threads, &marks)
      add(second, places, text, position, &threads, &marks)
    case .save(let slot):
      var places = places
      places[slot] = position
      add(at + 1, places, text, position, &threads, &marks)
    case .assert(let assertion):
      if holds(assertion, text, position) {
        add(at + 1, places, text, position, &threads, &marks)
      }
    case .byte, .any, .set, .match:
      threads.append(Thread(at: at, places: places))
    }
  }

  private func holds(_ assertion: Assertion, _ text: [UInt8], _ position: Int) -> Bool {
    let before = position > 0 && text[position - 1].isPartOfWord
    let after = position < text.count && text[position].isPartOfWord
    switch assertion {
    case .lineStart: return position == 0
    case .lineEnd: return position == text.count
    case .wordStart: return !before && after
    case .wordEnd: return before && !after
    case .wordBoundary: return before != after
    }
  }
}

extension UInt8 {
  package var lowercased: UInt8 { self >= 0x41 && self <= 0x5a ? self + 0x20 : self }
  fileprivate var isPartOfWord: Bool { isLetter || isDigit || self == 0x5f }
}

/// Which of the 256 bytes.
struct ByteSet {
  private var words = (0 as UInt64, 0 as UInt64, 0 as UInt64, 0 as UInt64)

  func contains(_ byte: UInt8) -> Bool {
    let word =
      byte < 64 ? words.0 : byte < 128 ? words.1 : byte < 192 ? words.2 : words.3
    return word >> UInt64(byte & 63) & 1 != 0
  }

  mutating func insert(_ byte: UInt8) {
    let bit = 1 << UInt64(byte & 63) as UInt64
    switch byte >> 6 {
    case 0: words.0 |= bit
    case 1: words.1 |= bit
    case 2: words.2 |= bit
    default: words.3 |= bit
    }
  }

  mutating func invert() { words = (~words.0, ~words.1, ~words.2, ~words.3) }

  /// With the other case of each letter.
  var withBothCases: ByteSet {
    var set = self
    for letter in 0x41...0x5a as ClosedRange<UInt8> {
      if contains(letter) { set.insert(letter + 0x20) }
      if contains(letter + 0x20) { set.insert(letter) }
    }
    return set
  }

  /// `alpha`, `digit` and the other classes of POSIX.
  static func named(_ name: [UInt8]) -> ByteSet? {
    let classes: [(StaticString, (UInt8) -> Bool)] = [
      ("alpha", { $0.isLetter }), ("digit", { $0.isDigit }),
      ("alnum", { $0.isLetter || $0.isDigit }), ("upper", { $0 >= 0x41 && $0 <= 0x5a }),
      ("lower", { $0 >= 0x61 && $0 <= 0x7a }), ("space", { $0 == 0x20 || (9...13).contains($0) }),
      ("blank", { $0 == 0x20 || $0 == 9 }), ("cntrl", { $0 < 0x20 || $0 == 0x7f }),
      ("print", { $0 >= 0x20 && $0 < 0x7f }), ("graph", { $0 > 0x20 && $0 < 0x7f }),
      ("punct", { $0 > 0x20 && $0 < 0x7f && !$0.isLetter && !$0.isDigit }),
      ("xdigit", { $0.isDigit || ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x66) }),
    ]
    for (known, isMember) in classes where name.equals(known) {
      var set = ByteSet()
      for byte in 0...255 as ClosedRange<UInt8> where isMember(byte) { set.insert(byte) }
      return set
    }
    return nil
  }
}
