import Emulator

extension Command {
  /// Commands that say where to stop.
  static let breakpoints: [Command] = [
    Command(
      name: "break", aliases: ["b"], arguments: "WHERE [if CONDITION] [in CR3] [cpu N]",
      topic: .stopping,
      help: "Stop at a place or an event. WHERE is an address, a symbol, FILE:LINE, `vector N[-M]` "
        + "(also by name, as #PF), `mode` (a change of operating mode), `cpl` (of privilege), "
        + "`cr3` (of address space) or `port N[-M]`; without it, the present address. CONDITION is "
        + "an expression; `in CR3` counts only in that address space. Functions of Swift and C++ are "
        + "named by the end of their path, as `Scheduler.schedule`, if need be with labels, as "
        + "`read(_:into:)`; all copies of one count.",
      completion: .symbols
    ) { monitor, text throws(MonitorError) in try monitor.addBreakpoints(text, isTemporary: false)
    },
    Command(
      name: "tbreak", aliases: ["tb"], arguments: "WHERE [if CONDITION] [in CR3] [cpu N]",
      topic: .stopping, help: "Stop as `break` does, once.", completion: .symbols
    ) { monitor, text throws(MonitorError) in try monitor.addBreakpoints(text, isTemporary: true) },
    watch("watch", .write, "Stop behind an instruction that writes to memory."),
    watch("rwatch", .read, "Stop behind an instruction that reads memory."),
    watch("awatch", .readOrWrite, "Stop behind an instruction that reads or writes memory."),
    Command(
      name: "delete", aliases: ["d"], arguments: "[NUMBER...]", topic: .stopping,
      help: "Remove breakpoints; all of them without a number."
    ) { monitor, text throws(MonitorError) in
      for number in try monitor.breakpointNumbers(text) {
        monitor.debuggee.remove(number)
        monitor.labels[number] = nil
      }
      return ""
    },
    Command(
      name: "enable", arguments: "[NUMBER...]", topic: .stopping,
      help: "Let breakpoints count again; all of them without a number."
    ) { monitor, text throws(MonitorError) in
      for number in try monitor.breakpointNumbers(text) {
        monitor.debuggee.change(number) { $0.isEnabled = true }
      }
      return ""
    },
    Command(
      name: "disable", arguments: "[NUMBER...]", topic: .stopping,
      help: "Keep breakpoints, but let them not count; all of them without a number."
    ) { monitor, text throws(MonitorError) in
      for number in try monitor.breakpointNumbers(text) {
        monitor.debuggee.change(number) { $0.isEnabled = false }
      }
      return ""
    },
    Command(
      name: "ignore", arguments: "NUMBER COUNT", topic: .stopping,
      help: "Pass a breakpoint COUNT times before it counts."
    ) { monitor, text throws(MonitorError) in
      let (first, second) = text.splitAtSpace
      let count = try monitor.value(second)
      for number in try monitor.breakpointNumbers(first) {
        monitor.debuggee.change(number) { $0.ignoreCount = count }
      }
      return ""
    },
    Command(
      name: "info", aliases: ["i"], arguments: "[break|registers|sources]", topic: .stopping,
      help: "List breakpoints with how often they were met. `info registers` and `info sources` "
        + "list those.",
      completion: .words(["break", "registers", "sources"])
    ) { monitor, text throws(MonitorError) in
      if text.hasPrefix("r") { return monitor.generalRegisters().joined(separator: "\n") }
      if text.hasPrefix("s") {
        return (monitor.symbols.debugFile?.sourceFiles ?? []).joined(separator: "\n")
      }
      return monitor.breakpointList()
    },
  ]

  private static func watch(
    _ name: String, _ kind: Watchpoint.Kind, _ help: String
  ) -> Command {
    Command(
      name: name, arguments: "[phys] ADDRESS [SIZE] [if CONDITION] [in CR3] [cpu N]",
      topic: .stopping,
      help: help
        + " ADDRESS is linear, or physical after `phys`, and then whatever mapping is used "
        + "counts. SIZE is that of the symbol, or 8.",
      completion: .symbols
    ) { monitor, text throws(MonitorError) in try monitor.addWatchpoint(text, kind) }
  }
}
