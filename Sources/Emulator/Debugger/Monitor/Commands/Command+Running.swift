import Emulator

extension Command {
  /// Commands that let the machine go on.
  static let running: [Command] = [
    Command(
      name: "continue", aliases: ["c", "go"], arguments: "[COUNT]", topic: .running,
      help: "Run until a breakpoint, or for COUNT instructions. Ctrl-A c, or Ctrl-C where the "
        + "monitor has the terminal, stops it.",
      isRepeatable: true
    ) { monitor, text throws(MonitorError) in
      let limit = text.isEmpty ? UInt64.max : try monitor.value(text)
      monitor.motion = Motion(direction: .forward, limit: limit)
      return ""
    },
    Command(
      name: "step", aliases: ["s", "si", "stepi"], arguments: "[COUNT]", topic: .running,
      help: "Execute one instruction, or COUNT. An iteration of a repeated string instruction is "
        + "one; an interrupt that is due then is delivered.",
      isRepeatable: true
    ) { monitor, text throws(MonitorError) in
      let count = text.isEmpty ? 1 : try monitor.value(text)
      return monitor.report(monitor.step(.forward, count))
    },
    Command(
      name: "next", aliases: ["n", "ni", "nexti"], arguments: "[COUNT]", topic: .running,
      help: "Execute one instruction, a call and a repeated string instruction as a whole. "
        + "Breakpoints on the way stop it.",
      isRepeatable: true
    ) { monitor, text throws(MonitorError) in
      try monitor.repeated(text) { () throws(MonitorError) in monitor.next() }
    },
    Command(
      name: "step-line", aliases: ["sl"], arguments: "[COUNT]", topic: .running,
      help: "Go on to another line of the source, also into a function. Without line tables it is "
        + "one instruction.",
      isRepeatable: true
    ) { monitor, text throws(MonitorError) in
      try monitor.repeated(text) { () throws(MonitorError) in monitor.line(entersCalls: true) }
    },
    Command(
      name: "next-line", aliases: ["nl"], arguments: "[COUNT]", topic: .running,
      help: "Go on to another line of the source, calls as a whole. Without line tables it is one "
        + "instruction.",
      isRepeatable: true
    ) { monitor, text throws(MonitorError) in
      try monitor.repeated(text) { () throws(MonitorError) in monitor.line(entersCalls: false) }
    },
    Command(
      name: "finish", aliases: ["fin"], topic: .running,
      help: "Run until the function returns to its caller, or a handler to what it interrupted. "
        + "The caller is the one that `backtrace` shows.",
      isRepeatable: true
    ) { monitor, _ throws(MonitorError) in
      let caller = try monitor.caller()
      let pointer = caller.stackPointer
      let isExact = caller.entry != nil
      let number = monitor.debuggee.add(
        monitor.temporary(caller.address) { machine in
          let value = machine.processor.cpu[.rsp]
          return isExact ? value == pointer : value >= pointer
        })
      monitor.motion = Motion(direction: .forward, temporaries: [number])
      return ""
    },
    Command(
      name: "until", aliases: ["u", "advance"], arguments: "[LOCATION [if CONDITION]]",
      topic: .running,
      help: "Run to a place: an address, a symbol or FILE:LINE. Without one, to the next "
        + "instruction in memory, as to the end of a loop.",
      completion: .symbols, isRepeatable: true
    ) { monitor, text throws(MonitorError) in
      monitor.motion = try monitor.untilMotion(.forward, text)
      return ""
    },
  ]

  /// The same backwards.
  static let reversing: [Command] = [
    Command(
      name: "reverse-continue", aliases: ["rc"], arguments: "[COUNT]", topic: .running,
      help: "Run backwards to the last breakpoint, for COUNT instructions, or to the beginning of "
        + "the recorded history.",
      isRepeatable: true
    ) { monitor, text throws(MonitorError) in
      let limit = text.isEmpty ? UInt64.max : try monitor.value(text)
      monitor.motion = Motion(direction: .backward, limit: limit)
      return ""
    },
    Command(
      name: "reverse-step", aliases: ["rs", "rsi", "reverse-stepi"], arguments: "[COUNT]",
      topic: .running, help: "Undo one instruction, or COUNT.", isRepeatable: true
    ) { monitor, text throws(MonitorError) in
      let count = text.isEmpty ? 1 : try monitor.value(text)
      return monitor.report(monitor.step(.backward, count))
    },
    Command(
      name: "reverse-next", aliases: ["rn", "rni", "reverse-nexti"], arguments: "[COUNT]",
      topic: .running, help: "Undo one instruction, a call as a whole.", isRepeatable: true
    ) { monitor, text throws(MonitorError) in
      try monitor.repeated(text) { () throws(MonitorError) in monitor.reverseNext() }
    },
    Command(
      name: "reverse-step-line", aliases: ["rsl"], arguments: "[COUNT]", topic: .running,
      help: "Go back to the beginning of the line of source before this one, also into a function.",
      isRepeatable: true
    ) { monitor, text throws(MonitorError) in
      try monitor.repeated(text) { () throws(MonitorError) in
        monitor.reverseLine(entersCalls: true)
      }
    },
    Command(
      name: "reverse-next-line", aliases: ["rnl"], arguments: "[COUNT]", topic: .running,
      help: "Go back to the beginning of the line of source before this one, calls as a whole.",
      isRepeatable: true
    ) { monitor, text throws(MonitorError) in
      try monitor.repeated(text) { () throws(MonitorError) in
        monitor.reverseLine(entersCalls: false)
      }
    },
    Command(
      name: "reverse-finish", aliases: ["rfin"], topic: .running,
      help: "Go back to the call of this function, or to where a handler interrupted.",
      isRepeatable: true
    ) { monitor, _ throws(MonitorError) in try monitor.reverseFinish() },
    Command(
      name: "reverse-until", aliases: ["ru"], arguments: "LOCATION [if CONDITION]",
      topic: .running, help: "Run backwards to a place.", completion: .symbols, isRepeatable: true
    ) { monitor, text throws(MonitorError) in
      guard !text.isEmpty else { throw MonitorError("reverse-until needs a place") }
      monitor.motion = try monitor.untilMotion(.backward, text)
      return ""
    },
  ]
}
