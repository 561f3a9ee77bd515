extension CPU {
  /// Delivers an exception of the instruction at RIP, and what delivering it may raise in turn.
  ///
  /// SDM volume 3A, "Interrupt 8: Double Fault Exception (#DF)".
  package func deliver(_ exception: Exception) {
    var current = exception
    state.pointee.pendingDebug = 0
    while true {
      prepare(current)
      do throws(Exception) {
        try transfer(event(of: current))
        return
      } catch {
        guard let combined = current.combined(with: error) else { return shutDown() }
        if case .pageFault(let address, _) = error { state.pointee.cr2 = address }
        current = combined
      }
    }
  }

  /// Delivers a maskable interrupt at an instruction boundary.
  package func deliverInterrupt(vector: UInt8) {
    deliverAsynchronous(
      InterruptEvent(
        vector: vector, source: .external, errorCode: nil, returnRIP: state.pointee.rip,
        setsResumeFlag: state.pointee.isBetweenIterations))
  }

  /// Delivers a nonmaskable interrupt at an instruction boundary, and blocks others until IRET.
  package func deliverNMI() {
    state.pointee.nmiBlocked = true
    deliverAsynchronous(
      InterruptEvent(
        vector: 2, source: .nonMaskable, errorCode: nil, returnRIP: state.pointee.rip,
        setsResumeFlag: state.pointee.isBetweenIterations))
  }

  /// Delivers a trap or interrupt at an instruction boundary.
  func deliverAsynchronous(_ event: InterruptEvent) {
    state.pointee.activity = Activity.running.rawValue
    do throws(Exception) {
      try transfer(event)
    } catch {
      deliver(error)
    }
  }

  /// INT n, INT3, INTO and INT1: the instruction is the delivery.
  func deliverSoftware(
    vector: UInt8, source: InterruptEvent.Source = .software
  ) throws(Exception) {
    try enterRecorded(
      InterruptEvent(
        vector: vector, source: source, errorCode: nil, returnRIP: state.pointee.nextRIP,
        setsResumeFlag: false))
    state.pointee.singleSteps = false
  }

  /// Enters the handler of `event` and makes its first instruction the next one.
  private func transfer(_ event: InterruptEvent) throws(Exception) {
    try enterRecorded(event)
    state.pointee.rip = state.pointee.nextRIP
  }

  private func event(of exception: Exception) -> InterruptEvent {
    var isTrap = false
    var isBreakpoint = false
    switch exception {
    case .breakpoint, .overflow: isTrap = true
    case .debugFault(let dr6): isBreakpoint = dr6 & DebugStatus.breakpoints != 0
    default: break
    }
    return InterruptEvent(
      vector: exception.vector, source: isTrap ? .trap : .fault,
      errorCode: mode.contains(.real) ? nil : exception.errorCode,
      returnRIP: state.pointee.rip, setsResumeFlag: !isTrap && !isBreakpoint)
  }

  /// What an exception leaves in CR2, DR6 and DR7 before its handler is entered.
  private func prepare(_ exception: Exception) {
    switch exception {
    case .pageFault(let address, _): state.pointee.cr2 = address
    case .debugFault(let dr6): commitDebugStatus(dr6)
    default: break
    }
  }

  private func shutDown() {
    state.pointee.activity = Activity.shutdown.rawValue
    requestLookup()
  }

  /// Enters a handler and tells the recorder how it went.
  private func enterRecorded(_ event: InterruptEvent) throws(Exception) {
    let recorder = connections.recorder
    _ = recorder.takeReason()
    var delivery = ExceptionRecorder.Delivery(
      vector: event.vector, source: event.source, errorCode: event.errorCode,
      cr2: state.pointee.cr2, rip: event.returnRIP, cs: self[.cs].selector, rsp: self[.rsp],
      cpl: cpl, instructionCount: instructionCount, outcome: .delivered)
    let source = state.pointee.isObserved ? place(state.pointee.rip) : nil
    let oldCR3 = state.pointee.cr3
    do throws(Exception) {
      try enter(event)
      state.pointee.shadow = InterruptShadow.none.rawValue
      state.pointee.isBetweenIterations = false
      recorder.record(delivery)
      if let source { report(event, failure: nil, oldCR3: oldCR3, from: source) }
    } catch {
      delivery.outcome = .failed(error, reason: recorder.takeReason())
      recorder.record(delivery)
      if let source { report(event, failure: error, oldCR3: oldCR3, from: source) }
      throw error
    }
  }

  /// Tells the observer how a delivery went.
  private func report(
    _ event: InterruptEvent, failure: Exception?, oldCR3: UInt64, from source: ExecutionEvent.Place
  ) {
    let delivery = ExecutionEvent.Delivery(
      vector: event.vector, source: event.source, errorCode: event.errorCode,
      faultAddress: event.vector == 14 ? state.pointee.cr2 : nil, failure: failure)
    report(
      .delivery(delivery), from: source, to: failure == nil ? place(state.pointee.nextRIP) : source)
    if state.pointee.cr3 != oldCR3 { report(.controlRegister(3, state.pointee.cr3), from: source) }
  }
}

extension Exception {
  /// The classes by which exceptions combine to a double fault.
  private enum Class {
    case benign
    case contributory
    case pageFault
    case doubleFault
  }

  private var combinationClass: Class {
    switch self {
    case .divideError, .invalidTSS, .segmentNotPresent, .stackFault, .generalProtection:
      .contributory
    case .pageFault: .pageFault
    case .doubleFault: .doubleFault
    default: .benign
    }
  }

  /// What is delivered when delivering this exception raised `second`; nil is shutdown.
  func combined(with second: Exception) -> Exception? {
    switch (combinationClass, second.combinationClass) {
    case (.doubleFault, _): nil
    case (.contributory, .contributory), (.pageFault, .contributory), (.pageFault, .pageFault):
      .doubleFault
    // Delivering #AC to a ring-3 handler on a misaligned stack would go on for ever.
    case (.benign, .benign): self == second ? nil : second
    default: second
    }
  }
}
