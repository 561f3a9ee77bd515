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
    Headroom.secure()
    // Told to end meanwhile: it does, before its next instruction.
    var isWatched = false
    let isDying = Thread.withCurrent { thread in
      if thread.isDying { return true }
      thread.systemCalls += 1
      isWatched = thread.process?.callsAreWatched == true
      return false
    }
    if isDying { return }
    let number = frame.pointee.rax
    let arguments = CallArguments(frame.pointee)
    Trace.record(.sysEnter, number, arguments.rdi, arguments.rsi)
    if isWatched {
      serveWatched(number, arguments, frame)
    } else {
      settle(dispatch(number, arguments, frame), number, arguments, frame)
    }
    Trace.record(.sysExit, number, frame.pointee.rax)
    if Power.options.watchesStacks { KernelStacks.watch(number) }
  }

  /// For a process that somebody traces, or that has forbidden itself calls.
  @inline(never)
  private static func serveWatched(
    _ number: UInt64, _ arguments: CallArguments, _ frame: UnsafeMutablePointer<trap_frame>
  ) {
    let process = Process.current
    if Configuration.SECCOMP, let filter = process.callFilter, !isAllowed(filter, frame.pointee) {
      frame.pointee.rax = UInt64(bitPattern: SystemError.notPermitted.rawValue)
      return
    }
    let tracer = Configuration.STRACE ? process.tracer : nil
    let traced = tracer?.begin(number, arguments)
    settle(dispatch(number, arguments, frame), number, arguments, frame)
    if let traced { tracer?.end(number, traced, frame.pointee.rax) }
  }

  /// What the caller finds in RAX.
  @inline(__always)
  private static func settle(
    _ answer: Answer, _ number: UInt64, _ arguments: CallArguments,
    _ frame: UnsafeMutablePointer<trap_frame>
  ) {
    switch answer {
    case .success(let value): frame.pointee.rax = value
    case .failure(let failure):
      frame.pointee.rax = UInt64(bitPattern: failure.error.rawValue)
      if failure.error == .interrupted, arguments.canRestart {
        Thread.withCurrent { $0.interruptedCall = number }
      }
    }
  }

  @inline(__always)
  fileprivate static func takeFullReturn() -> Bool {
    Thread.withCurrent { thread in
      defer { thread.needsFullReturn = false }
      return thread.needsFullReturn
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

/// The arguments of a call, wherever its entry has them.
///
/// 64-bit code uses RDI, RSI, RDX, R10, R8 and R9, by SYSCALL as by INT 80h. 32-bit code uses EBX, ECX,
/// EDX, ESI, EDI and EBP by INT 80h, and EBX, ESI, EDI and EBP by SYSENTER, which needs ECX and EDX to
/// find its way back. The numbers are the same in all cases.
struct CallArguments {
  let rdi: UInt64
  let rsi: UInt64
  let rdx: UInt64
  let r10: UInt64
  let r8: UInt64
  let r9: UInt64
  /// The instruction is two bytes long and lies before the return address.
  let canRestart: Bool

  private static let sysenter: UInt64 = 0x101

  init(_ f: trap_frame) {
    canRestart = f.vector != CallArguments.sysenter
    if f.vector == CallArguments.sysenter {
      (rdi, rsi, rdx, r10) = (low(f.rbx), low(f.rsi), low(f.rdi), low(f.rbp))
      (r8, r9) = (0, 0)
    } else if f.cs == Selector.userCode {
      (rdi, rsi, rdx, r10, r8, r9) = (f.rdi, f.rsi, f.rdx, f.r10, f.r8, f.r9)
    } else {
      (rdi, rsi, rdx) = (low(f.rbx), low(f.rcx), low(f.rdx))
      (r10, r8, r9) = (low(f.rsi), low(f.rdi), low(f.rbp))
    }
  }
}

private func low(_ register: UInt64) -> UInt64 { register & 0xffff_ffff }
