/// The kernel's log: every line with level, processor and the time since boot, kept for `dmesg`.
///
/// In the buffer each line begins with `<LEVEL,CPU>`, as /proc/kmsg shows it; the call `read_log` leaves
/// that out. Lines more urgent than the console's level appear there, too.
import KernelArch

enum KernelLog {
  /// A leaf: may be taken anywhere, with interrupts off; under it only the console's.
  private static let lock = SpinLock("log")
  nonisolated(unsafe) private static var buffer = LogBuffer(capacity: 0)
  /// Lines below this level go to the console.
  nonisolated(unsafe) static var consoleLevel: UInt8 = 7

  /// True while the kernel boots, and after a panic; with the option `quiet` only then.
  static var isOnConsole: Bool {
    get { consoleLevel > LogLevel.info.rawValue }
    set {
      let quiet = LogLevel.error.rawValue
      consoleLevel = newValue ? LogLevel.debug.rawValue : Power.options.debug.logLevel ?? quiet
    }
  }

  static func start() { buffer = LogBuffer(capacity: Configuration.LOG_SIZE) }

  /// Publishes the log with its levels, and the console's level.
  static func publish() {
    ProcFS.add("kmsg") { text in
      let start = lock.withLockIRQ { buffer.start }
      text.append(bytes: raw(from: start, limit: Configuration.LOG_SIZE))
    }
    ProcFS.add(
      "sys/kernel/printk",
      write: { bytes in
        let digits = bytes.split(separator: 0x0a).first.map { Array($0) } ?? []
        guard let level = digits.decimal, level <= 8 else { return .invalidArgument }
        consoleLevel = UInt8(level)
        return nil
      }
    ) { $0.append("\(consoleLevel)\n") }
  }

  static func append(_ level: LogLevel, _ tag: StaticString, _ text: TextLine) {
    let nanoseconds = Clock.nanoseconds
    var line: TextLine = "<\(level.rawValue),\(percpu_index())>"
    let prefix = line.count
    line.append("[")
    line.append(decimal: nanoseconds / 1_000_000_000, width: 3)
    line.append(".")
    line.append(decimal: nanoseconds / 1000 % 1_000_000, width: 6, fill: 0x30)
    line.append("] ")
    line.append(tag)
    line.pad(to: prefix + 21)
    line.append(line: text)
    lock.withLockIRQ {
      buffer.append(line)
      guard level.rawValue < consoleLevel || level == .emergency else { return }
      line.withBytes { Console.write($0[prefix...]) }
      Console.write("\n")
    }
  }

  // Where the log begins for those who read all of it. Lock: `lock`.
  nonisolated(unsafe) private static var cleared = 0

  /// What is there stays for /proc/kmsg and `read_log`, and is gone for `syslog`.
  static func clear() { lock.withLockIRQ { cleared = buffer.end } }

  static var range: Range<Int> {
    lock.withLockIRQ { min(max(cleared, buffer.start), buffer.end)..<buffer.end }
  }

  /// Bytes as they are in the buffer; none when they have been overwritten.
  static func raw(from position: Int, limit: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(limit)
    lock.withLockIRQ {
      while bytes.count < limit, let byte = buffer.byte(at: position + bytes.count) {
        bytes.append(byte)
      }
    }
    return bytes
  }

  /// Copies from `position` on, without the prefixes; returns the bytes and the position after them.
  static func read(from position: Int, limit: Int) -> (bytes: [UInt8], next: Int) {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(limit)
    let next = lock.withLockIRQ {
      var at = max(position, buffer.start)
      while bytes.count < limit, let byte = buffer.byte(at: at) {
        let isAtStart = buffer.byte(at: at - 1).map { $0 == 0x0a } ?? true
        if isAtStart, byte == 0x3c {
          while let next = buffer.byte(at: at), next != 0x3e { at += 1 }
        } else {
          bytes.append(byte)
        }
        at += 1
      }
      return at
    }
    return (bytes, next)
  }
}

/// Logs one line under the name of the part of the kernel that speaks.
func log(_ tag: StaticString, _ text: TextLine) { KernelLog.append(.info, tag, text) }

/// The same with another urgency: `log(.warning, "disk", "...")`.
func log(_ level: LogLevel, _ tag: StaticString, _ text: TextLine) {
  KernelLog.append(level, tag, text)
}

/// A place in the code that logs at most so often; one such object per place.
final class LogLimit {
  private let lock = SpinLock("log limit")
  private var limit: RateLimit

  init(burst: UInt32, seconds: UInt64) {
    limit = RateLimit(interval: seconds * 1_000_000_000, burst: burst)
  }

  func log(_ level: LogLevel, _ tag: StaticString, _ text: TextLine) {
    let answer = lock.withLockIRQ { limit.allows(at: Clock.nanoseconds) }
    guard answer.passes else { return }
    if answer.missed > 0 { KernelLog.append(level, tag, "\(answer.missed) messages suppressed") }
    KernelLog.append(level, tag, text)
  }

  var suppressed: UInt32 { lock.withLockIRQ { limit.suppressed } }
}

/// Logs a line for code that has only C's types: modules in assembly.
@c(kernel_log)
public func kernelLog(_ text: UnsafePointer<CChar>) {
  let bytes = UnsafeRawBufferPointer(start: text, count: min(strlen(text), TextLine.capacity))
  log("module", "\(text: Array(bytes))")
}
