extension Machine {
  /// Gives bytes to a serial port, the virtio console or the network, now, and notes when that was.
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
    report(.input(port: entry.port, bytes: entry.bytes))
    switch entry.port {
    case InputLog.virtioConsole: return chipset.virtio.receive(entry.bytes)
    case InputLog.network: return chipset.virtio.receive(frame: entry.bytes)
    case InputLog.keyboard:
      heldKeys.append(entry.bytes, now: now)
      return releaseHeldKeys()
    case InputLog.timer: return chipset.fireTimer(entry.bytes.first ?? 0)
    default: break
    }
    heldInput.append(entry.bytes, port: entry.port)
    releaseHeldInput()
  }

  /// Gives serial ports what was held for them, as soon as their drivers listen.
  func releaseHeldInput() {
    for (port, uart) in chipset.uarts.enumerated() where uart.isListening {
      for byte in heldInput.take(port: port) { uart.receive(byte) }
    }
  }

  /// Delivers the inputs of `log` at their moments, instead of any others.
  ///
  /// Call it before the machine runs, or runs on; the log has what is still to come then.
  public func replay(_ log: InputLog) {
    replay = InputReplay(log)
  }
}

extension Machine {
  /// Whether inputs of a log are still to come.
  package var isReplaying: Bool { replay.map { !$0.isFinished } ?? false }

  /// Takes input from outside again.
  package func stopReplay() { replay = nil }
}

/// The part of a log that is still to come.
struct InputReplay {
  private let log: InputLog
  private var position = 0

  init(_ log: InputLog) { self.log = log }

  /// Whether every input has been delivered.
  var isFinished: Bool { position >= log.entries.count }

  /// When the next input is due, nil when there is none left.
  var nextTime: UInt64? { position < log.entries.count ? log.entries[position].time : nil }

  /// The next input if it is due at `now`.
  mutating func next(at now: UInt64) -> InputLog.Entry? {
    guard let time = nextTime, time <= now else { return nil }
    defer { position += 1 }
    return log.entries[position]
  }
}

/// Input for serial ports that nobody listens to: a driver's first act is to throw away what the
/// receiver holds.
///
/// Quirk: patient-console. A terminal would not wait.
struct HeldInput: Codable {
  private var bytes: [[UInt8]]
  /// How many bytes are held.
  private var count = 0

  init(portCount: Int) { bytes = [[UInt8]](repeating: [], count: portCount) }

  var isEmpty: Bool { count == 0 }

  mutating func append(_ more: [UInt8], port: Int) {
    guard bytes.indices.contains(port) else { return }
    bytes[port] += more
    count += more.count
  }

  func add(to digest: inout StateDigest) {
    for held in bytes {
      digest.add(UInt64(held.count))
      digest.add(held)
    }
  }

  /// Everything that is held for a port.
  mutating func take(port: Int) -> [UInt8] {
    let taken = bytes[port]
    bytes[port] = []
    count -= taken.count
    return taken
  }
}
