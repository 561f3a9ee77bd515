/// Processes: where they come from, what they turn into, how they end, and their groups.
///
/// POSIX.1: fork, execve, waitpid, getpid, setpgid, setsid, kill.
package enum Process {
  package static var id: Int32 { number(Call.getpid()) }
  package static var parentID: Int32 { number(Call.getppid()) }
  package static var group: Int32 { number(Call.getpgrp()) }

  private static func number(_ outcome: Outcome) -> Int32 {
    if case .success(let value) = outcome { return Int32(truncatingIfNeeded: value) }
    return 0
  }

  /// Makes a copy of this process; 0 in the copy, the copy's number here.
  package static func fork() throws(SystemError) -> Int32 {
    Output.flush()
    return Int32(truncatingIfNeeded: try Call.fork().get())
  }

  /// Turns this process into another program; comes back only with an error.
  package static func execute(
    _ path: [UInt8], _ arguments: [[UInt8]], environment: [[UInt8]] = Environment.strings
  ) -> SystemError {
    Output.flush()
    let outcome = StringTable.with(arguments) { argv in
      StringTable.with(environment) { envp in path.withPath { Call.execve($0, argv, envp) } }
    }
    return outcome.error ?? .badExecutable
  }

  /// The same, looking for the program in PATH unless its name has a slash.
  package static func executeFromPath(_ arguments: [[UInt8]]) -> SystemError {
    guard let name = arguments.first else { return .notFound }
    if name.contains(0x2f) { return execute(name, arguments) }
    var last = SystemError.notFound
    for folder in Environment.searchPath {
      let error = execute(folder + [0x2f] + name, arguments)
      if error != .notFound && error != .notDirectory { last = error }
    }
    return last
  }

  /// Starts a program in a process of its own; its parent waits for it, or does not.
  package static func start(_ arguments: [[UInt8]]) throws(SystemError) -> Int32 {
    let pid = try fork()
    if pid == 0 {
      let error = executeFromPath(arguments)
      complain("\(text: arguments.first ?? []): \(error.name)")
      System.exitNow(error == .notFound ? 127 : 126)
    }
    return pid
  }

  /// Starts a program and waits for its end.
  package static func run(_ arguments: [[UInt8]]) throws(SystemError) -> WaitStatus {
    try wait(for: start(arguments)).status
  }

  /// Waits for a child: that one, or any with -1, or any of a group with its number made negative.
  package static func wait(
    for pid: Int32 = -1, _ options: WaitOptions = []
  ) throws(SystemError) -> (pid: Int32, status: WaitStatus) {
    var word: UInt32 = 0
    let outcome = withUnsafeMutableBytes(of: &word) {
      Call.wait4(pid, $0.baseAddress, UInt64(options.rawValue), nil)
    }
    return (Int32(truncatingIfNeeded: try outcome.get()), WaitStatus(word: word))
  }

  /// Moves a process into a group; 0 means the caller, or a group of its own.
  package static func setGroup(_ group: Int32, of pid: Int32 = 0) throws(SystemError) {
    try Call.setpgid(pid, group).check()
  }

  package static func startSession() throws(SystemError) { try Call.setsid().check() }

  package static func send(_ signal: Signal, to pid: Int32) throws(SystemError) {
    try Call.kill(pid, signal.rawValue).check()
  }
}

package struct WaitOptions: OptionSet {
  package let rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }
  /// Returns at once, with 0 for the process, when none has changed.
  package static let noHang = WaitOptions(rawValue: 1)
  /// Stopped children count too.
  package static let untraced = WaitOptions(rawValue: 2)
  /// And those that go on.
  package static let continued = WaitOptions(rawValue: 8)
}

/// How a child has changed, from the word that `wait4` stores.
package enum WaitStatus: Equatable {
  case exited(code: Int32)
  case killed(by: Signal)
  case stopped(by: Signal)
  case continued

  package init(word: UInt32) {
    let signal = Signal(Int32(word >> 8 & 0xff))
    switch word & 0xff {
    case 0: self = .exited(code: Int32(word >> 8 & 0xff))
    case 0x7f: self = .stopped(by: signal)
    default: self = word == 0xffff ? .continued : .killed(by: Signal(Int32(word & 0x7f)))
    }
  }

  /// What `$?` shows: the code, or 128 and the signal's number.
  package var shellCode: Int32 {
    switch self {
    case .exited(let code): code
    case .killed(let signal), .stopped(let signal): 128 + signal.rawValue
    case .continued: 0
    }
  }
}

/// A table of pointers to strings that end in NUL, the last pointer null: what `execve` takes.
private enum StringTable {
  static func with<Result>(
    _ strings: [[UInt8]], _ body: (UnsafeRawPointer?) -> Result
  ) -> Result {
    var packed: [UInt8] = []
    var offsets: [Int] = []
    for string in strings {
      offsets.append(packed.count)
      packed += string
      packed.append(0)
    }
    return packed.withUnsafeBytes { bytes in
      var pointers: [UInt64] = []
      for offset in offsets {
        pointers.append(UInt64(UInt(bitPattern: bytes.baseAddress)) + UInt64(offset))
      }
      pointers.append(0)
      return pointers.withUnsafeBytes { body($0.baseAddress) }
    }
  }
}
