/// A whole machine at one moment: it can be restored any number of times, and forked.
///
/// Pages of memory that have not changed are shared with the machine's other snapshots, so that
/// one costs what was written since the last one. What lies outside the machine, as the file behind
/// a disk that is not opened as a snapshot, is not in it.
public struct MachineSnapshot {
  /// The machine's instruction count.
  public let instructionCount: UInt64
  /// The virtual time.
  public let now: UInt64
  /// How many inputs had come.
  public let inputCount: Int
  /// Bytes of memory that this snapshot keeps alone, about.
  public var cost: Int { (memory.ownPages + 24) * Int(PhysicalMemory.pageSize) }

  let memory: MemorySnapshot
  let processors: [ProcessorSnapshot]
  let devices: [any Sendable]
  let turn: Turn
  let signals: [(processor: Int, signal: ProcessorSignal)]
  let resetCount: Int
  let heldInput: HeldInput
  let heldKeys: HeldKeys
  let outputs: [[UInt8]]
}

extension Machine {
  /// Keeps the machine as it is, at an instruction boundary.
  public func snapshot() -> MachineSnapshot {
    let memory = memory.snapshot()
    for processor in processors { processor.cpu.withdrawWriteTags() }
    return MachineSnapshot(
      instructionCount: instructionCount, now: now, inputCount: inputLog.entries.count,
      memory: memory, processors: processors.map { $0.snapshot() },
      devices: chipset.stateful.map { Self.save($0) }, turn: turn, signals: requests.signals,
      resetCount: resetCount, heldInput: heldInput, heldKeys: heldKeys,
      outputs: endpoints.allConsoles.map(\.output))
  }

  /// Makes the machine what it was when the snapshot was taken, from this machine or one of the
  /// same image and configuration.
  ///
  /// The input log is cut to what had come then; a replay ends.
  public func restore(_ snapshot: MachineSnapshot) {
    memory.restore(snapshot.memory)
    clock.now = snapshot.now
    for (device, state) in zip(chipset.stateful, snapshot.devices) { Self.put(state, into: device) }
    for (processor, state) in zip(processors, snapshot.processors) { processor.restore(state) }
    processor.markMonitors()
    turn = snapshot.turn
    processor = processors[turn.index]
    chipset.bus.localAPIC = chipset.localAPICs[turn.index]
    requests.signals = snapshot.signals
    requests.stop = nil
    requests.isResetRequested = false
    requests.isConditionMet = false
    requests.isDebuggerStop = false
    _ = processor.takeWatchHits()
    resetCount = snapshot.resetCount
    heldInput = snapshot.heldInput
    heldKeys = snapshot.heldKeys
    inputLog.truncate(to: snapshot.inputCount)
    replay = nil
    for (console, output) in zip(endpoints.allConsoles, snapshot.outputs) {
      console.output = output
      console.examinedCount = output.count
    }
  }

  /// Makes the machine what it was when a snapshot was taken after these inputs.
  package func restore(_ snapshot: MachineSnapshot, inputs: InputLog) {
    inputLog = inputs
    restore(snapshot)
  }

  /// Makes another machine that goes on from the snapshot.
  ///
  /// - Throws: What making a machine throws, as when the host is out of memory.
  public func fork(_ snapshot: MachineSnapshot) throws -> Machine {
    let machine = try Machine(image: image, configuration: configuration)
    machine.restore(snapshot)
    return machine
  }

  private static func save(_ device: some StatefulDevice) -> any Sendable { device.state }

  private static func put<Device: StatefulDevice>(_ state: any Sendable, into device: Device) {
    // Equal states are left alone: some move regions of the bus when they are set.
    guard let state = state as? Device.State, state != device.state else { return }
    device.state = state
  }
}
