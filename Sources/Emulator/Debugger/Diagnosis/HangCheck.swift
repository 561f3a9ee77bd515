import Emulator

/// Looks whether a machine is in a state that it has been in before, with nothing to come that
/// could make a difference: then it goes round for ever.
///
/// The proof: in a window of execution no device is accessed, no time is read and no interrupt can
/// be delivered; every instruction is one of those whose effects are its registers and its stores.
/// At two moments all registers are equal. Between them the same bytes were stored to as in the
/// round before, and they hold the same at both moments. What follows a state is decided by the
/// state, so the same round follows for ever.
final class HangCheck {
  /// Instructions whose effects are the general registers, the flags and what they store.
  private static let plain: Set<Mnemonic> = [
    .add, .or, .adc, .sbb, .and, .sub, .xor, .cmp, .test, .inc, .dec, .neg, .not, .mul, .imul,
    .rol, .ror, .rcl, .rcr, .shl, .shr, .sar, .bt, .bts, .btr, .btc, .bsf, .bsr, .tzcnt, .lzcnt,
    .popcnt, .bswap, .mov, .movzx, .movsx, .movsxd, .xchg, .xadd, .cmpxchg, .cmpxchg8b, .lea,
    .push, .pop, .enter, .leave, .cbw, .cwd, .cmovcc, .setcc, .lahf, .sahf, .cmc, .clc, .stc,
    .cld, .std, .jcc, .jmp, .call, .ret, .loop, .loope, .loopne, .jrcxz, .nop, .pause, .cli,
    .lfence, .mfence, .sfence, .prefetch,
  ]
  private static let mostStores = 4096
  private static let mostRounds = 4

  /// A range of memory that a processor stored to.
  private struct Store: Hashable {
    var processor: Int
    var range: StoredRange

    static func == (one: Store, other: Store) -> Bool {
      one.processor == other.processor && one.range == other.range
    }

    func hash(into hasher: inout Hasher) {
      hasher.combine(processor)
      hasher.combine(range.address)
      hasher.combine(range.count)
    }
  }

  private let machine: Machine
  /// The numbers of the processors that run.
  private let running: [Int]
  /// Whether interrupts may be enabled, since none will ever come.
  private let ignoresInterrupts: Bool

  private var anchor: [UInt64] = []
  private var power = 1
  private var steps = 0
  private var stores: Set<Store> = []
  private var round: [Store: [UInt8]]?
  private var rounds = 0
  private var lastProcessor: Int?
  private var firstProcessor: Int?
  private var isRefuted = false
  /// The instructions of the last round, by processor.
  private var places: [Int: Set<UInt64>] = [:]
  private(set) var isProven = false

  /// Prepares a check; nil if the machine's state alone shows that it may go on.
  init?(_ machine: Machine) {
    self.machine = machine
    guard machine.observer == nil, !machine.isReplaying else { return nil }
    let comesNothing = machine.clock.armedTimers.isEmpty && !machine.awaitsInput
    ignoresInterrupts = comesNothing
    var running: [Int] = []
    for (number, processor) in machine.processors.enumerated() {
      let cpu = processor.cpu
      let isEnabled = cpu.state.pointee.rflags & RFLAGS.interruptEnable.rawValue != 0
      switch Activity(rawValue: cpu.state.pointee.activity) {
      case .running:
        guard !isEnabled || comesNothing else { return nil }
        running.append(number)
      case .halted:
        guard !isEnabled || comesNothing else { return nil }
      case .waitForSIPI: break
      default: return nil
      }
    }
    guard !running.isEmpty, Self.isUndisturbed(machine) else { return nil }
    self.running = running
  }

