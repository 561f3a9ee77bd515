import Emulator

/// The last instructions before the present, found by executing them again.
///
/// The machine is where it was afterwards.
public struct RecentExecution {
  /// One instruction.
  public struct Step: Equatable, Sendable {
    /// The machine's instruction count before it.
    public var position: UInt64
    /// Its linear address.
    public var address: UInt64
    /// The number of the processor.
    public var processor: Int
  }

  /// A step that did not go on to the next instruction in memory.
  public struct Branch: Equatable, Sendable {
    /// The machine's instruction count before it.
    public var position: UInt64
    /// Where from.
    public var source: UInt64
    /// Where to.
    public var target: UInt64
  }

  /// The instructions, oldest first.
  public private(set) var steps: [Step] = []
  /// The branches among them, oldest first.
  public private(set) var branches: [Branch] = []

  /// The most instructions that are executed again.
  private static let most: UInt64 = 20_000

  /// Executes the last instructions again, as many as `limit` or as history has.
  public init(_ debuggee: Debuggee, limit: UInt64) {
    let machine = debuggee.machine
    let end = debuggee.position
    let start = max(
      debuggee.history.lowerBound, end - min(min(limit, Self.most), end))
    guard start < end else { return }
    _ = debuggee.go(to: start)
    while debuggee.position < end {
      let position = debuggee.position
      let cpu = machine.processor.cpu
      let address = cpu.instructionPointer.value
      let number = machine.processors.firstIndex { $0 === machine.processor } ?? 0
      let length = Self.length(machine, cpu, address)
      steps.append(Step(position: position, address: address, processor: number))
      guard debuggee.go(to: position + 1).cause == .arrived, debuggee.position > position else {
        break
      }
      guard machine.processor.cpu.state == cpu.state else { continue }
      let next = machine.processor.cpu.instructionPointer.value
      if next != address &+ length, next != address {
        branches.append(Branch(position: position, source: address, target: next))
      }
    }
    if debuggee.position != end { _ = debuggee.go(to: end) }
  }

  private static func length(_ machine: Machine, _ cpu: CPU, _ address: UInt64) -> UInt64 {
    let bytes = LinearMemory(machine).readable(address, count: 15)
    return UInt64(Disassembler(mode: cpu.mode).line(bytes[...], at: address)?.length ?? 0)
  }
}
