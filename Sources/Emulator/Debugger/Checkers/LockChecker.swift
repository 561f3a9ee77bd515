import Emulator

/// Finds locks that are taken in different orders, twice, or both in interrupt handlers and with
/// interrupts on; functions that sleep while a lock is held; and races.
final class LockChecker: Checker {
  private struct Held {
    let lock: UInt64
    let stack: CallStack
  }

  private struct Edge: Hashable {
    let first: UInt64
    let second: UInt64
  }

  private struct Order {
    let firstTaken: CallStack
    let secondTaken: CallStack
  }

  private struct Uses {
    var inInterrupt: CallStack?
    var withInterruptsOn: CallStack?
  }

  private static let edgeLimit = 65536

  private unowned let run: CheckedRun
  private var held: [[Held]]
  private var orders: [Edge: Order] = [:]
  private var successors: [UInt64: [UInt64]] = [:]
  private var uses: [UInt64: Uses] = [:]
  private var variables: [SharedVariable] = []

  init(_ run: CheckedRun) {
    self.run = run
    held = run.machine.processors.map { _ in [] }
    let isGuess = run.options.locks == CheckOptions.knownLocks
    for lock in run.options.locks {
      let take = run.addresses(of: lock.take, isExact: isGuess)
      let release = run.addresses(of: lock.release, isExact: isGuess)
      guard !take.isEmpty, !release.isEmpty else { continue }
      for address in take {
        run.calls.onEntry(address) { [unowned self] in enterTake($0, lock.argument) }
      }
      for address in release {
        run.calls.onEntry(address) { [unowned self] in leave($0, $0.argument(lock.argument)) }
      }
    }
    for name in run.options.sleepers {
      for address in run.addresses(of: name) {
        run.calls.onEntry(address) { [unowned self] in sleep($0, name) }
      }
    }
    for name in run.options.sharedVariables { watch(name) }
  }

  private var processor: Int {
    run.machine.processors.firstIndex { $0 === run.machine.processor } ?? 0
  }

  // MARK: Locks

  private func enterTake(_ cpu: CPU, _ argument: Int) {
    let lock = cpu.argument(argument)
    let address = cpu.instructionPointer.value
    let stack = CallStack(run.machine, cpu, at: address, atEntry: true)
    if let earlier = held[processor].first(where: { $0.lock == lock }) {
      run.report(
        .locks, at: address, cpu: cpu, key: "twice \(lock)",
        "\(run.describe(lock)) is taken by a processor that holds it",
        details: ["  taken by:"] + earlier.stack.lines(run.symbols, indent: "    "))
    }
    run.calls.onReturn(run.machine, cpu) { [unowned self] in taken($0, lock, stack) }
  }

  private func taken(_ cpu: CPU, _ lock: UInt64, _ stack: CallStack) {
    guard !held[processor].contains(where: { $0.lock == lock }) else { return }
    for earlier in held[processor] {
      order(cpu, earlier, Held(lock: lock, stack: stack))
    }
    held[processor].append(Held(lock: lock, stack: stack))
    if held[processor].count > 64 { held[processor].removeFirst() }
    note(cpu, lock, stack)
  }

  private func leave(_ cpu: CPU, _ lock: UInt64) {
    for number in [processor] + held.indices.filter({ $0 != processor }) {
      guard let index = held[number].lastIndex(where: { $0.lock == lock }) else { continue }
      held[number].remove(at: index)
      return
    }
  }

  /// Notes that the second lock was taken while the first was held.
  private func order(_ cpu: CPU, _ first: Held, _ second: Held) {
    let edge = Edge(first: first.lock, second: second.lock)
    guard orders[edge] == nil, orders.count < Self.edgeLimit else { return }
    orders[edge] = Order(firstTaken: first.stack, secondTaken: second.stack)
    successors[first.lock, default: []].append(second.lock)
    guard let path = path(from: second.lock, to: first.lock) else { return }
    var details: [String] = []
    for (one, two) in zip([first.lock] + path, path) {
      guard let order = orders[Edge(first: one, second: two)] else { continue }
      details.append("  \(run.describe(one)), taken by:")
      details += order.firstTaken.lines(run.symbols, indent: "    ")
      details.append("  then \(run.describe(two)), taken by:")
      details += order.secondTaken.lines(run.symbols, indent: "    ")
    }
    run.report(
      .locks, at: second.stack.addresses.dropFirst().first ?? 0, cpu: cpu,
      key: "order \(min(first.lock, second.lock)) \(max(first.lock, second.lock))",
      "\(run.describe(second.lock)) is taken with \(run.describe(first.lock)) held, "
        + "and elsewhere the other way round",
      details: details)
  }

