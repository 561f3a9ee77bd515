import Emulator

/// Names a breakpoint or watchpoint of the client: what Z and z packets repeat.
struct PointKey: Hashable {
  /// 0 and 1: execution; 2, 3 and 4: write, read, access.
  var type: UInt64
  var address: UInt64
  /// Bytes that are watched; for execution nothing that matters.
  var size: UInt64

  var watchKind: Watchpoint.Kind? {
    switch type {
    case 2: .write
    case 3: .read
    case 4: .readOrWrite
    default: nil
    }
  }

  /// What a stop reply calls it.
  var stopName: String {
    switch type {
    case 0: "swbreak"
    case 1: "hwbreak"
    case 2: "watch"
    case 3: "rwatch"
    default: "awatch"
    }
  }
}

/// What became of a Z packet.
struct InsertedPoint {
  var number: BreakpointNumber
}

/// Breakpoints and watchpoints.
extension GDBServer {
  /// Z.
  func insertPoint(_ reader: PacketReader) {
    var reader = reader
    guard let key = pointKey(&reader) else { return reply(.invalidArgument) }
    guard key.type <= 4 else { return reply("") }
    guard let expressions = expressions(&reader) else { return reply(.invalidArgument) }
    guard key.watchKind == nil || (1...0x1000).contains(key.size) else {
      return reply(.invalidArgument)
    }
    // GDB inserts a breakpoint anew to change its conditions.
    removePoint(key)
    var breakpoint = Breakpoint(trigger(key))
    if !expressions.conditions.isEmpty || !expressions.commands.isEmpty {
      breakpoint.condition = condition(expressions.conditions, expressions.commands)
    }
    points[key] = InsertedPoint(number: debuggee.add(breakpoint))
    reply("OK")
  }

  /// z.
  func removePoint(_ reader: PacketReader) {
    var reader = reader
    guard let key = pointKey(&reader) else { return reply(.invalidArgument) }
    guard key.type <= 4 else { return reply("") }
    removePoint(key)
    reply("OK")
  }

  private func removePoint(_ key: PointKey) {
    guard let point = points.removeValue(forKey: key) else { return }
    _ = debuggee.remove(point.number)
  }

  func removeAllPoints() {
    for key in Array(points.keys) { removePoint(key) }
  }

  /// The client's point with one of these numbers; a breakpoint before a watchpoint.
  func point(numbered numbers: [BreakpointNumber]) -> PointKey? {
    points.filter { numbers.contains($0.value.number) }.keys.min { $0.type < $1.type }
  }

  private func pointKey(_ reader: inout PacketReader) -> PointKey? {
    guard let type = reader.number(), reader.take(","), let address = reader.number(),
      reader.take(","), let size = reader.number()
    else { return nil }
    return PointKey(type: type, address: address, size: type < 2 ? 1 : size)
  }

  private func trigger(_ key: PointKey) -> Breakpoint.Trigger {
    guard let kind = key.watchKind else { return .execution(LinearAddress(key.address)) }
    return .access(
      Watchpoint(
        address: key.address, count: key.size, kind: kind, isPhysical: accessesPhysicalMemory))
  }

  // MARK: Agent expressions

  private typealias Expressions = (conditions: [AgentExpression], commands: [AgentExpression])

  /// Reads `;X LENGTH,BYTES...` and `;cmds:PERSIST,X LENGTH,BYTES...`.
  private func expressions(_ reader: inout PacketReader) -> Expressions? {
    var result: Expressions = ([], [])
    var isCommand = false
    while !reader.isAtEnd {
      if reader.take(";") {
        if reader.take("cmds:") {
          isCommand = true
          guard reader.number() != nil, reader.take(",") else { return nil }
        }
        continue
      }
      guard reader.take("X"), let count = reader.count(), reader.take(","), count <= 0x8000,
        let digits = reader.bytes(count * 2), let code = HexDigits.decode(digits)
      else { return nil }
      if isCommand {
        result.commands.append(AgentExpression(code))
      } else {
        result.conditions.append(AgentExpression(code))
      }
    }
    return result
  }

  /// Answers whether to stop: if any condition holds, or has no value, and there are no commands,
  /// which are executed instead.
  private func condition(
    _ conditions: [AgentExpression], _ commands: [AgentExpression]
  ) -> (Machine) -> Bool {
    let environment = MachineEnvironment(
      RegisterFile(machine, processor: 0), registers: layout.fields.map(\.register),
      variables: variables, output: { [unowned self] in printed($0) })
    return { machine in
      environment.file = RegisterFile(cpu: machine.processor.cpu, memory: machine.memory)
      func holds(_ expression: AgentExpression) -> Bool {
        do throws(AgentError) {
          return try expression.evaluate(in: environment) != 0
        } catch {
          return true
        }
      }
      guard conditions.isEmpty || conditions.contains(where: holds) else { return false }
      guard !commands.isEmpty else { return true }
      for command in commands {
        do throws(AgentError) {
          _ = try command.evaluate(in: environment)
        } catch {
          return true
        }
      }
      return false
    }
  }

  /// Shows what a command of a breakpoint printed, but not again while looking for a stop backwards.
  private func printed(_ text: String) {
    if plan != .resume(.backward) { show(text) }
  }
}

/// Trace state variables.
final class AgentVariables {
  private var values: [Int: UInt64] = [:]

  subscript(number: Int) -> UInt64 {
    get { values[number] ?? 0 }
    set { values[number] = newValue }
  }
}

/// What an agent expression sees of a machine: the processor whose turn it is.
final class MachineEnvironment: AgentEnvironment {
  var file: RegisterFile
  private let registers: [GuestRegister]
  private let variables: AgentVariables
  private let output: (String) -> Void

  init(
    _ file: RegisterFile, registers: [GuestRegister], variables: AgentVariables,
    output: @escaping (String) -> Void
  ) {
    self.file = file
    self.registers = registers
    self.variables = variables
    self.output = output
  }

  func register(_ number: Int) -> UInt64? {
    registers.indices.contains(number) ? file.readNumber(registers[number]) : nil
  }

  func load(_ address: UInt64, size: Int) -> UInt64? {
    GuestMemoryView(cpu: file.cpu, memory: file.memory).load(address, size: size)
  }

  func variable(_ number: Int) -> UInt64 { variables[number] }
  func setVariable(_ number: Int, _ value: UInt64) { variables[number] = value }
  func show(_ text: String) { output(text) }
}
