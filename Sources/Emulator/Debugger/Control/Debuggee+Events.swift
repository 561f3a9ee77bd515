import Emulator

/// Breakpoints at what happens, not at where.
extension Debuggee {
  /// Listens to the machine's events as long as anybody waits for one: a breakpoint that counts, one
  /// whose program may move, or the checks.
  func armEvents(stops: Bool) {
    if machine.resetCount != resetCount { hasRunApplications = false }
    resetCount = machine.resetCount
    let waits = stops && breakpoints.values.contains { $0.isEnabled && $0.trigger.isEvent }
    let awaitsMove = stops && awaitsMove
    let checks = activeChecks
    eventHits = []
    guard waits || awaitsMove || checks != nil else { return disarmEvents() }
    addressSpaces = machine.processors.map { $0.cpu.state.pointee.cr3 }
    isListening = true
    machine.observer = { [unowned self] event in
      checks?.observe(event)
      if awaitsMove { noticeMove(event) }
      if waits { notice(event) }
    }
  }

  func disarmEvents() {
    guard isListening else { return }
    isListening = false
    machine.observer = nil
  }

  private func notice(_ event: ExecutionEvent) {
    var met: [BreakpointNumber] = []
    for number in breakpoints.keys.sorted() {
      guard let breakpoint = breakpoints[number], isTriggered(breakpoint.trigger, by: event),
        meets(number)
      else { continue }
      met.append(number)
    }
    if case .controlRegister(3, let value) = event.kind, event.processor < addressSpaces.count {
      addressSpaces[event.processor] = value
    }
    guard !met.isEmpty else { return }
    eventHits += met
    machine.stopSoon()
  }

  private func isTriggered(_ trigger: Breakpoint.Trigger, by event: ExecutionEvent) -> Bool {
    switch (trigger, event.kind) {
    case (.vector(let vectors), .delivery(let delivery)):
      delivery.failure == nil && vectors.contains(delivery.vector)
    case (.modeChange, _): event.source.mode != event.target.mode
    case (.privilegeChange, _): event.source.cpl != event.target.cpl
    case (.addressSpaceChange, .controlRegister(3, let value)):
      event.processor < addressSpaces.count && addressSpaces[event.processor] != value
    case (.port(let ports), .read(.port, let address, let size, _)),
      (.port(let ports), .write(.port, let address, let size, _)):
      address <= UInt64(ports.upperBound) && address + UInt64(size) > UInt64(ports.lowerBound)
    default: false
    }
  }
}

extension Breakpoint.Trigger {
  /// Whether it is something that happens, which the machine's observer hears of.
  fileprivate var isEvent: Bool {
    switch self {
    case .execution, .access: false
    case .vector, .modeChange, .privilegeChange, .addressSpaceChange, .port: true
    }
  }
}
