/// Where SYSCALL arrives. System calls run with interrupts off; those that wait let others run.
import KernelArch

/// Called by syscall_entry.
@c(syscall_dispatch)
public func syscallDispatch(_ frame: UnsafeMutablePointer<trap_frame>) {
  BigLock.enter()
  SystemCalls.serve(frame)
  Scheduler.endIfAsked()
  BigLock.leave()
}

enum SystemCalls {
  typealias Answer = Result<UInt64, SystemFailure>

  @inline(never)
  static func serve(_ frame: UnsafeMutablePointer<trap_frame>) {
    guard let thread = Scheduler.running, let process = thread.process else {
      panic("a system call from the kernel")
    }
    thread.systemCalls += 1
    switch answer(frame.pointee, process) {
    case .success(let value): frame.pointee.rax = value
    case .failure(let failure): frame.pointee.rax = UInt64(bitPattern: failure.error.rawValue)
    }
  }

  static func fail(_ error: SystemError) -> Answer { .failure(SystemFailure(error)) }

  private static func answer(_ f: trap_frame, _ process: Process) -> Answer {
    guard let call = SystemCall(rawValue: f.rax) else { return fail(.noSuchCall) }
    switch call {
    case .exit:
      Processes.end(process, .exited(code: Int32(truncatingIfNeeded: f.rdi)))
      return .success(0)
    case .write: return write(f.rdi, f.rsi)
    case .read: return read(f.rdi, f.rsi, process)
    case .processID: return .success(UInt64(process.pid))
    case .yield:
      Scheduler.yield()
      return .success(0)
    case .sleep: return sleep(f.rdi)
    case .uptime: return .success(Clock.nanoseconds)
    case .spawn: return spawn(f.rdi, f.rsi, f.rdx, process)
    case .wait: return wait(f.rdi, f.rsi, f.rdx, process)
    case .kill: return kill(f.rdi)
    case .grow: return grow(f.rdi, process)
    case .map: return map(f.rdi, f.rsi, f.rdx, f.r10, f.r8, f.r9, process)
    case .protect: return protect(f.rdi, f.rsi, f.rdx, process)
    case .unmap: return unmap(f.rdi, f.rsi, process)
    case .brk: return brk(f.rdi, process)
    case .advise: return advise(f.rdi, f.rsi, f.rdx, process)
    case .processes: return listProcesses(f.rdi, f.rsi)
    case .readLog: return readLog(f.rdi, f.rsi, f.rdx)
    case .memory: return describeMemory(f.rdi)
    case .file: return describeFile(f.rdi, f.rsi)
    case .readFile: return readFile(f.rdi, f.rsi, f.rdx, f.r10)
    case .power: return power(f.rdi)
    case .demo: return demo(f.rdi, f.rsi)
    case .keepInterrupts:
      process.keepsInterrupts = f.rdi != 0
      return .success(0)
    }
  }
}
