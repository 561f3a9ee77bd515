/// Programs that look into the kernel and change it while it runs; one file, many names.
import Apus

struct KernelTool {
  let name: StaticString
  let usage: StaticString
  let run: ([[UInt8]]) throws(SystemError) -> Int32
}

@main
struct KernelTools: Program {
  private static var all: [KernelTool] {
    [
      KernelTool(name: "lsmod", usage: "lsmod", run: ModuleTools.list),
      KernelTool(name: "insmod", usage: "insmod FILE [NAME=VALUE...]", run: ModuleTools.insert),
      KernelTool(name: "modprobe", usage: "modprobe NAME [NAME=VALUE...]", run: ModuleTools.probe),
      KernelTool(name: "rmmod", usage: "rmmod [-f] NAME", run: ModuleTools.remove),
      KernelTool(name: "modinfo", usage: "modinfo NAME|FILE", run: ModuleTools.describe),
      KernelTool(
        name: "trace", usage: "trace [on [EVENT...]|off|clear|run COMMAND...]",
        run: TraceTools.trace),
      KernelTool(name: "kprobe", usage: "kprobe [+FUNCTION|-FUNCTION...]", run: TraceTools.probe),
      KernelTool(name: "perf", usage: "perf [record] COMMAND...", run: TraceTools.sample),
      KernelTool(
        name: "script", usage: "script [-t EVENT|-s|-d] EXPRESSION [COMMAND...]",
        run: ScriptTools.run),
    ]
  }

  static func run(_ arguments: [[UInt8]]) -> Int32 {
    var arguments = arguments
    if lastPart(arguments.first ?? []).equals("ktools") { arguments.removeFirst() }
    let name = lastPart(arguments.first ?? [])
    for tool in all where name.equals(tool.name) {
      if arguments.count == 2, arguments[1].equals("--help") {
        say("usage: \(tool.usage)\n")
        return 0
      }
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
    for tool in all { say("  \(tool.usage)\n") }
    return 2
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
