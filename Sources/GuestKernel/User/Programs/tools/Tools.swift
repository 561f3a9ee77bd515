/// The small programs, all in one file: it does what the name it was started by says.
///
/// Each alone would carry its own copy of the library, some 10 KB; /bin has a link per name instead.
import Apus

struct Tool {
  let name: StaticString
  let usage: StaticString
  let summary: StaticString
  /// Words that begin with a dash are no options.
  var takesWords = false
  /// Takes the arguments, the name first; returns the exit code.
  let run: ([[UInt8]]) -> Int32
}

@main
struct Tools: Program {
  static func run(_ arguments: [[UInt8]]) -> Int32 {
    var arguments = arguments
    guard let first = arguments.first else { return 127 }
    if first.lastPathPart.equals("tools") {
      Usage.describe("tools [NAME [ARGUMENTS]]", "what the programs named here have in common")
      arguments = Options(arguments, known: "", stopsAtOperand: true).operands
      guard !arguments.isEmpty else {
        list()
        return 0
      }
    }
    let name = arguments[0].lastPathPart
    for tool in all where name.equals(tool.name) {
      Usage.describe(tool.usage, tool.summary)
      if arguments.count > 1, arguments[1].equals("--help") { Usage.show() }
      let hasArguments = [UInt8](text: tool.usage).contains(0x20)
      if !hasArguments, !tool.takesWords {
        _ = Options(arguments, known: "", operands: 0...0)
      }
      return tool.run(arguments)
    }
    complain("\(text: name): no tool of that name")
    return 127
  }

  static var all: [Tool] {
    textTools + selectionTools + fileTools + processTools + systemTools + logicTools + initTools
      + schedulingTools + nodeTools + terminalTools
  }

  private static func list() {
    for tool in all { Usage.list(tool.usage, tool.summary, column: 36) }
  }
}

/// Calls `body` for each operand's file, or for standard input when there are none (or for `-`).
///
/// Returns 1 when one of them could not be read.
func forEachInput(
  _ operands: [[UInt8]], isQuiet: Bool = false, _ body: (inout Input, [UInt8]) -> Void
) -> Int32 {
  var code: Int32 = 0
  for name in operands.isEmpty ? [[UInt8](text: "-")] : operands {
    var input = Input(.input)
    if !name.equals("-") {
      do throws(SystemError) {
        input = Input(try Descriptor.open(name))
      } catch {
        if !isQuiet { complain("\(text: name): \(error.name)") }
        code = 1
        continue
      }
    }
    body(&input, name)
    if let error = input.error {
      if !isQuiet { complain("\(text: name): \(error.name)") }
      code = 1
    }
    input.close()
  }
  return code
}

/// Does something for each operand; an error is said and makes the result 1.
func forEachOperand(
  _ operands: [[UInt8]], _ body: ([UInt8]) throws(SystemError) -> Void
) -> Int32 {
  var code: Int32 = 0
  for operand in operands {
    do throws(SystemError) {
      try body(operand)
    } catch {
      complain("\(text: operand): \(error.name)")
      code = 1
    }
  }
  return code
}

/// The directory's path with a name in it.
func path(_ directory: [UInt8], _ name: [UInt8]) -> [UInt8] {
  directory.last == 0x2f ? directory + name : directory + [0x2f] + name
}
