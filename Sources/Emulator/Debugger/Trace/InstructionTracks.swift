import Emulator
import Foundation

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
    guard store.count <= 64 else { return addRun(store, cpu) }
    var done: UInt64 = 0
    while done < store.count {
      let count = min(8, store.count &- done)
      let address = store.address &+ done
      if let value = machine.peek(cpu, linear: address, count: Int(count)) {
        let piece = InstructionDelta.Store(address: address, count: UInt8(count), value: value)
        // Checked as a whole first and then in halves, a wide store is noted twice.
        if store.count <= 8 || !delta.stores.contains(piece) { delta.stores.append(piece) }
      }
      done &+= count
    }
  }

  /// Adds what a repeated string instruction stored: the same eight bytes again and again are one.
  private func addRun(_ store: StoredRange, _ cpu: CPU) {
    var address = store.address
    var page: UnsafeMutableRawPointer?
    let end = address &+ store.count
    while address != end {
      let offset = address & 0xFFF
      if page == nil || offset == 0 {
        page = machine.peekPage(cpu, LinearAddress(address & ~0xFFF))
      }
      let count = min(8, end &- address, 0x1000 - offset)
      if let page {
        var value: UInt64 = 0
        memcpy(&value, page + Int(offset), Int(count))
        add(run: InstructionDelta.Store(address: address, count: UInt8(count), value: value))
      }
      address &+= count
    }
  }

  private func add(run piece: InstructionDelta.Store) {
    if let last = delta.stores.last, last.count == 8, piece.count == 8, last.value == piece.value,
      last.address &+ last.times &* 8 == piece.address
    {
      delta.stores[delta.stores.count - 1].times &+= 1
    } else {
      delta.stores.append(piece)
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
