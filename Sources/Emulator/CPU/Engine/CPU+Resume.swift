extension CPU {
  /// Remembers where a block was left at a limit.
  func setResume(_ operation: UnsafePointer<Operation>) {
    state.pointee.resume = operation
    state.pointee.resumeRIP = state.pointee.rip
    state.pointee.resumeKey = state.pointee.jumpKey
  }

  /// The operation at which a block was left, if nothing has changed since; only once.
  func takeResume() -> UnsafePointer<Operation>? {
    defer { state.pointee.resume = nil }
    guard let operation = state.pointee.resume,
      state.pointee.resumeRIP == state.pointee.rip,
      state.pointee.resumeKey == state.pointee.jumpKey,
      !operation.block.pointee.isDropped
    else { return nil }
    return operation
  }

  /// Executes as many instructions of a block as the budget has, by their slow methods.
  ///
  /// The budget does not reach the end of the block, so its last instruction, which may lead
  /// elsewhere, is never among them.
  func executePart(from operation: UnsafePointer<Operation>) {
    var operation = operation
    if operation.pointee.position == 0 { operation += 1 }
    countEntries(operation, 1)
    while state.pointee.budget > 0 {
      let remaining = operation.remaining
      // `executeSlow` takes the instructions behind this one as paid for.
      state.pointee.budget &-= remaining &+ 1
      guard executeSlow(operation) else { return leaveForFault() }
      state.pointee.budget &+= remaining
      let ordinal = operation.pointee.ordinal
      while operation.pointee.ordinal == ordinal { operation += 1 }
    }
    countEntries(operation, -1)
    setResume(operation)
  }

  private func leaveForFault() {
    guard state.pointee.exit == EngineExit.fault else { return }
    state.pointee.exit = EngineExit.none
    deliver(state.pointee.fault)
  }
}
