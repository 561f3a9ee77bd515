import Emulator

/// Functions whose entries and returns somebody wants to know of.
struct CallHooks {
  private struct Return: Hashable {
    let address: UInt64
    let stackPointer: UInt64
  }

  /// Calls that are waited for; the oldest are given up.
  private static let pendingLimit = 4096

  private var entries: [UInt64: [CheckedRun.CallHandler]] = [:]
  private var returns: [Return: (position: UInt64, handlers: [CheckedRun.CallHandler])] = [:]
  private var hasChanged = false
  /// Where the machine has to stop.
  ///
  /// Return addresses stay: each change makes the machine forget all the code it has decoded.
  private(set) var addresses: Set<UInt64> = []

  mutating func takeChange() -> Bool {
    defer { hasChanged = false }
    return hasChanged
  }

  /// Calls `handler` before the first instruction of the function at an address.
  mutating func onEntry(_ address: UInt64, _ handler: @escaping CheckedRun.CallHandler) {
    entries[address, default: []].append(handler)
    add(address)
  }

  /// Calls `handler` when the function that a processor is about to enter has returned.
  mutating func onReturn(
    _ machine: Machine, _ cpu: CPU, _ handler: @escaping CheckedRun.CallHandler
  ) {
    guard cpu.isLongMode, let address = machine.peek(cpu, linear: cpu[.rsp], count: 8) else {
      return
    }
    if returns.count >= Self.pendingLimit {
      for (key, _) in returns.sorted(by: { $0.value.position < $1.value.position }).prefix(64) {
        returns[key] = nil
      }
    }
    let key = Return(address: address, stackPointer: cpu[.rsp] &+ 8)
    let position = machine.instructionCount
    // The same place on the stack again: an earlier call has been abandoned.
    let others = returns[key].map { $0.position == position ? $0.handlers : [] } ?? []
    returns[key] = (position, others + [handler])
    add(address)
  }

  /// Forgets everything.
  mutating func removeAll() {
    self = CallHooks()
    hasChanged = true
  }

  private mutating func add(_ address: UInt64) {
    if addresses.insert(address).inserted { hasChanged = true }
  }

  /// The handlers for where a processor stands.
  fileprivate mutating func takeHandlers(_ cpu: CPU) -> [CheckedRun.CallHandler] {
    let address = cpu.instructionPointer.value
    let returned = returns.removeValue(
      forKey: Return(address: address, stackPointer: cpu[.rsp]))
    return (returned?.handlers ?? []) + (entries[address] ?? [])
  }
}

extension CheckedRun {
  /// Calls the handlers for where the machine stands.
  func handleCalls() {
    let cpu = machine.processor.cpu
    for handler in calls.takeHandlers(cpu) { handler(cpu) }
  }
}

/// Bytes whose accesses somebody wants to know of.
struct WatchHooks {
  /// Names what is watched.
  typealias Number = Int

  private var entries: [Number: (watchpoint: Watchpoint, handler: CheckedRun.AccessHandler)] = [:]
  private var nextNumber = 1
  private var hasChanged = false

  mutating func takeChange() -> Bool {
    defer { hasChanged = false }
    return hasChanged
  }

  /// What the machine has to watch, each once.
  var all: [Watchpoint] {
    var seen: Set<Watchpoint> = []
    return entries.keys.sorted().compactMap { number in
      guard let point = entries[number]?.watchpoint, seen.insert(point).inserted else { return nil }
      return point
    }
  }

  /// Calls `handler` behind every instruction that accesses the bytes, for each access.
  mutating func add(
    _ watchpoint: Watchpoint, _ handler: @escaping CheckedRun.AccessHandler
  ) -> Number {
    defer { nextNumber += 1 }
    entries[nextNumber] = (watchpoint, handler)
    hasChanged = true
    return nextNumber
  }

  /// Forgets everything.
  mutating func removeAll() {
    entries = [:]
    hasChanged = true
  }

  mutating func remove(_ number: Number) {
    if entries.removeValue(forKey: number) != nil { hasChanged = true }
  }

  fileprivate func handlers(_ point: Watchpoint) -> [CheckedRun.AccessHandler] {
    entries.keys.sorted().compactMap { number in
      entries[number].flatMap { $0.watchpoint == point ? $0.handler : nil }
    }
  }
}

extension CheckedRun {
  /// Calls the handlers of accesses.
  func handleAccesses(_ hits: [WatchHit]) {
    for hit in hits {
      for handler in watches.handlers(hit.watchpoint) { handler(hit) }
    }
  }
}
