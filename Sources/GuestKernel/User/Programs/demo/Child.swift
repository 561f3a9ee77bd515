/// A child of the demonstration, made by `fork` as it is.
import Apus

enum Child {
  /// Runs `body` in a child, which ends with its result; returns the child's number, or -1.
  static func start(_ body: () -> Int32) -> Int32 {
    Output.flush()
    let pid = number(Call.fork())
    if pid == 0 {
      System.exit(body())
    }
    return pid
  }

  /// Waits for its end; the word of `wait4`, or nil when there is no such child.
  static func wait(_ pid: Int32) -> UInt32? {
    while true {
      var word: UInt32 = 0
      switch Call.wait4(pid, &word, 0, nil) {
      case .success: return word
      case .failure(.interrupted): continue
      case .failure: return nil
      }
    }
  }

  /// The exit code of a child, or nil when it ended otherwise.
  static func code(_ pid: Int32) -> Int32? {
    guard let word = wait(pid), word & 0x7f == 0 else { return nil }
    return Int32(word >> 8 & 0xff)
  }

  /// The signal that has ended a child, or 0.
  static func signal(_ pid: Int32) -> Int32 { Int32(wait(pid) ?? 0) & 0x7f }

  static func number(_ outcome: Outcome) -> Int32 {
    if case .success(let value) = outcome { return Int32(truncatingIfNeeded: value) }
    return -1
  }
}
