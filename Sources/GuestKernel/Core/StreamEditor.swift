/// sed: a script of commands that is applied to every line.
///
/// A line lies in the pattern space while the commands run; the hold space keeps text for later lines. POSIX.1,
/// "sed": addresses by number, `$` and expression, ranges, `!`, groups, and the commands
/// = a b c d D g G h H i n N p P q s t x y { }.
package struct StreamEditor {
  package enum Failure: Error, Equatable {
    case expression(RegularExpression.Failure)
    case unknown(UInt8)
    case unexpected
    case noLabel([UInt8])

    package var message: TextLine {
      switch self {
      case .expression(let failure): "\(failure.message)"
      case .unknown(let letter): "\(text: [letter]): there is no such command"
      case .unexpected: "the script is not understood"
      case .noLabel(let name): "there is no label \(text: name)"
      }
    }
  }

  enum Address {
    case line(Int)
    case last
    case matching(RegularExpression)
  }

  struct Substitution {
    let expression: RegularExpression
    /// Text, and the numbers of groups between.
    let parts: [(text: [UInt8], group: Int?)]
    var replacesAll = false
    var prints = false
    var occurrence = 1
  }

  enum Action {
    case append([UInt8])
    case insert([UInt8])
    case change([UInt8])
    case delete
    case deleteFirstLine
    case print
    case printFirstLine
    case printNumber
    case next
    case appendNext
    case quit
    case get
    case getAppending
    case hold
    case holdAppending
    case exchange
    case substitute(Substitution)
    case translate([UInt8], [UInt8])
    /// To the place of a label; the end of the script when it is nil.
    case jump(Int?, ifSubstituted: Bool)
    /// A `{`: where its `}` is.
    case group(Int)
    case none
  }

  struct Command {
    var from: Address?
    var to: Address?
    var isInverted = false
    var action: Action
  }

  private let commands: [Command]
  private let printsOnlyOnRequest: Bool
  /// For each command with a range: it has begun, and the line at which it ends if that is known.
  private var openRanges: [Bool]
  private var pattern: [UInt8] = []
  private var held: [UInt8] = []
  private var number = 0
  private var hasSubstituted = false
  /// Texts of `a`, for the end of the round.
  private var waiting: [[UInt8]] = []
  /// What is to be printed; the caller empties it.
  package var output: [UInt8] = []
  package private(set) var hasQuit = false

  package init(
    _ script: [UInt8], isExtended: Bool = false, isQuiet: Bool = false
  ) throws(Failure) {
    var parser = StreamEditorParser(script, isExtended: isExtended)
    commands = try parser.parse()
    printsOnlyOnRequest = isQuiet
    openRanges = [Bool](repeating: false, count: commands.count)
  }

  /// Applies the script to the next line; `next` fetches further ones and says which is the last.
  package mutating func apply(
    _ line: [UInt8], isLast: Bool, next: () -> (line: [UInt8], isLast: Bool)?
  ) {
    pattern = line
    number += 1
    hasSubstituted = false
    var isLast = isLast
    var at = 0
    var prints = !printsOnlyOnRequest
    var restarts = 0
    loop: while at < commands.count {
      let command = commands[at]
      at += 1
      guard selects(command, at - 1, isLast) else {
        if case .group(let end) = command.action { at = end + 1 }
        continue
      }
      switch command.action {
      case .none, .group: break
      case .append(let text): waiting.append(text)
      case .insert(let text): output += text + [Ascii.newline]
      case .change(let text):
        // Of a range only the end shows the text.
        if command.to == nil || !openRanges[at - 1] { output += text + [Ascii.newline] }
        prints = false
        break loop
      case .delete:
        prints = false
        break loop
      case .deleteFirstLine:
        guard let end = pattern.firstIndex(of: Ascii.newline), restarts < 10_000 else {
          prints = false
          break loop
        }
        pattern.removeFirst(end + 1)
        flushWaiting()
        restarts += 1
        at = 0
      case .print: output += pattern + [Ascii.newline]
      case .printFirstLine: output += pattern.prefix { $0 != Ascii.newline } + [Ascii.newline]
      case .printNumber: output += [UInt8](decimal: UInt64(number)) + [Ascii.newline]
      case .next, .appendNext:
        guard let more = isLast ? nil : next() else {
          hasQuit = true
          break loop
        }
        if case .appendNext = command.action {
          pattern += [Ascii.newline] + more.line
        } else {
          if prints { output += pattern + [Ascii.newline] }
          pattern = more.line
        }
        flushWaiting()
        number += 1
        isLast = more.isLast
      case .quit:
        hasQuit = true
        break loop
      case .get: pattern = held
      case .getAppending: pattern += [Ascii.newline] + held
      case .hold: held = pattern
      case .holdAppending: held += [Ascii.newline] + pattern
      case .exchange: swap(&pattern, &held)
      case .substitute(let substitution): substitute(substitution)
      case .translate(let from, let to):
        pattern = pattern.map { byte in from.firstIndex(of: byte).map { to[$0] } ?? byte }
      case .jump(let target, let isConditional):
        if isConditional, !hasSubstituted { continue }
        if isConditional { hasSubstituted = false }
        at = target ?? commands.count
      }
    }
    if prints { output += pattern + [Ascii.newline] }
    flushWaiting()
  }

  private mutating func flushWaiting() {
    for text in waiting { output += text + [Ascii.newline] }
    waiting = []
  }

  // MARK: Addresses

  private mutating func selects(_ command: Command, _ index: Int, _ isLast: Bool) -> Bool {
    guard let from = command.from else { return !command.isInverted }
    var isIn: Bool
    if let to = command.to {
      if openRanges[index] {
        isIn = true
        if case .line(let last) = to {
          openRanges[index] = number < last
          // The range was over before this line.
          if number > last { isIn = matches(from, isLast) }
        } else {
          openRanges[index] = !matches(to, isLast)
        }
      } else {
        isIn = matches(from, isLast)
        if isIn {
          openRanges[index] = true
          if case .line(let last) = to, last <= number { openRanges[index] = false }
          if case .last = to, isLast { openRanges[index] = false }
        }
      }
    } else {
      isIn = matches(from, isLast)
    }
    return isIn != command.isInverted
  }

  private func matches(_ address: Address, _ isLast: Bool) -> Bool {
    switch address {
    case .line(let line): line == number
    case .last: isLast
    case .matching(let expression): expression.firstMatch(in: pattern) != nil
    }
  }

  // MARK: Substitution

  private mutating func substitute(_ substitution: Substitution) {
    var result: [UInt8] = []
    var start = 0
    var done = 0
    var count = 0
    var lastEnd = -1
    while start <= pattern.count,
      let match = substitution.expression.firstMatch(in: pattern, from: start)
    {
      let isEmpty = match.start == match.end
      // Right behind a match nothing is not matched once more.
      if !(isEmpty && match.start == lastEnd) {
        count += 1
        if count >= substitution.occurrence {
          result += pattern[done..<match.start] + replacement(substitution, match)
          done = match.end
          hasSubstituted = true
          if !substitution.replacesAll { break }
        }
      }
      lastEnd = match.end
      start = isEmpty ? match.end + 1 : match.end
    }
    guard done > 0 || !result.isEmpty || hasSubstituted else { return }
    let hasChanged = count >= substitution.occurrence
    guard hasChanged else { return }
    pattern = result + pattern[done...]
    if substitution.prints { output += pattern + [Ascii.newline] }
  }

  private func replacement(
    _ substitution: Substitution, _ match: RegularExpression.Match
  ) -> [UInt8] {
    var text: [UInt8] = []
    for part in substitution.parts {
      text += part.text
      if let group = part.group, let range = match.group(group) { text += pattern[range] }
    }
    return text
  }
}
