import Emulator

/// The first difference between a trace and a run.
public struct Divergence: Equatable, Sendable {
  /// What differs.
  public enum Kind: String, Sendable {
    /// An event is another one.
    case event = "another event"
    /// The run has an event that the trace has not.
    case extraEvent = "an event more"
    /// The trace has an event that the run has not.
    case missingEvent = "an event missing"
    /// An interrupt comes at another moment.
    case timing = "interrupt timing"
    /// A device answers something else.
    case device = "a device's answer"
    /// Execution goes elsewhere.
    case controlFlow = "control flow"
    /// A register has another value.
    case data = "registers"
    /// Something else is stored.
    case memory = "memory"
    /// The registers differ somewhere in an interval.
    case digest = "registers, somewhere in an interval"
    /// The run ends otherwise.
    case end = "the end of the run"
  }

  /// What differs.
  public var kind: Kind
  /// The instruction count at which it shows: that of the boundary behind the instruction.
  public var position: UInt64
  /// The processor.
  public var processor = 0
  /// Linear address of the instruction of the run, where one is to blame.
  public var address: UInt64?
  /// What the trace has.
  public var expected: String
  /// What the run has.
  public var actual: String
  /// The last events before it.
  public var before: [String] = []
}

/// Says how a run differs from its trace.
public struct DivergenceReport {
  /// The lines.
  public var lines: [String]
  /// The lines with their line feeds.
  public var text: String { lines.map { $0 + "\n" }.joined() }

  /// Describes a divergence.
  ///
  /// - Parameters:
  ///   - divergence: What differs.
  ///   - name: The trace's file.
  ///   - input: What came from outside.
  ///   - make: Makes the machine of the run anew.
  public init(
    _ divergence: Divergence, name: String, input: InputLog, make: () throws -> Machine
  ) {
    var lines = [
      "\(name): the run diverges at instruction \(divergence.position), on processor "
        + "\(divergence.processor): \(divergence.kind.rawValue)"
    ]
    let machine = try? make()
    if let machine {
      machine.replay(input)
      if divergence.position > 1 { _ = machine.run(limit: divergence.position - 1) }
      lines += Self.place(divergence, machine)
    }
    lines.append("  expected  \(divergence.expected)")
    lines.append("  got       \(divergence.actual)")
    if !divergence.before.isEmpty {
      lines.append("events before it:")
      lines += divergence.before.map { "  " + $0 }
    }
    if let machine { lines += Self.calls(machine) }
    lines.append("to go there: emu replay --to \(divergence.position &- 1) \(name)")
    self.lines = lines
  }

  /// The instruction with its symbol, source line, bytes and text.
  private static func place(
    _ divergence: Divergence, _ machine: Machine
  ) -> [String] {
    guard let address = divergence.address else { return [] }
    let symbols = ProgramSymbols(machine.image?.elf)
    symbols.place(ImageSlide.find(in: machine))
    let place = "  at " + symbols.describe(address)
    guard machine.processors.indices.contains(divergence.processor) else { return [place] }
    let cpu = machine.processors[divergence.processor].cpu
    var bytes: [UInt8] = []
    for offset in 0..<15 {
      guard
        let byte = machine.peek(cpu, linear: address &+ UInt64(offset), count: 1)
      else { break }
      bytes.append(UInt8(truncatingIfNeeded: byte))
    }
    guard let line = Disassembler(mode: cpu.mode).line(bytes[...], at: address) else {
      return [place]
    }
    let digits = bytes.prefix(line.length).map { UInt64($0).hex(digits: 2) }
    return [place, "     \(digits.joined(separator: " "))   \(line.text)"]
  }

  /// The backtrace there, as a diagnosis has it.
  private static func calls(_ machine: Machine) -> [String] {
    let lines = machine.diagnosis(of: .stopped).lines
    guard let start = lines.firstIndex(where: { $0.hasPrefix("backtrace") }) else { return [] }
    let rest = lines[(start + 1)...].prefix { $0.hasPrefix("  ") }
    return [lines[start]] + rest.prefix(8)
  }
}
