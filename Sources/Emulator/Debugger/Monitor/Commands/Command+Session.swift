import Emulator

extension Command {
  /// Commands about the monitor itself.
  static let session: [Command] = [
    Command(
      name: "cpu", aliases: ["thread"], arguments: "[NUMBER]", topic: .session,
      help: "List the processors; with a number, look at that one until the machine runs on."
    ) { monitor, text throws(MonitorError) in
      if !text.isEmpty {
        let number = try monitor.value(text)
        guard number < UInt64(monitor.machine.processors.count) else {
          throw MonitorError("there is no processor \(number)")
        }
        monitor.selected = Int(number)
      }
      return monitor.processorList()
    },
    Command(
      name: "diagnose", aliases: ["why"], topic: .session,
      help:
        "Explain the present state as at a bad end: the chain of exceptions, the page walk, the "
        + "backtrace, likely causes."
    ) { monitor, _ throws(MonitorError) in
      var reason = StopReason.stopped
      if case .machine(let found)? = monitor.debuggee.lastStop?.cause { reason = found }
      let hang = monitor.debuggee.hang
      return monitor.machine.diagnosis(
        of: reason, symbols: monitor.symbols, debuggee: hang == nil ? nil : monitor.debuggee,
        hang: hang
      ).text
    },
    Command(
      name: "echo", arguments: "TEXT", topic: .session, help: "Print a text; for scripts."
    ) { _, text throws(MonitorError) in text },
    Command(
      name: "source", aliases: ["script"], arguments: "FILE", topic: .session,
      help: "Do what the lines of a file say. Lines that begin with # are comments.",
      completion: .files
    ) { monitor, text throws(MonitorError) in try monitor.source(text) },
    Command(
      name: "type", arguments: "TEXT", topic: .session,
      help: "Type a line on the guest's console."
    ) { monitor, text throws(MonitorError) in
      guard !monitor.debuggee.isReplaying else {
        throw MonitorError("this is the past, where nothing can be typed; `goto end` first")
      }
      monitor.machine.console.send(Array(text.utf8) + [10])
      return ""
    },
    Command(
      name: "quit", aliases: ["q", "exit"], topic: .session, help: "End the session."
    ) { monitor, _ throws(MonitorError) in
      monitor.isQuitting = true
      return ""
    },
    Command(
      name: "help", aliases: ["h"], arguments: "[COMMAND]", topic: .session,
      help: "List the commands, or explain one. A beginning that only one command has is enough.",
      completion: .commands
    ) { _, text throws(MonitorError) in try help(text) },
  ]

  private static func help(_ text: String) throws(MonitorError) -> String {
    guard !text.isEmpty else {
      return Topic.allCases.flatMap { topic in
        ["\(topic.rawValue):"]
          + CommandTable.all.filter { $0.topic == topic }.map {
            "  \(([$0.name] + $0.aliases.prefix(1)).joined(separator: ", ").padded(26))\($0.summary)"
          }
      }.joined(separator: "\n")
    }
    let command = try CommandTable.command(named: text)
    let names = ([command.name] + command.aliases).joined(separator: ", ")
    return "\(names) \(command.arguments)".trimmed + "\n" + command.help
  }
}

extension Monitor {
  /// A line for each processor.
  func processorList() -> String {
    machine.processors.enumerated().map { number, processor in
      let cpu = processor.cpu
      let mark = number == processorNumber ? ">" : " "
      let activity =
        switch Activity(rawValue: cpu.state.pointee.activity) {
        case .running, nil: "runs"
        case .halted: "halted"
        case .monitorWait: "waits for a store"
        case .shutdown: "shut down"
        case .waitForSIPI: "was not started"
        }
      return
        "\(mark)\(number)  \(activity), CPL \(cpu.cpl), \(describe(cpu.instructionPointer.value))"
    }.joined(separator: "\n")
  }

  /// Does what a script says; the rest waits where the machine runs meanwhile.
  func source(_ path: String) throws(MonitorError) -> String {
    guard scriptDepth < 8 else { throw MonitorError("scripts are nested too deeply") }
    let bytes: [UInt8]
    do {
      bytes = try HostFile.read(path)
    } catch {
      throw MonitorError(error.description)
    }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    scriptDepth += 1
    defer { scriptDepth -= 1 }
    return run(lines: lines)
  }

  /// Does lines one after another until one asks the machine to run on in somebody else's hands.
  public func run(lines: [String]) -> String {
    var output: [String] = []
    for (index, line) in lines.enumerated() {
      if isQuitting { break }
      let text = execute(line)
      if !text.isEmpty { output.append(text) }
      if motion != nil {
        pendingLines = Array(lines[(index + 1)...]) + pendingLines
        break
      }
    }
    return output.joined(separator: "\n")
  }
}
