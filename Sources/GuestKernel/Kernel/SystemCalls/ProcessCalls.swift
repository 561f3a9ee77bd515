/// Making processes, ending them, waiting for them.
import KernelArch

extension SystemCalls {
  static func fork(_ frame: UnsafeMutablePointer<trap_frame>) throws(SystemFailure) -> UInt64 {
    try Fork.fork(frame)
  }

  static func execve(
    _ frame: UnsafeMutablePointer<trap_frame>, _ path: UInt64, _ arguments: UInt64,
    _ environment: UInt64
  ) throws(SystemFailure) -> UInt64 {
    let path = try UserMemory.string(path, limit: 4096)
    var room = Exec.longestArguments
    let arguments = try strings(at: arguments, &room)
    let environment = try strings(at: environment, &room)
    guard !path.isEmpty else { throw SystemFailure(.notFound) }
    return try Exec.execute(
      frame, path, arguments.isEmpty ? [path] : arguments, environment)
  }

  /// An array of pointers to strings that ends in a null pointer; a null pointer is an empty one.
  private static func strings(
    at address: UInt64, _ room: inout Int
  ) throws(SystemFailure) -> [[UInt8]] {
    var strings: [[UInt8]] = []
    guard address != 0 else { return strings }
    while true {
      let pointer = try UserMemory.get(0 as UInt64, at: address &+ UInt64(strings.count * 8))
      if pointer == 0 { return strings }
      guard room > 9 else { throw SystemFailure(.argumentsTooLong) }
      do throws(SystemFailure) {
        strings.append(try UserMemory.string(pointer, limit: room - 9))
      } catch {
        throw error.error == .nameTooLong ? SystemFailure(.argumentsTooLong) : error
      }
      room -= strings[strings.count - 1].count + 9
    }
  }

  static func exitThread(_ code: Int32) -> Answer {
    let thread = Thread.current
    thread.user?.exitCode = code
    thread.interrupt(fatal: true)
    return .success(0)
  }

  static func exitGroup(_ code: Int32) -> Answer {
    Processes.end(Process.current, .exited(code: code))
    return .success(0)
  }

  static func wait4(
    _ pid: Int32, _ status: UInt64, _ options: UInt64, _ usage: UInt64
  ) throws(SystemFailure) -> UInt64 {
    let known: UInt64 = 0xe000_000b  // WNOHANG, WUNTRACED, WCONTINUED, and what clone adds
    guard options & ~known == 0 else { throw SystemFailure(.invalidArgument) }
    let caller = Process.current
    let options = WaitOptions(rawValue: options).union(.exited)
    let selection = ChildSelection(pid, caller: caller)
    guard let news = try Processes.wait(parent: caller.pid, selection, options) else { return 0 }
    let word = Power.options.faults.contains(.waitLie) ? 0 : news.status.word
    if status != 0 { try UserMemory.put(word, at: status) }
    if usage != 0 { try UserMemory.put(news.nanoseconds, at: usage) }
    return UInt64(news.pid)
  }

  static func waitid(
    _ type: Int32, _ id: Int32, _ record: UInt64, _ options: UInt64, _ usage: UInt64
  ) throws(SystemFailure) -> UInt64 {
    let caller = Process.current
    let selection: ChildSelection
    switch type {
    case 0: selection = .any
    case 1: selection = .pid(Int(id))
    case 2: selection = .group(id == 0 ? caller.group : Int(id))
    default: throw SystemFailure(.invalidArgument)
    }
    let options = WaitOptions(rawValue: options)
    guard !options.isDisjoint(with: [.exited, .stopped, .continued]) else {
      throw SystemFailure(.invalidArgument)
    }
    let news = try Processes.wait(parent: caller.pid, selection, options)
    if record != 0 { try UserMemory.put(describe(news), at: record) }
    return 0
  }

  private static func describe(_ news: ChildNews?) -> SignalRecord {
    var record = SignalRecord()
    guard let news else { return record }
    record.signal = Signal.child.number
    record.pid = Int32(truncatingIfNeeded: news.pid)
    switch news.status {
    case .exited(let code): (record.code, record.status) = (SignalRecord.exited, code & 0xff)
    case .signaled(let signal, let dumped):
      record.code = dumped ? SignalRecord.dumped : SignalRecord.killed
      record.status = signal.number
    case .stopped(let signal):
      (record.code, record.status) = (SignalRecord.stopped, signal.number)
    case .continued:
      (record.code, record.status) = (SignalRecord.continued, Signal.continues.number)
    }
    return record
  }
}

// MARK: Who is who

extension SystemCalls {
  static func getProcessID() -> Answer {
    .success(UInt64(Thread.withCurrent { $0.process?.pid ?? 0 }))
  }
  static func getThreadID() -> Answer { .success(UInt64(Thread.withCurrent { $0.id })) }

  /// `prctl`, of which there is the thread's name: PR_SET_NAME and PR_GET_NAME, at most 15 bytes.
  static func controlThread(_ option: Int32, _ address: UInt64) throws(SystemFailure) -> UInt64 {
    let thread = Thread.current
    let longest = 15
    switch option {
    case 15:
      let name = Array(try UserMemory.string(address, limit: 4096).prefix(longest))
      Processes.lock.withLockIRQ {
        thread.name = RecordName(bytes: name)
        if let process = thread.process, process.pid == thread.id { process.name = thread.name }
      }
    case 16:
      let name = Array(thread.name.bytes.prefix(longest))
      let padding = [UInt8](repeating: 0, count: longest + 1 - name.count)
      guard UserMemory.write(name + padding, to: address) else { throw SystemFailure(.badAddress) }
    default: throw SystemFailure(.invalidArgument)
    }
    return 0
  }

  static func getParentID() -> Answer {
    let process = Process.current
    return .success(UInt64(Processes.lock.withLockIRQ { process.parent }))
  }

  static func setGroup(_ pid: Int32, _ group: Int32) throws(SystemFailure) -> UInt64 {
    try JobControl.setGroup(Int(pid), Int(group))
    return 0
  }

  static func getGroup() -> Answer { .success(UInt64(Process.current.group)) }

  static func getGroupOf(_ pid: Int32) throws(SystemFailure) -> UInt64 {
    UInt64(try JobControl.process(pid).group)
  }

  static func getSessionOf(_ pid: Int32) throws(SystemFailure) -> UInt64 {
    UInt64(try JobControl.process(pid).session)
  }

  static func makeSession() throws(SystemFailure) -> UInt64 { try JobControl.makeSession() }

  static func yield() -> Answer {
    Scheduler.yield()
    return .success(0)
  }
}