  /// Locks from `start` to `end`, each of which was taken while the one before was held.
  private func path(from start: UInt64, to end: UInt64) -> [UInt64]? {
    var previous: [UInt64: UInt64] = [start: start]
    var pending = [start]
    while let lock = pending.popLast() {
      if lock == end {
        var path = [end]
        while let last = path.last, last != start, let before = previous[last] {
          path.append(before)
        }
        return path.reversed()
      }
      for next in successors[lock] ?? [] where previous[next] == nil {
        previous[next] = lock
        pending.append(next)
      }
    }
    return nil
  }

  // MARK: Interrupts and sleep

  /// An interrupt handler must never wait for what it has interrupted.
  private func note(_ cpu: CPU, _ lock: UInt64, _ stack: CallStack) {
    if run.interrupts[processor].isActive {
      if uses[lock]?.inInterrupt == nil { uses[lock, default: Uses()].inInterrupt = stack }
    } else if cpu.state.pointee.rflags & RFLAGS.interruptEnable.rawValue != 0 {
      if uses[lock]?.withInterruptsOn == nil {
        uses[lock, default: Uses()].withInterruptsOn = stack
      }
    }
    guard let inside = uses[lock]?.inInterrupt, let outside = uses[lock]?.withInterruptsOn else {
      return
    }
    run.report(
      .locks, at: stack.addresses.dropFirst().first ?? 0, cpu: cpu, key: "interrupt \(lock)",
      "\(run.describe(lock)) is taken by interrupt handlers, and elsewhere with interrupts on",
      details: ["  in a handler:"] + inside.lines(run.symbols, indent: "    ")
        + ["  elsewhere:"] + outside.lines(run.symbols, indent: "    "))
  }

  private func sleep(_ cpu: CPU, _ name: String) {
    let stack = CallStack(run.machine, cpu, at: cpu.instructionPointer.value, atEntry: true)
    let caller = stack.addresses.dropFirst().first ?? 0
    if let lock = held[processor].last {
      run.report(
        .locks, at: caller, cpu: cpu, key: "sleep",
        "\(name) may sleep, with \(run.describe(lock.lock)) held",
        details: ["  taken by:"] + lock.stack.lines(run.symbols, indent: "    "))
    } else if let interrupt = run.interrupts[processor].entries.last {
      run.report(
        .locks, at: caller, cpu: cpu, key: "sleep",
        "\(name) may sleep, in the handler of vector \(interrupt.vector)")
    }
  }

  // MARK: Races

  private func watch(_ name: String) {
    guard let address = run.address(of: name) else { return }
    let size = run.symbols.symbol(at: address)?.symbol.size ?? 0
    let index = variables.count
    variables.append(SharedVariable(name: name))
    let point = Watchpoint(
      address: address, count: min(max(size, 1), 4096), kind: .readOrWrite)
    _ = run.watches.add(point) { [unowned self] in accessed(index, $0) }
  }

  private func accessed(_ index: Int, _ hit: WatchHit) {
    guard let rip = hit.rip else { return }
    let cpu = run.machine.processor.cpu
    let processor = processor
    let isInterrupt = run.interrupts[processor].isActive
    var locks = Set(held[processor].map(\.lock))
    // With interrupts off nothing else happens on this processor.
    if cpu.state.pointee.rflags & RFLAGS.interruptEnable.rawValue == 0 {
      locks.insert(.max - UInt64(processor))
    }
    let access = SharedVariable.Access(
      owner: processor * 2 + (isInterrupt ? 1 : 0), isWrite: hit.isWrite, locks: locks,
      stack: CallStack(run.machine, cpu, at: rip), position: hit.position)
    guard let other = variables[index].access(access) else { return }
    run.report(
      .locks, at: rip, cpu: cpu, key: "race \(index)", isAnywhere: true, position: hit.position,
      "\(variables[index].name) is accessed here and elsewhere without a common lock",
      details: ["  elsewhere, after \(other.position) instructions:"]
        + other.stack.lines(run.symbols, indent: "    "))
  }
}
