/// Changes from outside, between two instructions: what a debugger may do.
extension CPU {
  /// Makes everything that follows from registers follow from what they are now.
  package func registersWereWritten() {
    state.pointee.resume = nil
    flushTLB()
    updateMode()
  }

  /// CR8: the priority class below which interrupts wait.
  package var taskPriorityClass: UInt8 { connections.interrupts.taskPriorityClass }

  /// Writes CR0, CR2, CR3, CR4 or CR8; false, with nothing changed, where MOV would raise #GP.
  package func writeControlRegister(_ number: Int, _ value: UInt64) -> Bool {
    do throws(Exception) {
      try setControlRegister(number, value)
      return true
    } catch {
      return false
    }
  }

  /// Writes DR0-DR3, DR6 or DR7; false where MOV would raise an exception.
  package func writeDebugRegister(_ number: Int, _ value: UInt64) -> Bool {
    guard number < 4 || ((6...7).contains(number) && value >> 32 == 0) else { return false }
    setDebugRegister(number, value)
    return true
  }
}
