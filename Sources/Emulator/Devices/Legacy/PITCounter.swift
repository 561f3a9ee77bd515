/// One counter of an 8254, as a function of the tick of its clock.
///
/// Nothing counts down: the counter knows when its counting element was loaded and with what, and
/// everything else follows. 8254 data sheet (Intel, order number 231164), "Mode Definitions".
public struct PITCounter: Codable, Equatable, Sendable {
  package var mode: UInt8 = 0
  package var isBCD = false
  /// RW1 and RW0: 1 low byte only, 2 high byte only, 3 low byte then high byte.
  package var access: UInt8 = 3
  package var gate: Bool
  /// CR, the count last written, at least 1.
  package var count: Int64 = 0x1_0000
  /// The count the counting element was last loaded with.
  package var loadedCount: Int64 = 0x1_0000
  /// The tick at which the counting element is or was loaded.
  package var start: Int64 = 0
  /// False from a control word until a count (and in modes 1 and 5 a trigger) arrives.
  package var isLoaded = false
  /// The tick at which a low gate stopped the counting.
  package var stopped: Int64?
  /// The tick at which modes 2 and 3 take a count written while they run.
  package var nextLoad: Int64?
  /// Modes 1 and 5: a count waits for its trigger.
  package var awaitsTrigger = false
  /// Mode 1: the output stays low across a new trigger.
  package var staysLow = false
  package var lowByteWritten: UInt8?
  package var readsHighByte = false
  package var latchedCount: UInt16?
  package var latchedStatus: UInt8?

  init(gate: Bool) {
    self.gate = gate
  }

  private var modulus: Int64 { isBCD ? 10_000 : 0x1_0000 }
  private var isPeriodic: Bool { mode == 2 || mode == 3 }
  private var isTriggered: Bool { mode == 1 || mode == 5 }
  /// Mode 3: the ticks of a period during which OUT is high.
  private func highTicks(_ count: Int64) -> Int64 { (count + 1) / 2 }

  // MARK: What can be seen

  private func elapsed(at tick: Int64) -> Int64 { (stopped ?? tick) &- start }

  /// OUT.
  package func output(at tick: Int64) -> Bool {
    guard isLoaded else { return mode != 0 }
    let elapsed = elapsed(at: tick)
    switch mode {
    case 0: return elapsed >= loadedCount
    case 1: return elapsed >= loadedCount || elapsed < 0 && !staysLow
    case 2:
      guard gate, elapsed >= 0, loadedCount > 1 else { return true }
      return elapsed % loadedCount != loadedCount - 1
    case 3:
      guard gate, elapsed >= 0 else { return true }
      return elapsed % loadedCount < highTicks(loadedCount)
    default: return elapsed != loadedCount
    }
  }

  /// The value of the counting element, in the counter's own notation.
  package func value(at tick: Int64) -> UInt16 {
    let elapsed = max(0, isLoaded ? elapsed(at: tick) : 0)
    var binary = loadedCount
    switch mode {
    case 2: binary = loadedCount - elapsed % loadedCount
    case 3:
      // Counts down by two; an odd count is loaded without its last bit.
      let phase = elapsed % loadedCount
      let high = highTicks(loadedCount)
      binary = loadedCount & ~1 - 2 * (phase < high ? phase : phase - high)
    default: binary = loadedCount - elapsed % modulus
    }
    binary = (binary % modulus + modulus) % modulus
    guard isBCD else { return UInt16(truncatingIfNeeded: binary) }
    var digits: Int64 = 0
    for shift: Int64 in [0, 4, 8, 12] {
      digits |= (binary % 10) << shift
      binary /= 10
    }
    return UInt16(truncatingIfNeeded: digits)
  }

  func status(at tick: Int64) -> UInt8 {
    let isNull = !isLoaded || awaitsTrigger || nextLoad != nil || tick < start
    return (output(at: tick) ? 0x80 : 0) | (isNull ? 0x40 : 0) | access << 4 | mode << 1
      | (isBCD ? 1 : 0)
  }

  /// The first tick after `tick` at which OUT changes.
  func nextTransition(after tick: Int64) -> Int64? {
    guard isLoaded, stopped == nil else { return nil }
    switch mode {
    case 0: return [start + loadedCount].first { $0 > tick }
    case 1: return [start, start + loadedCount].first { $0 > tick }
    case 2, 3:
      guard loadedCount > 1 else { return nil }
      let phase = max(0, tick - start) % loadedCount
      let period = max(tick, start) - phase
      let fall = period + (mode == 2 ? loadedCount - 1 : highTicks(loadedCount))
      return fall > tick ? fall : period + loadedCount
    default: return [start + loadedCount, start + loadedCount + 1].first { $0 > tick }
    }
  }

