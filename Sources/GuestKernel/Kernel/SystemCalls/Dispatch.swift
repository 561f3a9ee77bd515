/// Where system calls arrive: each runs as part of its caller, with interrupts on and preemptible, and
/// may wait. Which function serves which number is in `SystemCalls.tbl`.
import KernelArch

/// Called by syscall_entry with interrupts off, which it must also return with.
///
/// Returns 1 when every register is to be restored, which SYSRET does not do.
@c(syscall_dispatch)
public func syscallDispatch(_ frame: UnsafeMutablePointer<trap_frame>) -> UInt32 {
  cpu_sti()
  SystemCalls.serve(frame)
  cpu_cli()
  SignalDelivery.attend(frame)
  return SystemCalls.takeFullReturn() ? 1 : 0
}

enum SystemCalls {
  typealias Answer = Result<UInt64, SystemFailure>

  @inline(never)
  static func serve(_ frame: UnsafeMutablePointer<trap_frame>) {
    let thread = Thread.current
    thread.systemCalls += 1
    let number = frame.pointee.rax
    switch dispatch(number, frame) {
    case .success(let value):
      frame.pointee.rax = value
    case .failure(let failure):
      frame.pointee.rax = UInt64(bitPattern: failure.error.rawValue)
      if failure.error == .interrupted { thread.user?.interruptedCall = number }
    }
  }

  @inline(never)
  fileprivate static func takeFullReturn() -> Bool {
    guard let user = Thread.current.user, user.needsFullReturn else { return false }
    user.needsFullReturn = false
    return true
  }

  static func fail(_ error: SystemError) -> Answer { .failure(SystemFailure(error)) }

  /// The answer of a handler that throws.
  static func answer(_ body: () throws(SystemFailure) -> UInt64) -> Answer {
    do throws(SystemFailure) {
      return .success(try body())
    } catch {
      return .failure(error)
    }
  }
}
