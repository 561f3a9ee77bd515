/// Programs that look into the kernel and change it while it runs; one file, many names.
import Apus

struct KernelTool {
  let name: StaticString
  let usage: StaticString
  let summary: StaticString
  /// As `Options` wants them; nil when words that begin with a dash are no options.
  var options: StaticString? = ""
  let run: ([[UInt8]]) throws(SystemError) -> Int32
}

@main
struct KernelTools: Program {
  private static var all: [KernelTool] {
    [
      KernelTool(
        name: "lsmod", usage: "lsmod", summary: "the modules that are loaded",
        run: ModuleTools.list),
      KernelTool(
        name: "insmod", usage: "insmod FILE [NAME=VALUE...]", summary: "loads a module's file",
        run: ModuleTools.insert),
      KernelTool(
        name: "modprobe", usage: "modprobe NAME [NAME=VALUE...]",
        summary: "loads a module and those that it needs", run: ModuleTools.probe),
      KernelTool(
        name: "rmmod", usage: "rmmod [-f] NAME...", summary: "removes modules", options: "f",
        run: ModuleTools.remove),
      KernelTool(
        name: "modinfo", usage: "modinfo NAME|FILE", summary: "what a module says of itself",
        run: ModuleTools.describe),
      KernelTool(
        name: "trace", usage: "trace [on [EVENT...]|off|clear|run COMMAND...]",
        summary: "what the kernel does, event by event", run: TraceTools.trace),
      KernelTool(
        name: "kprobe", usage: "kprobe [+FUNCTION|-FUNCTION...]",
        summary: "makes events of calls to functions of the kernel", options: nil,
        run: TraceTools.probe),
      KernelTool(
        name: "perf", usage: "perf [record] COMMAND...",
        summary: "where a command and the kernel spend their time", run: TraceTools.sample),
      KernelTool(
        name: "script", usage: "script [-t EVENT|-s|-d] EXPRESSION [COMMAND...]",
        summary: "gives the kernel an expression to filter events or system calls by",
        options: "t:sd", run: ScriptTools.run),
    ]
  }

  static func run(_ arguments: [[UInt8]]) -> Int32 {
    var arguments = arguments
    if lastPart(arguments.first ?? []).equals("ktools") {
      Usage.describe("ktools NAME [ARGUMENTS]", "looks into the kernel while it runs")
      arguments = Options(arguments, known: "", stopsAtOperand: true).operands
    }
    let name = lastPart(arguments.first ?? [])
    for tool in all where name.equals(tool.name) {
      Usage.describe(tool.usage, tool.summary)
      checkOptions(arguments, tool)
      do throws(SystemError) {
        let status = try tool.run(Array(arguments.dropFirst()))
        if status == 2 { complain("usage: \(tool.usage)") }
        return status
      } catch {
        complain("\(error.name)")
        return 1
      }
    }
    say("usage: ktools NAME ..., where NAME is one of\n")
    for tool in all { Usage.list(tool.usage, tool.summary, column: 36) }
    return 2
  }

  private static func checkOptions(_ arguments: [[UInt8]], _ tool: KernelTool) {
    if let known = tool.options {
      _ = Options(arguments, known: known, stopsAtOperand: true)
    } else if arguments.count > 1, arguments[1].starts(with: "--") {
      _ = Options(arguments, known: "")
    }
  }

  private static func lastPart(_ path: [UInt8]) -> [UInt8] {
    path.split(separator: 0x2f).last.map { Array($0) } ?? []
  }
}

/// A path of the kernel's, as bytes.
func path(_ text: StaticString) -> [UInt8] { [UInt8](text: text) }

/// Writes to a file of /proc.
func control(_ file: StaticString, _ bytes: [UInt8]) throws(SystemError) {
  let descriptor = try Descriptor.open(path(file), .writeOnly)
  defer { try? descriptor.close() }
  try descriptor.write(all: bytes)
}

/// Prints a file of /proc.
func show(_ file: StaticString) throws(SystemError) {
  say(bytes: try FileTree.contents(of: path(file)))
}
