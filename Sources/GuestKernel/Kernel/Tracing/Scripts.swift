/// Where verified scripts run in the kernel: at a tracepoint, deciding which records are kept, and
/// before each system call of a process that asked for it, deciding which are allowed.
import KernelArch

enum Scripts {
  /// What the operation of the call `bpf` means.
  enum Operation: UInt64 {
    /// Verifies a program and forgets it.
    case verify = 0
    /// Makes it the filter of a trace event.
    case attach = 1
    /// Takes the filter away.
    case detach = 2
  }

  static func start() {
    ProcFS.add("tracing/filter") { text in
      guard let filter = Trace.filter else { return text.append("none\n") }
      let program = filter.program
      text.append("\(filter.event.name): \(program.count) instructions, \(program.runs) runs\n")
      for (index, count) in program.counters.enumerated() where count > 0 {
        text.append("counter \(index): \(count)\n")
      }
    }
  }

  /// Verifies what a program gave.
  static func admit(_ bytes: [UInt8]) -> ScriptProgram? {
    let size = MemoryLayout<ScriptInstruction>.size
    guard bytes.count % size == 0 else { return nil }
    var code: [ScriptInstruction] = []
    bytes.withUnsafeBytes { buffer in
      for at in stride(from: 0, to: buffer.count, by: size) {
        code.append(buffer.loadUnaligned(fromByteOffset: at, as: ScriptInstruction.self))
      }
    }
    do throws(ScriptError) {
      return try ScriptProgram(code)
    } catch {
      log(.notice, "script", "refused: \(error.name)")
      return nil
    }
  }

  /// Names of the context's parts at a tracepoint.
  static var traceNames: [[UInt8]] {
    let names: [StaticString] = ["event", "thread", "cpu", "a", "b", "c"]
    return names.map { [UInt8](text: $0) }
  }
}

extension SystemCalls {
  private static let largestScript = ScriptLimits.instructions * 8

  /// bpf(operation, program, bytes, event): verifies a script, or attaches it to a trace event.
  static func bpf(
    _ operation: Int32, _ program: UInt64, _ size: UInt64, _ event: UInt64
  ) -> Answer {
    guard Configuration.SCRIPTS else { return fail(.noSuchCall) }
    guard Permission.isSuperuser else { return fail(.notPermitted) }
    guard let operation = Scripts.Operation(rawValue: UInt64(UInt32(bitPattern: operation))) else {
      return fail(.invalidArgument)
    }
    if operation == .detach {
      Trace.setFilter(nil)
      return .success(0)
    }
    guard size <= UInt64(largestScript) else { return fail(.argumentsTooLong) }
    guard let bytes = UserMemory.read(program, count: size) else { return fail(.badAddress) }
    guard let script = Scripts.admit(bytes) else { return fail(.invalidArgument) }
    if operation == .attach {
      guard let event = TraceEvent(rawValue: UInt8(truncatingIfNeeded: event)) else {
        return fail(.invalidArgument)
      }
      Trace.setFilter((event, script))
    }
    return .success(0)
  }

  /// seccomp(1, bytes, program): from now on the script decides which calls the caller may make.
  ///
  /// It sees the number, the process and the first four arguments; zero means the call fails with
  /// EPERM. It cannot be taken off again.
  static func seccomp(_ operation: UInt32, _ size: UInt64, _ program: UInt64) -> Answer {
    guard Configuration.SECCOMP else { return fail(.noSuchCall) }
    let setFilter: UInt32 = 1
    guard operation == setFilter, size <= UInt64(largestScript) else {
      return fail(.invalidArgument)
    }
    guard let bytes = UserMemory.read(program, count: size) else { return fail(.badAddress) }
    guard let process = Scheduler.running?.process, process.callFilter == nil else {
      return fail(.notPermitted)
    }
    guard let script = Scripts.admit(bytes) else { return fail(.invalidArgument) }
    process.callFilter = script
    return .success(0)
  }

  /// False when the process's own filter forbids the call.
  static func isAllowed(_ filter: ScriptProgram, _ f: trap_frame) -> Bool {
    let pid = UInt64(Scheduler.running?.process?.pid ?? 0)
    return filter.run([f.rax, pid, f.rdi, f.rsi, f.rdx, f.r10, 0, 0]) != 0
  }
}
