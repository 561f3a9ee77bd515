/// What a terminal does with typed bytes before a program reads them.
///
/// In canonical mode lines are edited here (backspace, Ctrl-U, Ctrl-W) and become readable as a whole;
/// in raw mode each byte is readable at once. Ctrl-C, Ctrl-\ and Ctrl-Z become signals for the
/// foreground, Ctrl-D an end of file. It only says what to echo and whom to signal; the terminal does
/// it.
package struct LineDiscipline {
  package enum Signal {
    case interrupt
    case quit
    case stop
  }

  package enum Effect {
    case none
    /// Something can be read now.
    case readable
    case signal(Signal)
  }

  package static let capacity = 4096

  package var settings = TerminalSettings()
  /// What is to be shown; the caller empties it.
  package var echo: [UInt8] = []
  private var line: [UInt8] = []
  private var ready = ByteQueue(capacity: LineDiscipline.capacity)
  /// Lengths of the finished lines; 0 is an end of file.
  private var lines: [Int] = []

  package init() {}

  package var readableCount: Int { ready.count }
  package var isReadable: Bool { settings.isCanonical != 0 ? !lines.isEmpty : ready.count > 0 }

  package mutating func receive(_ typed: UInt8) -> Effect {
    var byte = typed
    if settings.makesSignals != 0, let signal = signal(byte) {
      show([0x5e, byte &+ 0x40, 0x0a])
      line = []
      ready.removeAll()
      lines = []
      return .signal(signal)
    }
    if byte == 0x0d, settings.mapsReturn != 0 { byte = 0x0a }
    guard settings.isCanonical != 0 else {
      if settings.echoes != 0 { show([byte]) }
      return ready.push(byte) ? .readable : .none
    }
    return edit(byte)
  }

  /// Takes a byte as it is, whatever the settings.
  package mutating func receiveRaw(_ byte: UInt8) {
    guard ready.push(byte) else { return }
    if settings.isCanonical != 0 { lines.append(1) }
  }

  private func signal(_ byte: UInt8) -> Signal? {
    switch byte {
    case 0x03: .interrupt
    case 0x1c: .quit
    case 0x1a: .stop
    default: nil
    }
  }

  private mutating func show(_ bytes: [UInt8]) {
    if settings.echoes != 0 { echo += bytes }
  }

  private mutating func edit(_ byte: UInt8) -> Effect {
    switch byte {
    case 0x0a:
      show([0x0a])
      line.append(byte)
      return finishLine()
    case 0x04:  // Ctrl-D: what there is becomes readable, without a newline
      return finishLine()
    case 0x08, 0x7f:
      if line.popLast() != nil { erase(1) }
    case 0x15:  // Ctrl-U
      erase(line.count)
      line = []
    case 0x17:  // Ctrl-W
      var count = 0
      while line.last == 0x20 {
        line.removeLast()
        count += 1
      }
      while let last = line.last, last != 0x20 {
        line.removeLast()
        count += 1
      }
      erase(count)
    case 0x20..., 0x09:
      guard line.count < LineDiscipline.capacity / 4 else { break }
      line.append(byte)
      show([byte])
    default:
      break
    }
    return .none
  }

  private mutating func erase(_ count: Int) {
    for _ in 0..<count { show([0x08, 0x20, 0x08]) }
  }

  private mutating func finishLine() -> Effect {
    guard ready.count + line.count <= LineDiscipline.capacity else { return .none }
    for byte in line { _ = ready.push(byte) }
    lines.append(line.count)
    line = []
    return .readable
  }

  /// Takes up to `limit` bytes: at most one line in canonical mode; empty at an end of file.
  package mutating func read(limit: Int) -> [UInt8] {
    var count = min(limit, ready.count)
    if settings.isCanonical != 0, let length = lines.first {
      count = min(limit, length)
      if count == length { lines.removeFirst() } else { lines[0] = length - count }
    }
    var bytes: [UInt8] = []
    while bytes.count < count, let byte = ready.pop() { bytes.append(byte) }
    return bytes
  }

  /// Changes the settings; a line that was half typed becomes readable in raw mode.
  package mutating func set(_ new: TerminalSettings) {
    if settings.isCanonical != 0, new.isCanonical == 0 {
      for byte in line { _ = ready.push(byte) }
      line = []
      lines = []
    } else if settings.isCanonical == 0, new.isCanonical != 0, ready.count > 0 {
      lines = [ready.count]
    }
    settings = new
  }
}
