/// Writing down the system calls of a process: what `strace` shows.
///
/// A traced process carries the open file that its lines go to. It writes them itself, after each call, so
/// that nobody has to stop it and start it again as `ptrace` would; its children inherit the file.
import KernelArch

final class SystemCallTrace {
  private let file: OpenFile

  /// Takes over the caller's hold of the file.
  init(_ file: OpenFile) { self.file = file }

  deinit { file.drop() }

  /// A call that is about to be made.
  ///
  /// Its strings are read now: the call may change them.
  func begin(_ number: UInt64, _ f: CallArguments) -> SystemCallText {
    let arguments = [f.rdi, f.rsi, f.rdx, f.r10, f.r8, f.r9]
    var text: SystemCallText
    if let signature = SystemCalls.signature(number) {
      text = SystemCallText(
        name: signature.name, letters: signature.letters, arguments: arguments
      ) { address, count in SystemCallTrace.fetch(address, count) }
    } else {
      text = SystemCallText()
      text.append("call_")
      text.append(decimal: number)
      text.append("()")
    }
    let isLast =
      number == SystemCall.exit.rawValue || number == SystemCall.exit_group.rawValue
    if isLast {
      text.append(" = ?")
      write(text)
    }
    return text
  }

  func end(_ number: UInt64, _ text: SystemCallText, _ result: UInt64) {
    if number == SystemCall.exit.rawValue || number == SystemCall.exit_group.rawValue { return }
    var text = text
    let isAddress =
      number == SystemCall.mmap.rawValue || number == SystemCall.brk.rawValue
      || number == SystemCall.mremap.rawValue
    text.append(result: result, isAddress: isAddress)
    write(text)
  }

  func signal(_ signal: Signal) {
    var text = SystemCallText()
    text.append("--- ")
    text.append(signal: signal.number)
    text.append(" ---")
    write(text)
  }

  private func write(_ text: SystemCallText) {
    var line = SystemCallText()
    line.append("[")
    line.append(decimal: UInt64(Thread.current.id))
    line.append("] ")
    let bytes = line.bytes + text.bytes + [0x0a]
    _ = try? FileBytes.write(bytes, to: file)
  }

  /// As much as there is up to the end of a page.
  private static func fetch(_ address: UInt64, _ count: Int) -> [UInt8]? {
    if let bytes = UserMemory.read(address, count: UInt64(count)) { return bytes }
    let rest = pageSize - address % pageSize
    return rest < UInt64(count) ? UserMemory.read(address, count: rest) : nil
  }
}

extension SystemCalls {
  /// trace_calls(descriptor): the caller's calls are written there from now on; -1 ends it.
  static func traceCalls(_ descriptor: Int32) throws(SystemFailure) -> UInt64 {
    guard Configuration.STRACE else { throw SystemFailure(.noSuchCall) }
    let process = Process.current
    guard descriptor >= 0 else {
      process.tracer = nil
      return 0
    }
    process.tracer = SystemCallTrace(try FileTable.ofCaller().get(Int(descriptor)))
    return 0
  }
}
