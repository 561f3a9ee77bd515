/// Processes: making them, waiting for them, turning into another program.
import UserSystem

package enum Process {
  package static var id: Int32 { Process.number(Call.getpid()) }
  package static var parentID: Int32 { Process.number(Call.getppid()) }

  static func number(_ outcome: Outcome) -> Int32 {
    if case .success(let value) = outcome { return Int32(truncatingIfNeeded: value) }
    return -1
  }

  /// Runs `body` in a child, which ends with its result; returns the child's number, or -1.
  package static func fork(_ body: () -> Int32) -> Int32 {
    let pid = number(Call.fork())
    if pid == 0 { System.exit(body()) }
    return pid
  }

  /// Waits for the end of a child; nil when there is no such child.
  package static func wait(_ pid: Int32) -> ExitStatus? {
    while true {
      var word: UInt32 = 0
      switch Call.wait4(pid, &word, 0, nil) {
      case .success: return ExitStatus(word: word)
      case .failure(.interrupted): continue
      case .failure: return nil
      }
    }
  }

  /// Becomes another program; returns only when that fails.
  package static func execute(
    _ path: [UInt8], _ arguments: [[UInt8]], environment: [[UInt8]] = []
  ) -> SystemError {
    let answer = withPointers(arguments) { argv in
      withPointers(environment) { envp in Call.execve(path + [0], argv, envp) }
    }
    if case .failure(let error) = answer { return error }
    return .badExecutable
  }

  /// An array of pointers to strings that end in NUL, and a null pointer.
  private static func withPointers(
    _ strings: [[UInt8]], _ body: (UnsafeRawPointer?) -> Outcome
  ) -> Outcome {
    var bytes: [UInt8] = []
    var offsets: [Int] = []
    for string in strings {
      offsets.append(bytes.count)
      bytes += string + [0]
    }
    return bytes.withUnsafeBytes { bytes in
      var words: [UInt64] = []
      for offset in offsets { words.append(UInt64(UInt(bitPattern: bytes.baseAddress)) + UInt64(offset)) }
      words.append(0)
      return words.withUnsafeBytes { body($0.baseAddress) }
    }
  }
}
