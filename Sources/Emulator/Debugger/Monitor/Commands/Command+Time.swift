import Emulator

extension Command {
  /// Commands about the recorded history.
  static let time: [Command] = [
    Command(
      name: "when", topic: .time,
      help: "Show the instruction count, the virtual time, and how far history is recorded."
    ) { monitor, _ throws(MonitorError) in
      let history = monitor.debuggee.history
      let nanoseconds = monitor.machine.now
      var lines = [
        "instruction \(monitor.debuggee.position), \(nanoseconds) ns of virtual time",
        "history reaches from \(history.lowerBound) to \(history.upperBound)"
          + (monitor.debuggee.isReplaying ? "; this is the past" : ""),
      ]
      if let end = monitor.debuggee.checksEnd {
        lines.append("the checks ended at \(end), where the past was changed")
      }
      if let divergence = monitor.debuggee.divergence {
        lines.append("the replay differed from the first execution before \(divergence)")
      }
      return lines.joined(separator: "\n")
    },
    Command(
      name: "goto", arguments: "COUNT|start|end|NAME", topic: .time,
      help: "Go to an instruction count, forwards or backwards, past breakpoints; to the beginning "
        + "or end of history, or to what `save` kept. +COUNT and -COUNT are relative.",
      completion: .words(["start", "end"])
    ) { monitor, text throws(MonitorError) in
      let target: UInt64
      let here = monitor.debuggee.position
      switch text {
      case "": throw MonitorError("goto needs an instruction count")
      case "start": target = monitor.debuggee.history.lowerBound
      case "end": target = monitor.debuggee.history.upperBound
      default:
        if let saved = monitor.savedStates[text] {
          target = saved.position
        } else if text.hasPrefix("+") {
          target = here.addingClamped(try monitor.value(text.dropFirst()))
        } else if text.hasPrefix("-") {
          target = here - min(here, try monitor.value(text.dropFirst()))
        } else {
          target = try monitor.value(text)
        }
      }
      return monitor.report(monitor.go(to: target))
    },
    Command(
      name: "last-write", aliases: ["lw"], arguments: "[phys] ADDRESS [SIZE]", topic: .time,
      help: "Find the last write to memory before now: which instruction, when. The machine stays "
        + "where it is; `goto` goes there.",
      completion: .symbols
    ) { monitor, text throws(MonitorError) in try monitor.lastWrite(text) },
    Command(
      name: "history", aliases: ["hist"], arguments: "[COUNT]", topic: .time,
      help:
        "Show the last exceptions and interrupts, then the last branches and instructions, COUNT "
        + "of them. They are found by executing the last stretch again."
    ) { monitor, text throws(MonitorError) in
      let count = text.isEmpty ? 16 : Int(clamping: min(try monitor.value(text), 10_000))
      return monitor.history(count).joined(separator: "\n")
    },
    Command(
      name: "save", arguments: "[NAME]", topic: .time,
      help: "Give the present moment a name for `restore` and `goto`; without a name, list those "
        + "there are."
    ) { monitor, text throws(MonitorError) in
      guard !text.isEmpty else {
        let names = monitor.savedStates.sorted { $0.value.position < $1.value.position }
        return names.map { "\($0.key): \($0.value.position), \($0.value.place)" }.joined(
          separator: "\n")
      }
      monitor.savedStates[text] = Monitor.Bookmark(
        position: monitor.debuggee.position, place: monitor.describe(monitor.instructionPointer))
      return ""
    },
    Command(
      name: "restore", arguments: "NAME", topic: .time,
      help: "Go to the moment that `save` gave a name."
    ) { monitor, text throws(MonitorError) in
      guard let saved = monitor.savedStates[text] else {
        throw MonitorError("nothing was saved as `\(text)`")
      }
      return monitor.report(monitor.go(to: saved.position))
    },
  ]
}
