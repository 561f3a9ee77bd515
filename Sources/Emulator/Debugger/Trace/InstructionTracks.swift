import Emulator

/// Makes control flow and deltas of what the observer of instructions is told.
final class InstructionTracks {
  private unowned let machine: Machine
  private(set) var flow = FlowEncoder()
  private(set) var deltas: DeltaEncoder
  private let recordsFlow: Bool
  private let recordsDeltas: Bool
  private var delta = InstructionDelta()
  /// Vector registers as the last instruction that could change them left them.
  private var vectors: [[UInt64]]
  /// Is given every instruction's delta.
  var deltaAdded: ((InstructionDelta, UInt64) -> Void)?
  /// Is given every run of control flow.
  var runAdded: ((FlowRun, UInt64) -> Void)?

  init(_ machine: Machine, options: TraceOptions) {
    self.machine = machine
    recordsFlow = options.recordsFlow
    recordsDeltas = options.recordsDeltas
    deltas = DeltaEncoder(processors: machine.processors.count)
    vectors = machine.processors.map { Self.vectors($0.cpu) }
  }

  /// Begins: the machine's blocks are woven for it.
  func start(weaving others: Weaving) {
    machine.weave(others.union(.instructions)) { [unowned self] instruction, stores in
      add(instruction, stores)
    }
  }

  private func add(_ instruction: ExecutedInstruction, _ stores: [StoredRange]) {
    if recordsFlow,
      let run = flow.add(
        processor: instruction.processor, rip: instruction.rip, length: instruction.length)
    {
      runAdded?(run, machine.instructionCount)
    }
    guard recordsDeltas else { return }
    let cpu = instruction.cpu
    delta.processor = instruction.processor
    delta.rip = instruction.rip
    delta.next = cpu.state.pointee.rip
    for index in 0..<16 { delta.registers[index] = cpu[index] }
    delta.flags = cpu.rflags.rawValue
    delta.stores.removeAll(keepingCapacity: true)
    for store in stores { add(store, cpu) }
    delta.vectors.removeAll(keepingCapacity: true)
    if Self.touchesVectors(instruction.mnemonic) { addVectors(instruction) }
    deltas.add(&delta)
    deltaAdded?(delta, machine.instructionCount)
  }

  /// Adds a store in pieces of eight bytes; what is not RAM shows in the events.
  private func add(_ store: StoredRange, _ cpu: CPU) {
    var done: UInt64 = 0
    while done < store.count {
      let count = min(8, store.count &- done)
      let address = store.address &+ done
      if let value = machine.peek(cpu, linear: address, count: Int(count)) {
        let piece = InstructionDelta.Store(address: address, count: UInt8(count), value: value)
        // Checked as a whole first and then in halves, a wide store is noted twice.
        if !delta.stores.contains(piece) || store.count <= 8 { delta.stores.append(piece) }
      }
      done &+= count
    }
  }

  private static func touchesVectors(_ mnemonic: Mnemonic) -> Bool {
    switch mnemonic {
    case .sse, .avx, .fxrstor, .xrstor, .xrstors: true
    default: false
    }
  }

  private func addVectors(_ instruction: ExecutedInstruction) {
    let state = instruction.cpu.state
    for number in 0..<64 {
      let value =
        number < 32 ? state.pointee.xmm[number] : state.pointee.ymmHigh[number - 32]
      guard value != vectors[instruction.processor][number] else { continue }
      vectors[instruction.processor][number] = value
      delta.vectors.append(
        InstructionDelta.VectorChange(number: UInt8(number), value: value))
    }
  }

  private static func vectors(_ cpu: CPU) -> [UInt64] {
    (0..<64).map { $0 < 32 ? cpu.state.pointee.xmm[$0] : cpu.state.pointee.ymmHigh[$0 - 32] }
  }

  /// Ends: plain blocks again.
  ///
  /// - Returns: The bytes of both tracks.
  func finish() -> (flow: [UInt8], deltas: [UInt8]) {
    machine.weave([])
    return (recordsFlow ? flow.finish() : [], recordsDeltas ? deltas.finish() : [])
  }
}
