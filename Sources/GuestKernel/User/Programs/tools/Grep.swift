/// grep: lines in which a regular expression matches.
import Apus

enum Grep {
  static let tool = Tool(
    name: "grep", usage: "grep [-EFHchilnoqrsvwx] [-e PATTERN] PATTERN [FILE...]",
    summary: "lines that match a pattern", run: run)

  private struct Request {
    let options: Options
    var patterns: [RegularExpression] = []
    var showsNames = false

    init(_ options: Options) { self.options = options }
  }

  /// 0 when a line was found, 1 when not, 2 after an error.
  private static func run(_ arguments: [[UInt8]]) -> Int32 {
    let options = Options(arguments, known: "EFHchilnoqrRsvwxe:")
    var request = Request(options)
    var operands = options.operands
    var texts = options.values("e")
    if texts.isEmpty {
      guard !operands.isEmpty else { Usage.refuse("the pattern is missing") }
      texts = [operands.removeFirst()]
    }
    // Each line of a pattern is a pattern of its own.
    for text in texts {
      for line in text.split(separator: 0x0a, omittingEmptySubsequences: false) {
        request.patterns.append(compile(Array(line), options))
      }
    }
    let isRecursive = options.has("r") || options.has("R")
    if isRecursive, operands.isEmpty { operands = [[0x2e]] }
    request.showsNames =
      !options.has("h") && (options.has("H") || operands.count > 1 || isRecursive)
    var found = false
    var code: Int32 = 0
    for operand in operands.isEmpty ? [[0x2d]] : operands {
      code |= search(operand, request, isRecursive: isRecursive, &found)
      if found, options.has("q") { return 0 }
    }
    return code != 0 ? 2 : found ? 0 : 1
  }

  private static func compile(_ text: [UInt8], _ options: Options) -> RegularExpression {
    var pattern = text
    let isExtended = options.has("E") || options.has("F")
    if options.has("F") {
      pattern = []
      for byte in text {
        // A class of one is that byte, but for those with a meaning in a class.
        if byte.isLetter || byte.isDigit || byte == 0x20 || byte >= 0x80 {
          pattern.append(byte)
        } else {
          pattern += [0x5c, byte]
        }
      }
    }
    let (open, close) = isExtended ? ("(", ")") : ("\\(", "\\)") as (StaticString, StaticString)
    if options.has("w") {
      pattern =
        [UInt8](text: "\\<") + [UInt8](text: open) + pattern + [UInt8](text: close)
        + [UInt8](text: "\\>")
    }
    if options.has("x") {
      pattern = [0x5e] + [UInt8](text: open) + pattern + [UInt8](text: close) + [0x24]
    }
    do throws(RegularExpression.Failure) {
      return try RegularExpression(
        pattern, isExtended: isExtended, ignoresCase: options.has("i"))
    } catch {
      fail("\(text: text): \(error.message)", code: 2)
    }
  }

  private static func search(
    _ name: [UInt8], _ request: Request, isRecursive: Bool, _ found: inout Bool
  ) -> Int32 {
    if isRecursive, !name.equals("-"), FileTree.isDirectory(name) {
      guard let entries = try? FileTree.entries(of: name) else { return 2 }
      var code: Int32 = 0
      for entry in entries where entry.kind == .directory || entry.kind == .regular {
        code |= search(path(name, entry.name), request, isRecursive: true, &found)
      }
      return code
    }
    var count = 0
    let code = forEachInput([name], isQuiet: request.options.has("s")) { input, _ in
      count = lines(&input, name, request)
    }
    if count > 0 { found = true }
    return code
  }

  private static func lines(_ input: inout Input, _ name: [UInt8], _ request: Request) -> Int {
    let options = request.options
    let label = name.equals("-") ? [UInt8](text: "(standard input)") : name
    let isBrief = options.has("c") || options.has("q") || options.has("l")
    var number = 0
    var count = 0
    while let line = input.line() {
      number += 1
      let match = firstMatch(in: line, request)
      guard (match != nil) != options.has("v") else { continue }
      count += 1
      if options.has("q") || options.has("l") { break }
      if isBrief { continue }
      if options.has("o") {
        parts(line, request) { show($0, number, label, request) }
      } else {
        show(line, number, label, request)
      }
    }
    if options.has("l"), count > 0 {
      say(bytes: label + [0x0a])
    } else if options.has("c"), !options.has("q") {
      if request.showsNames { say(bytes: label + [0x3a]) }
      say("\(count)\n")
    }
    return count
  }

  private static func show(
    _ line: [UInt8], _ number: Int, _ label: [UInt8], _ request: Request
  ) {
    if request.showsNames { say(bytes: label + [0x3a]) }
    if request.options.has("n") { say("\(number):") }
    say(bytes: line + [0x0a])
  }

  private static func firstMatch(
    in line: [UInt8], from start: Int = 0, _ request: Request
  ) -> RegularExpression.Match? {
    var best: RegularExpression.Match?
    for pattern in request.patterns {
      guard let match = pattern.firstMatch(in: line, from: start) else { continue }
      if let old = best, (old.start, -old.end) <= (match.start, -match.end) { continue }
      best = match
    }
    return best
  }

  /// -o: each part of the line that matches.
  private static func parts(_ line: [UInt8], _ request: Request, _ body: ([UInt8]) -> Void) {
    var start = 0
    while start <= line.count, let match = firstMatch(in: line, from: start, request) {
      if match.end > match.start { body(Array(line[match.start..<match.end])) }
      start = max(match.end, match.start + 1)
    }
  }
}