  // MARK: What changes it

  /// Takes a count whose turn has come.
  ///
  /// Must run before the counter is looked at or changed.
  mutating func settle(at tick: Int64) {
    guard let load = nextLoad, load <= tick else { return }
    let endsHighHalf = mode == 3 && (load - start) % loadedCount == highTicks(loadedCount)
    loadedCount = count
    start = endsHighHalf ? load - highTicks(count) : load
    nextLoad = nil
  }

  mutating func writeControl(_ word: UInt8, at tick: Int64) {
    access = word >> 4 & 3
    // Modes 6 and 7 are 2 and 3: bit 2 of the mode is a don't-care for them.
    mode = word >> 1 & 7
    if mode > 5 { mode -= 4 }
    isBCD = word & 1 != 0
    isLoaded = false
    awaitsTrigger = false
    staysLow = false
    nextLoad = nil
    stopped = gate ? nil : tick
    lowByteWritten = nil
    readsHighByte = false
    latchedCount = nil
    latchedStatus = nil
  }

  mutating func writeByte(_ byte: UInt8, at tick: Int64) {
    switch access {
    case 1: load(UInt16(byte), at: tick)
    case 2: load(UInt16(byte) << 8, at: tick)
    default:
      if let low = lowByteWritten {
        lowByteWritten = nil
        load(UInt16(byte) << 8 | UInt16(low), at: tick)
      } else {
        lowByteWritten = byte
        // Mode 0: the first byte stops the counting and sets OUT low.
        if mode == 0 { isLoaded = false }
      }
    }
  }

  private mutating func load(_ written: UInt16, at tick: Int64) {
    let value = Int64(written)
    let decoded =
      isBCD
      ? value & 0xF + 10 * (value >> 4 & 0xF) + 100 * (value >> 8 & 0xF) + 1000 * (value >> 12)
      : value
    count = decoded == 0 ? modulus : decoded
    if isTriggered {
      awaitsTrigger = true
    } else if isPeriodic, isLoaded, gate, start <= tick {
      guard nextLoad == nil else { return }
      let phase = (tick - start) % loadedCount
      let isHighHalf = mode == 3 && phase < highTicks(loadedCount)
      nextLoad = tick - phase + (isHighHalf ? highTicks(loadedCount) : loadedCount)
    } else {
      begin(at: tick + 1)
      stopped = gate ? nil : start
    }
  }

  /// Lets the count that runs end now, as if it had been shorter; false if none runs.
  mutating func expire(at tick: Int64) -> Bool {
    guard isLoaded, stopped == nil, start <= tick else { return false }
    switch mode {
    case 0:
      guard tick - start < loadedCount else { return false }
      start = tick - loadedCount
    case 2, 3: start = tick
    default: return false
    }
    return true
  }

  private mutating func begin(at tick: Int64) {
    loadedCount = count
    start = tick
    isLoaded = true
    awaitsTrigger = false
    nextLoad = nil
    stopped = nil
  }

  mutating func setGate(_ level: Bool, at tick: Int64) {
    guard level != gate else { return }
    gate = level
    if !level {
      if !isTriggered { stopped = max(tick, start) }
      return
    }
    switch mode {
    case 1, 5:
      guard isLoaded || awaitsTrigger else { return }
      staysLow = isLoaded && !output(at: tick)
      begin(at: tick + 1)
    case 2, 3:
      if isLoaded { begin(at: tick + 1) }
    default:
      if let stopped { start += max(0, tick - stopped) }
    }
    stopped = nil
  }

  mutating func latchCount(at tick: Int64) {
    if latchedCount == nil { latchedCount = value(at: tick) }
  }

  mutating func latchStatus(at tick: Int64) {
    if latchedStatus == nil { latchedStatus = status(at: tick) }
  }

  mutating func readByte(at tick: Int64) -> UInt8 {
    if let status = latchedStatus {
      latchedStatus = nil
      return status
    }
    let word = latchedCount ?? value(at: tick)
    let readsHigh = access == 2 || access == 3 && readsHighByte
    if access == 3 { readsHighByte.toggle() }
    // A latched count is released by the last of its bytes.
    if access != 3 || readsHigh { latchedCount = nil }
    return UInt8(truncatingIfNeeded: readsHigh ? word >> 8 : word)
  }
}
