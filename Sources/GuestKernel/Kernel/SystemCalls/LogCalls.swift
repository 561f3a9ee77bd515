/// syslog: the kernel's log for programs, and how much of it appears on the console.
import KernelArch

extension SystemCalls {
  /// What `syslog` can do, by Linux's numbers.
  private enum LogAction: Int32 {
    case close = 0
    case open = 1
    case readAll = 3
    case readAndClear = 4
    case clear = 5
    case consoleOff = 6
    case consoleOn = 7
    case consoleLevel = 8
    case bufferSize = 10
  }

  /// syslog(type, buffer, size): a level, or what the log has since it was last cleared.
  ///
  /// Each line begins with `<LEVEL,CPU>`. Anybody may read; the rest is the superuser's.
  static func systemLog(
    _ type: Int32, _ address: UInt64, _ count: Int32
  ) throws(Failure) -> UInt64 {
    guard let action = LogAction(rawValue: type) else { throw Failure(.invalidArgument) }
    switch action {
    case .close, .open: return 0
    case .bufferSize: return UInt64(Configuration.LOG_SIZE)
    case .readAll: return try copyLog(address, count)
    default: break
    }
    guard Permission.caller.userID == 0 else { throw Failure(.notPermitted) }
    switch action {
    case .readAndClear:
      let copied = try copyLog(address, count)
      KernelLog.clear()
      return copied
    case .clear: KernelLog.clear()
    case .consoleOff: KernelLog.consoleLevel = LogLevel.alert.rawValue
    case .consoleOn: KernelLog.consoleLevel = LogLevel.debug.rawValue
    case .consoleLevel:
      guard count >= 1, count <= 8 else { throw Failure(.invalidArgument) }
      KernelLog.consoleLevel = UInt8(count)
    default: break
    }
    return 0
  }

  /// The last `count` bytes of the log, a piece at a time.
  private static func copyLog(_ address: UInt64, _ count: Int32) throws(Failure) -> UInt64 {
    guard count >= 0 else { throw Failure(.invalidArgument) }
    let range = KernelLog.range
    var position = max(range.lowerBound, range.upperBound - Int(count))
    var done: UInt64 = 0
    while position < range.upperBound {
      let piece = KernelLog.raw(
        from: position, limit: min(range.upperBound - position, Int(pageSize)))
      if piece.isEmpty { break }
      guard UserMemory.write(piece, to: address &+ done) else { throw Failure(.badAddress) }
      position += piece.count
      done += UInt64(piece.count)
    }
    return done
  }
}
