/// Writing down the system calls of a process: what `strace` shows.
///
/// A traced process carries the open file that its lines go to, which who traces it has given. It writes them
/// itself, each when the call is over, so that nobody has to stop it and start it again as `ptrace` would.
import KernelArch

final class SystemCallTrace {
  /// Children of the process are traced too.
  let followsChildren: Bool
  private let file: OpenFile

  /// Takes over the caller's hold of the file.
  init(_ file: OpenFile, followsChildren: Bool) {
    self.file = file
    self.followsChildren = followsChildren
  }

  deinit { file.drop() }

  /// A call that is about to be made.
  func begin(_ number: UInt64, _ f: CallArguments) -> TracedCall {
    let known = SystemCalls.signature(number)
    let arguments = known == nil ? [number] : [f.rdi, f.rsi, f.rdx, f.r10, f.r8, f.r9]
    let call = TracedCall(
      name: known?.name ?? "syscall", letters: known?.letters ?? "u", arguments: arguments
    ) { address, count in SystemCallTrace.fetch(address, count) }
    if isLast(number) { write(call.lineWithoutResult()) }
    return call
  }

  func end(_ number: UInt64, _ call: TracedCall, _ result: UInt64) {
    if isLast(number) { return }
    let isAddress =
      number == SystemCall.mmap.rawValue || number == SystemCall.brk.rawValue
      || number == SystemCall.mremap.rawValue
    let line = call.line(result: result, isAddress: isAddress) { address, count in
      SystemCallTrace.fetch(address, count)
    }
    write(line)
  }

  private func isLast(_ number: UInt64) -> Bool {
    number == SystemCall.exit.rawValue || number == SystemCall.exit_group.rawValue
  }

  func signal(_ signal: Signal) {
    var text = SystemCallText()
    text.append("--- ")
    text.append(signal: signal.number)
    text.append(" ---")
    write(text)
  }

  private func write(_ text: SystemCallText) {
    // Who reads the lines is gone: that is no reason to send SIGPIPE to the one who is traced.
    if file.poll(nil).contains(.error) {
      Process.current.tracer = nil
      return
    }
    var line = SystemCallText()
    line.append("[")
    line.append(decimal: UInt64(Thread.current.id))
    line.append("] ")
    let bytes = line.bytes + text.bytes + [0x0a]
    file.hold()
    defer { file.drop() }
    _ = try? FileBytes.write(bytes, to: file)
  }

  /// As much as there is up to the end of a page.
  private static func fetch(_ address: UInt64, _ count: Int) -> [UInt8]? {
    if let bytes = UserMemory.read(address, count: UInt64(count)) { return bytes }
    let rest = pageSize - address % pageSize
    return rest < UInt64(count) ? UserMemory.read(address, count: rest) : nil
  }
}

extension Process {
  /// Who writes its calls down, if anybody does.
  var tracer: SystemCallTrace? {
    get { isTraced ? Processes.lock.withLockIRQ { currentTracer } : nil }
    set {
      // The old one, and with it perhaps the last hold of a file, goes behind the lock.
      let old = Processes.lock.withLockIRQ {
        let old = currentTracer
        currentTracer = newValue
        isTraced = newValue != nil
        return old
      }
      _ = old
    }
  }
}

extension SystemCalls {
  /// trace_calls(descriptor, pid, flags): the calls of a process, or of the caller for 0, are written there from
  /// now on; -1 ends it, and a flag of 1 goes for its children too.
  static func traceCalls(
    _ descriptor: Int32, _ pid: Int32, _ flags: UInt64
  ) throws(SystemFailure) -> UInt64 {
    guard Configuration.STRACE else { throw SystemFailure(.noSuchCall) }
    guard flags & ~1 == 0 else { throw SystemFailure(.invalidArgument) }
    let process = try JobControl.process(pid)
    // Not one that acts in another's name: its calls show what only that one may see.
    let own = Permission.callersCredentials
    guard Permission.mayControl(process),
      own.isSuperuser || process.files?.credentials.effectiveUser == own.effectiveUser
    else { throw SystemFailure(.notPermitted) }
    guard descriptor >= 0 else {
      process.tracer = nil
      return 0
    }
    let file = try FileTable.ofCaller().get(Int(descriptor))
    guard process.status == nil, file.flags.canWrite else {
      file.drop()
      throw SystemFailure(process.status == nil ? .badDescriptor : .noSuchProcess)
    }
    process.tracer = SystemCallTrace(file, followsChildren: flags & 1 != 0)
    return 0
  }
}
