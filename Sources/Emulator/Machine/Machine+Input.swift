extension Machine {
  /// Gives bytes to a serial port, now, and notes when that was.
  func receive(_ bytes: [UInt8], port: Int) {
    guard !bytes.isEmpty else { return }
    // A replay brings its own input; anything else would not be the same execution.
    guard replay == nil else { return }
    runDueEvents()
    deliver(
      InputLog.Entry(instructionCount: instructionCount, time: now, port: port, bytes: bytes))
  }

  func deliver(_ entry: InputLog.Entry) {
    inputLog.append(entry)
    guard chipset.uarts.indices.contains(entry.port) else { return }
    for byte in entry.bytes { chipset.uarts[entry.port].receive(byte) }
  }

  /// Delivers the inputs of `log` at their moments, instead of any others.
  ///
  /// Call it before the machine has run.
  public func replay(_ log: InputLog) {
    replay = InputReplay(log)
  }
}

/// The part of a log that is still to come.
struct InputReplay {
  private let log: InputLog
  private var position = 0

  init(_ log: InputLog) { self.log = log }

  /// When the next input is due, nil when there is none left.
  var nextTime: UInt64? { position < log.entries.count ? log.entries[position].time : nil }

  /// The next input if it is due at `now`.
  mutating func next(at now: UInt64) -> InputLog.Entry? {
    guard let time = nextTime, time <= now else { return nil }
    defer { position += 1 }
    return log.entries[position]
  }
}
