/// Programs for scripts: truth, numbers, and words.
import Apus

let logicTools: [Tool] = [
  Tool(name: "true", usage: "true", summary: "succeeds", takesWords: true) { _ in 0 },
  Tool(name: "false", usage: "false", summary: "fails", takesWords: true) { _ in 1 },
  Tool(
    name: "echo", usage: "echo [-ne] WORDS", summary: "prints them", run: SharedCommands.echo),
  Tool(name: "printf", usage: "printf FORMAT [WORDS]", summary: "prints them in a form") {
    guard let code = SharedCommands.printf($0) else { Usage.refuse("the format is missing") }
    return code
  },
  Tool(name: "yes", usage: "yes [WORDS]", summary: "prints them until nobody reads") { arguments in
    var words = Array(arguments.dropFirst())
    if words.isEmpty { words = [[0x79]] }
    let line = Array(words.joined(separator: [0x20])) + [0x0a]
    while true { say(bytes: line) }
  },
  Tool(name: "seq", usage: "seq [FIRST [STEP]] LAST", summary: "counts", run: seq),
  Tool(
    name: "test", usage: "test EXPRESSION", summary: "whether it is true; so does [",
    run: SharedCommands.test),
  Tool(
    name: "[", usage: "[ EXPRESSION ]", summary: "whether it is true", run: SharedCommands.test),
  Tool(name: "expr", usage: "expr EXPRESSION", summary: "computes") { arguments in
    let text = Array(arguments.dropFirst().joined(separator: [0x20]))
    do throws(ShellSyntaxError) {
      let value = try Arithmetic.value(of: text, ShellContext())
      say("\(value)\n")
      return value == 0 ? 1 : 0
    } catch {
      complain("\(error.message)")
      return 2
    }
  },
]

private func seq(_ arguments: [[UInt8]]) -> Int32 {
  let numbers = arguments.dropFirst().map { $0.signedDecimal }
  guard (1...3).contains(numbers.count), let last = numbers.last.flatMap({ $0 }) else {
    fail("usage: seq [FIRST [STEP]] LAST", code: 2)
  }
  let first = numbers.count > 1 ? numbers[0] : 1
  let step = numbers.count > 2 ? numbers[1] : 1
  guard let first, let step, step != 0 else { fail("usage: seq [FIRST [STEP]] LAST", code: 2) }
  for number in stride(from: first, through: last, by: step) { say("\(number)\n") }
  return 0
}
