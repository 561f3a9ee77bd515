/// How a task switch came about, which decides what becomes of busy flags and NT.
enum TaskSwitchReason {
  case jump
  case call
}

extension CPU {
  /// Far JMP and CALL to a TSS or task gate outside IA-32e mode.
  func transferToTask(
    _ selector: SegmentSelector, _ target: Descriptor, reason: TaskSwitchReason
  ) throws(Exception) {
    throw .generalProtection(errorCode: selector.errorCode)
  }

  /// An interrupt or exception through a task gate.
  func enterTask(_ gate: Descriptor, _ event: InterruptEvent) throws(Exception) {
    throw .generalProtection(errorCode: gate.gateSelector.errorCode | event.external)
  }

  /// IRET with NT set.
  func returnToPreviousTask() throws(Exception) {
    throw .generalProtection(errorCode: 0)
  }
}
