import Emulator

extension Command {
  /// Commands that show code, registers and the stack.
  static let looking: [Command] = [
    Command(
      name: "where", aliases: ["w", "."], topic: .looking,
      help: "Show where the machine stands: instruction count, address, instruction, source."
    ) { monitor, _ throws(MonitorError) in monitor.whereLines().joined(separator: "\n") },
    Command(
      name: "registers", aliases: ["r", "regs"],
      arguments: "[general|system|segments|sse|x87|debug|msr|all]", topic: .looking,
      help: "Show registers: the general ones and flags, or a group.",
      completion: .words(RegisterGroup.allCases.map(\.rawValue) + ["all"])
    ) { monitor, text throws(MonitorError) in
      if text.isEmpty { return monitor.generalRegisters().joined(separator: "\n") }
      if text == "all" {
        return RegisterGroup.allCases.flatMap { monitor.registers($0) }.joined(separator: "\n")
      }
      guard let group = RegisterGroup(rawValue: text) else {
        let names = RegisterGroup.allCases.map(\.rawValue).joined(separator: ", ")
        throw MonitorError("the groups are \(names) and all, not `\(text)`")
      }
      return monitor.registers(group).joined(separator: "\n")
    },
    Command(
      name: "print", aliases: ["p", "?"], arguments: "EXPRESSION", topic: .looking,
      help: "Compute an expression. Registers ($rax), symbols, FILE:LINE, [ADDRESS:SIZE], "
        + "phys[ADDRESS:SIZE] and C's operators are understood.",
      completion: .symbols
    ) { monitor, text throws(MonitorError) in
      let value = try monitor.value(text)
      let name = monitor.symbols.name(value).map { " <\($0)>" } ?? ""
      let signed = Int64(bitPattern: value) < 0 ? " = \(Int64(bitPattern: value))" : ""
      return "\(value.hex) = \(value)\(signed)\(name)"
    },
    Command(
      name: "backtrace", aliases: ["bt"], arguments: "[COUNT]", topic: .looking,
      help: "Show the callers, through interrupts and changes of privilege. Frames are found by "
        + "the program's frame tables, or by frame pointers."
    ) { monitor, text throws(MonitorError) in
      let limit = text.isEmpty ? 64 : Int(clamping: try monitor.value(text))
      return Backtrace(
        monitor.machine, processor: monitor.processor, symbols: monitor.symbols,
        limit: max(1, limit)
      ).lines.joined(separator: "\n")
    },
    Command(
      name: "disassemble", aliases: ["dis", "disas"], arguments: "[ADDRESS [COUNT]]",
      topic: .looking,
      help: "Show instructions from an address on, or from the present one. An empty line goes on.",
      completion: .symbols, isRepeatable: true
    ) { monitor, text throws(MonitorError) in try monitor.disassemble(text) },
    Command(
      name: "list", aliases: ["l"], arguments: "[FILE:LINE|ADDRESS]", topic: .looking,
      help: "Show lines of the source around a place, where the host has the file. An empty line "
        + "goes on.",
      completion: .symbols, isRepeatable: true
    ) { monitor, text throws(MonitorError) in try monitor.list(text) },
    Command(
      name: "symbol", aliases: ["sym"], arguments: "ADDRESS|NAME", topic: .looking,
      help: "Show what is known of an address: symbol, source line, functions inlined there. With "
        + "a name, every symbol of that name.",
      completion: .symbols
    ) { monitor, text throws(MonitorError) in try monitor.symbol(text) },
  ]
}

/// Groups of registers that are shown together.
enum RegisterGroup: String, CaseIterable {
  case general
  case system
  case segments
  case sse
  case x87
  case debug
  case msr
}
