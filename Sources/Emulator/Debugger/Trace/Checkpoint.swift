import Emulator

extension Trace {
  /// A snapshot of the recorded machine, so that a replay near its end need not begin at the start.
  public struct Checkpoint: Equatable, Sendable {
    /// How many instructions had retired.
    public let instructionCount: UInt64
    private let snapshot: [UInt8]

    /// Takes the state of a machine.
    public init(_ machine: Machine) throws {
      instructionCount = machine.instructionCount
      snapshot = try SnapshotFile.bytes(of: machine)
    }

    /// Reads what `bytes` gave.
    init?(bytes: [UInt8]) {
      var reader = ByteReader(bytes)
      guard let count = reader.quadword() else { return nil }
      instructionCount = count
      snapshot = Array(bytes.dropFirst(8))
    }

    /// The count, and the content of a snapshot's file.
    var bytes: [UInt8] {
      var writer = ByteWriter()
      writer.write(quadword: instructionCount)
      return writer.bytes + snapshot
    }

    /// Puts a machine there that was just made, with what is still to come of the input.
    func restore(_ machine: Machine, input: InputLog) throws {
      try SnapshotFile.restore(machine, bytes: snapshot, name: "the trace's checkpoint")
      var rest = InputLog()
      for entry in input.entries.dropFirst(machine.inputLog.entries.count) { rest.append(entry) }
      machine.replay(rest)
    }
  }

  /// Makes a machine of the recorded run that has executed so many instructions, or has ended before.
  ///
  /// - Returns: The machine, how it stopped, and how many instructions had to be executed for it.
  public func machine(
    at position: UInt64, make: () throws -> Machine
  ) throws -> (machine: Machine, stop: StopReason, executed: UInt64) {
    let machine = try make()
    if let checkpoint, checkpoint.instructionCount <= position {
      try checkpoint.restore(machine, input: input)
    } else {
      machine.replay(input)
    }
    let start = machine.instructionCount
    let stop = machine.run(limit: position - start)
    return (machine, stop, machine.instructionCount - start)
  }
}