  /// Whether nothing but instructions will change memory, and no NMI will come.
  private static func isUndisturbed(_ machine: Machine) -> Bool {
    // What only raises interrupt lines; everything else may write to memory.
    let harmless = ["PIT", "RTC", "Local APIC", "HPET", "ACPI PM timer", "UART"]
    let timers = machine.clock.armedTimers
    guard timers.allSatisfy({ name in harmless.contains { name.hasPrefix($0) } }) else {
      return false
    }
    let writesInput =
      machine.configuration.network != nil || machine.configuration.virtioConsole != nil
    guard !machine.awaitsInput || !writesInput else { return false }
    // Delivery modes SMI, NMI and INIT need no IF.
    func isForced(_ bits: UInt64) -> Bool {
      bits & 1 << 16 == 0 && [2, 4, 5].contains(bits >> 8 & 7)
    }
    guard !machine.chipset.ioAPIC.state.entries.contains(where: { isForced($0.bits) }) else {
      return false
    }
    return machine.chipset.localAPICs.allSatisfy { localAPIC in
      // LINT1 is wired to nothing.
      let vectors = localAPIC.state.localVectors.enumerated().filter {
        $0.offset != LocalInterrupt.lint1.rawValue && $0.offset != LocalInterrupt.timer.rawValue
      }
      return !localAPIC.state.isNMIPending
        && !vectors.contains { isForced(UInt64($0.element.bits)) }
    }
  }

  /// Runs the machine for a window, watched; it stops early when the answer is known.
  func run(
    until condition: StopCondition, limit: UInt64, timeLimit: UInt64
  ) -> StopReason {
    machine.observer = { [unowned self] event in
      switch event.kind {
      case .call, .callReturn: break
      default: refute()
      }
    }
    machine.weave(.instructions) { [unowned self] instruction, ranges in
      look(instruction, ranges)
    }
    defer {
      machine.weave([])
      machine.observer = nil
    }
    let stop = machine.run(until: condition, limit: limit, timeLimit: timeLimit)
    return stop == .breakpoint ? .instructionLimit : stop
  }

  private func refute() {
    guard !isRefuted, !isProven else { return }
    isRefuted = true
    machine.stopSoon()
  }

  private func look(_ instruction: ExecutedInstruction, _ ranges: [StoredRange]) {
    guard !isRefuted, !isProven else { return }
    let flags = instruction.cpu.state.pointee.rflags
    let mayInterrupt = flags & RFLAGS.interruptEnable.rawValue != 0 && !ignoresInterrupts
    guard !instruction.isFaulting, !mayInterrupt, flags & RFLAGS.trap.rawValue == 0,
      Self.plain.contains(instruction.mnemonic)
    else { return refute() }
    for range in ranges {
      stores.insert(Store(processor: instruction.processor, range: range))
    }
    guard stores.count <= Self.mostStores else { return refute() }
    places[instruction.processor, default: []].insert(instruction.rip)
    defer { lastProcessor = instruction.processor }
    let first = firstProcessor ?? instruction.processor
    firstProcessor = first
    // With several, whose turn it is belongs to the state: look at the beginning of one's turn.
    guard instruction.processor == first, running.count == 1 || lastProcessor != first else {
      return
    }
    compare(state(instruction))
  }

  /// The registers of every processor that runs, and where each is.
  private func state(_ instruction: ExecutedInstruction) -> [UInt64] {
    var values = [instruction.rip]
    for number in running {
      let cpu = machine.processors[number].cpu
      for register in Register.allCases { values.append(cpu[register]) }
      values.append(cpu.rflags.rawValue)
      if number != instruction.processor { values.append(cpu.state.pointee.rip) }
    }
    return values
  }

  private func compare(_ state: [UInt64]) {
    steps += 1
    if state == anchor { return close() }
    // Brent's way to find a cycle: an anchor that is moved at powers of two.
    guard round == nil || steps > power * 4 else { return }
    guard steps >= power || round != nil else { return }
    round = nil
    anchor = state
    power *= 2
    begin()
  }

  private func begin() {
    steps = 0
    stores.removeAll(keepingCapacity: true)
    places.removeAll(keepingCapacity: true)
  }

  /// The registers are what they were: compares memory with the round before.
  private func close() {
    let contents = Dictionary(uniqueKeysWithValues: stores.map { ($0, content($0)) })
    if let round, stores.allSatisfy({ round[$0] == contents[$0] }) {
      isProven = true
      machine.stopSoon()
      return
    }
    rounds += 1
    guard rounds <= Self.mostRounds else { return refute() }
    round = contents
    begin()
  }

  private func content(_ store: Store) -> [UInt8] {
    let memory = LinearMemory(machine, processor: machine.processors[store.processor])
    return memory.readable(store.range.address, count: Int(clamping: min(store.range.count, 4096)))
  }

  /// What was found, for each processor that runs: the instructions of its round.
  var spins: [(processor: Int, places: [UInt64])] {
    running.map { ($0, (places[$0] ?? []).sorted()) }
  }
}
