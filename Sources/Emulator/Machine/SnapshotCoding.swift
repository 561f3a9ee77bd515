/// How the states of devices become bytes, and bytes states.
package protocol StateCoding {
  /// The bytes of a state.
  func encode(_ state: some Encodable) throws -> [UInt8]
  /// The state that bytes stand for.
  func decode<State: Decodable>(_ type: State.Type, from bytes: [UInt8]) throws -> State
}

extension Machine {
  private static let formatVersion: UInt64 = 1

  /// A snapshot of this machine as bytes, for a file that the same version of this program reads.
  package func encode(_ snapshot: MachineSnapshot, with coding: any StateCoding) throws -> [UInt8] {
    var bytes = SnapshotWriter()
    bytes.append(Self.formatVersion)
    bytes.append(UInt64(MemoryLayout<CPUState>.size))
    bytes.append(memory.size)
    bytes.append(UInt64(processors.count))
    for number in [
      snapshot.now, UInt64(snapshot.inputCount), UInt64(snapshot.resetCount),
      UInt64(snapshot.turn.index), snapshot.turn.end, snapshot.turn.othersCount,
    ] { bytes.append(number) }
    for processor in snapshot.processors { processor.write(to: &bytes) }
    bytes.append(try coding.encode(snapshot.signals.map { SavedSignal($0.processor, $0.signal) }))
    bytes.append(try coding.encode(snapshot.heldInput))
    bytes.append(try coding.encode(snapshot.heldKeys))
    bytes.append(UInt64(snapshot.outputs.count))
    for output in snapshot.outputs { bytes.append(output) }
    bytes.append(UInt64(snapshot.devices.count))
    for state in snapshot.devices {
      guard let state = state as? any Encodable else { throw SnapshotCodingError.malformed }
      bytes.append(try coding.encode(state))
    }
    snapshot.memory.write(to: &bytes)
    return bytes.bytes
  }

  /// The snapshot that `encode` made bytes of.
  package func decodeSnapshot(
    _ bytes: [UInt8], with coding: any StateCoding
  ) throws -> MachineSnapshot {
    var reader = SnapshotReader(bytes)
    guard try reader.number() == Self.formatVersion,
      try reader.number() == UInt64(MemoryLayout<CPUState>.size)
    else { throw SnapshotCodingError.otherVersion }
    guard try reader.number() == memory.size, try reader.number() == UInt64(processors.count)
    else { throw SnapshotCodingError.otherMachine }
    let now = try reader.number()
    let inputCount = try reader.count()
    let resetCount = try reader.count()
    let turn = Turn(
      index: try reader.count(), end: try reader.number(), othersCount: try reader.number())
    guard processors.indices.contains(turn.index) else { throw SnapshotCodingError.malformed }
    let processors = try processors.map { try ProcessorSnapshot(from: &reader, of: $0) }
    let signals = try coding.decode([SavedSignal].self, from: reader.bytes())
    guard signals.allSatisfy({ processors.indices.contains($0.processor) }) else {
      throw SnapshotCodingError.malformed
    }
    let heldInput = try coding.decode(HeldInput.self, from: reader.bytes())
    let heldKeys = try coding.decode(HeldKeys.self, from: reader.bytes())
    let outputs = try (0..<reader.count()).map { _ in try reader.bytes() }
    guard try reader.count() == chipset.stateful.count else {
      throw SnapshotCodingError.otherMachine
    }
    let devices = try chipset.stateful.map { try Self.decode($0, reader.bytes(), coding) }
    return MachineSnapshot(
      instructionCount: processors[turn.index].instructionCount &+ turn.othersCount, now: now,
      inputCount: inputCount, memory: try memory.readSnapshot(from: &reader),
      processors: processors, devices: devices, turn: turn,
      signals: signals.map { ($0.processor, $0.signal) }, resetCount: resetCount,
      heldInput: heldInput, heldKeys: heldKeys, outputs: outputs)
  }

  private static func decode<Device: StatefulDevice>(
    _ device: Device, _ bytes: [UInt8], _ coding: any StateCoding
  ) throws -> any Sendable {
    try coding.decode(Device.State.self, from: bytes)
  }
}

/// A message between processors, in a file.
private struct SavedSignal: Codable {
  let processor: Int
  /// The page of a start-up IPI; nil is INIT.
  let page: UInt8?

  init(_ processor: Int, _ signal: ProcessorSignal) {
    self.processor = processor
    page = if case .startUp(let page) = signal { page } else { nil }
  }

  var signal: ProcessorSignal { page.map { .startUp(page: $0) } ?? .initialize }
}
