/// Where system calls arrive: each runs as part of its caller, with interrupts on and preemptible, and
/// may wait. Which function serves which number is in `SystemCalls.tbl`.
import KernelArch

/// Called by syscall_entry with interrupts off, which it must also return with.
@c(syscall_dispatch)
public func syscallDispatch(_ frame: UnsafeMutablePointer<trap_frame>) {
  cpu_sti()
  SystemCalls.serve(frame)
  cpu_cli()
  BigLock.enter()
  Scheduler.endIfAsked()
  BigLock.leave()
}

enum SystemCalls {
  typealias Answer = Result<UInt64, SystemFailure>

  @inline(never)
  static func serve(_ frame: UnsafeMutablePointer<trap_frame>) {
    Thread.current.systemCalls += 1
    let call = frame.pointee.rax
    Trace.record(.sysEnter, call, frame.pointee.rdi, frame.pointee.rsi)
    defer { Trace.record(.sysExit, call, frame.pointee.rax) }
    if let filter = Scheduler.running?.process?.callFilter, !isAllowed(filter, frame.pointee) {
      frame.pointee.rax = UInt64(bitPattern: SystemError.notPermitted.rawValue)
      return
    }
    switch dispatch(frame.pointee.rax, frame) {
    case .success(let value): frame.pointee.rax = value
    case .failure(let failure): frame.pointee.rax = UInt64(bitPattern: failure.error.rawValue)
    }
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
