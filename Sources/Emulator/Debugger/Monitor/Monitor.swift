import Emulator

/// The monitor: commands that look at a debugged machine and steer it.
///
/// `execute` takes a line and gives the text for it; the terminal, sockets, scripts, gdb and tests
/// all go through it.
public final class Monitor {
  /// The machine under control.
  public let debuggee: Debuggee
  /// What is known of the kernel by name.
  public let symbols: ProgramSymbols
  /// Whether somebody else runs the machine, who is told by `motion` that it is to run on.
  public var isAttached = false
  /// Whether the user asked for the end.
  public internal(set) var isQuitting = false
  /// Whether a run that takes long is to stop; asked between its slices.
  public var isInterrupted: () -> Bool = { false }

  /// How the machine is to run on; nil while it stands.
  var motion: Motion?
  /// The processor that is looked at, where that is not the one whose turn it is.
  var selected: Int?
  /// What breakpoints were made of.
  var labels: [BreakpointNumber: String] = [:]
  /// Snapshots by name.
  var savedStates: [String: Bookmark] = [:]
  /// The text of the last command that can be repeated, and where it went on.
  var lastLine = ""
  var continuation = Continuation()
  /// Scripts that are being read, so that none reads itself.
  var scriptDepth = 0
  /// Lines of scripts that are still to be done, where the machine runs meanwhile.
  var pendingLines: [String] = []

  /// Where the last listing stopped.
  struct Continuation {
    var examined: UInt64?
    var disassembled: UInt64?
    var listed: (path: String, line: Int)?
  }

  /// A moment with a name.
  struct Bookmark {
    var position: UInt64
    var place: String
  }

  /// Makes a monitor for a machine.
  public init(_ debuggee: Debuggee, symbols: ProgramSymbols) {
    self.debuggee = debuggee
    self.symbols = symbols
    debuggee.program = symbols
  }

  /// The machine.
  public var machine: Machine { debuggee.machine }

  /// The number of the processor that is looked at.
  var processorNumber: Int {
    if let selected, machine.processors.indices.contains(selected) { return selected }
    return machine.processors.firstIndex { $0 === machine.processor } ?? 0
  }

  /// The processor that is looked at.
  var processor: Processor { machine.processors[processorNumber] }

  /// Its registers.
  var cpu: CPU { processor.cpu }

  /// Memory as it maps it.
  var memory: LinearMemory { LinearMemory(machine, processor: processor) }

  /// Where it goes on.
  var instructionPointer: UInt64 { cpu.instructionPointer.value }

  // MARK: Commands

  /// Does what a line says, and gives the text for it, without a line feed at its end.
  public func execute(_ line: String) -> String {
    symbols.follow(cpu)
    let line = line.prefix { $0 != "\n" && $0 != "\r" }.trimmed
    guard !line.hasPrefix("#") else { return "" }
    let wanted = line.isEmpty ? lastLine : line
    guard !wanted.isEmpty else { return "" }
    var (name, arguments) = wanted.splitAtSpace
    if let slash = name.firstIndex(of: "/"), ["x", "xp"].contains(name[..<slash]) {
      arguments = name[slash...] + " " + arguments
      name = String(name[..<slash])
    }
    do throws(MonitorError) {
      let command = try CommandTable.command(named: name)
      lastLine = command.isRepeatable ? wanted : ""
      let isRepeated = line.isEmpty
      var text = try command.run(self, isRepeated ? repeated(command, arguments) : arguments)
      if let motion, !isAttached || motion.direction == .backward {
        text = [text, runToStop(motion)].filter { !$0.isEmpty }.joined(separator: "\n")
      }
      return text.last == "\n" ? String(text.dropLast()) : text
    } catch {
      motion = nil
      return "error: \(error.description)"
    }
  }

  /// What a listing goes on with when the line is repeated.
  private func repeated(_ command: Command, _ arguments: String) -> String {
    let format = arguments.hasPrefix("/") ? arguments.splitAtSpace.0 + " " : ""
    switch command.name {
    case "x", "xp": return continuation.examined.map { "\(format)\($0.hex)" } ?? arguments
    case "disassemble": return continuation.disassembled.map(\.hex) ?? arguments
    case "list": return ""
    default: return arguments
    }
  }

  /// The value of an expression now.
  func value(_ text: some StringProtocol) throws(MonitorError) -> UInt64 {
    try ExpressionParser.parse(text, symbols).value(machine, processor)
  }

  /// An expression as a condition; what cannot be computed does not hold.
  func condition(_ text: some StringProtocol) throws(MonitorError) -> (Machine) -> Bool {
    let expression = try ExpressionParser.parse(text, symbols)
    return { machine in
      let value = try? expression.value(machine, machine.processor)
      return value.map { $0 != 0 } ?? false
    }
  }

  /// An address with what is known of it.
  func describe(_ address: UInt64) -> String { symbols.describe(address) }
}

extension StringProtocol {
  /// Without spaces at either end.
  var trimmed: String {
    var rest = self[...]
    while let first = rest.first, first.isWhitespace { rest.removeFirst() }
    while let last = rest.last, last.isWhitespace { rest.removeLast() }
    return String(rest)
  }

  /// The first word, and what follows it.
  var splitAtSpace: (String, String) {
    let head = prefix { !$0.isWhitespace }
    return (String(head), self[head.endIndex...].trimmed)
  }
}
