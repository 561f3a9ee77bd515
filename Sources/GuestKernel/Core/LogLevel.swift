/// How urgent a line of the log is: syslog's eight levels.
package enum LogLevel: UInt8 {
  case emergency = 0
  case alert = 1
  case critical = 2
  case error = 3
  case warning = 4
  case notice = 5
  case info = 6
  case debug = 7

  package var name: StaticString {
    switch self {
    case .emergency: "emerg"
    case .alert: "alert"
    case .critical: "crit"
    case .error: "err"
    case .warning: "warn"
    case .notice: "notice"
    case .info: "info"
    case .debug: "debug"
    }
  }
}

/// Lets through a burst of messages, then none until the interval is over.
///
/// A message that a user can cause in a loop would otherwise push everything else out of the log.
package struct RateLimit {
  private let interval: UInt64
  private let burst: UInt32
  private var begin: UInt64 = 0
  private var passed: UInt32 = 0
  /// Messages held back since the last one that passed.
  package private(set) var suppressed: UInt32 = 0

  /// The interval is in nanoseconds.
  package init(interval: UInt64, burst: UInt32) {
    self.interval = interval
    self.burst = burst
  }

  /// True when a message may pass at time `now`; then the caller also says what was held back before.
  package mutating func allows(at now: UInt64) -> (passes: Bool, missed: UInt32) {
    if passed == 0 || now >= begin &+ interval {
      begin = now
      passed = 0
    }
    guard passed < burst else {
      suppressed &+= 1
      return (false, 0)
    }
    passed += 1
    defer { suppressed = 0 }
    return (true, suppressed)
  }
}

/// What the kernel command line says about finding out what goes wrong.
package struct DebugOptions: Equatable {
  package var logLevel: UInt8?
  package var panicSeconds: UInt64?
  package var oopsesPanic = false
  package var events: [[UInt8]] = []
  package var debuggerPort: UInt8?
  package var waitsForDebugger = false

  package init() {}

  /// Takes a word of the command line; false when it is about something else.
  package mutating func read(_ word: [UInt8]) -> Bool {
    if word.starts(with: "loglevel="), let level = Array(word.dropFirst(9)).decimal, level <= 8 {
      logLevel = UInt8(level)
    } else if word.starts(with: "panic="), let seconds = Array(word.dropFirst(6)).decimal {
      panicSeconds = min(seconds, 3600)
    } else if word.equals("oops=panic") {
      oopsesPanic = true
    } else if word.starts(with: "trace=") {
      events += word.dropFirst(6).split(separator: 0x2c).map { Array($0) }
    } else if word.equals("kgdb") || word.equals("kgdb=com2") {
      debuggerPort = 2
    } else if word.equals("kgdb=com1") {
      debuggerPort = 1
    } else if word.equals("kgdbwait") {
      debuggerPort = debuggerPort ?? 2
      waitsForDebugger = true
    } else {
      return false
    }
    return true
  }
}
