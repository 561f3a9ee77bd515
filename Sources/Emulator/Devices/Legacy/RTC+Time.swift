extension RTC {
  enum Index {
    static let seconds = 0x00
    static let secondsAlarm = 0x01
    static let minutes = 0x02
    static let minutesAlarm = 0x03
    static let hours = 0x04
    static let hoursAlarm = 0x05
    static let weekday = 0x06
    static let day = 0x07
    static let month = 0x08
    static let year = 0x09
    static let registerA = 0x0A
    static let registerB = 0x0B
    static let registerC = 0x0C
    static let registerD = 0x0D
    static let century = 0x32
  }

  enum RegisterB {
    static let is24Hour: UInt8 = 1 << 1
    static let isBinary: UInt8 = 1 << 2
    static let updateEnded: UInt8 = 1 << 4
    static let alarm: UInt8 = 1 << 5
    static let periodic: UInt8 = 1 << 6
    static let interrupts = updateEnded | alarm | periodic
    static let set: UInt8 = 1 << 7
  }

  /// IRQF of register C; PF, AF and UF have the places of their enable bits in register B.
  static let interruptFlag: UInt8 = 1 << 7
}

extension RTC.State {
  private typealias Index = RTC.Index
  private typealias RegisterB = RTC.RegisterB

  var isRunning: Bool { memory[Index.registerA] & 0x70 == 0x20 }
  private var isSet: Bool { memory[Index.registerB] & RegisterB.set != 0 }
  private var isBinary: Bool { memory[Index.registerB] & RegisterB.isBinary != 0 }
  private var is24Hour: Bool { memory[Index.registerB] & RegisterB.is24Hour != 0 }
  private var enabled: UInt8 { memory[Index.registerB] & RegisterB.interrupts }
  private var flags: UInt8 { memory[Index.registerC] }

  var isInterrupting: Bool { flags & RTC.interruptFlag != 0 }

  mutating func updateInterruptFlag() {
    let isRequested = flags & enabled != 0
    memory[Index.registerC] = flags & 0x7F | (isRequested ? RTC.interruptFlag : 0)
  }

  /// Ticks between periodic interrupts, nil when there are none.
  private var period: Int64? {
    let rate = Int64(memory[Index.registerA] & 0xF)
    guard rate != 0 else { return nil }
    return 1 << (rate < 3 ? rate + 6 : rate - 1)
  }

  private func count(of period: Int64, at tick: Int64) -> Int64 { (tick &- origin) / period }

  /// The next tick at which an enabled interrupt that is not yet flagged may be.
  var nextEvent: Int64? {
    guard isRunning else { return nil }
    let missing = enabled & ~flags
    var next: Int64?
    if missing & RegisterB.periodic != 0, let period {
      next = origin &+ (count(of: period, at: observed) + 1) &* period
    }
    if missing & (RegisterB.alarm | RegisterB.updateEnded) != 0, !isSet {
      let second = RTC.ticksPerSecond
      let update = origin &+ (count(of: second, at: observed) + 1) &* second
      next = min(next ?? update, update)
    }
    return next
  }

  /// UIP: from 244 microseconds before an update until it is done.
  func isUpdateInProgress(at tick: Int64) -> Bool {
    guard isRunning, !isSet else { return false }
    return (tick &- origin) % RTC.ticksPerSecond >= RTC.ticksPerSecond - 8
  }

  /// Counts everything that happened up to `tick`.
  mutating func advance(to tick: Int64) {
    let last = observed
    observed = tick
    guard isRunning, tick > last else { return }
    if let period, count(of: period, at: tick) > count(of: period, at: last) {
      memory[Index.registerC] |= RegisterB.periodic
    }
    let seconds =
      count(of: RTC.ticksPerSecond, at: tick) - count(of: RTC.ticksPerSecond, at: last)
    guard seconds > 0, !isSet else { return }
    let before = time
    let after = CivilTime(secondsSince1970: before.secondsSince1970 &+ seconds)
    if flags & RegisterB.alarm == 0, alarmOccurs(after: before.secondOfDay, seconds: seconds) {
      memory[Index.registerC] |= RegisterB.alarm
    }
    memory[Index.registerC] |= RegisterB.updateEnded
    let days =
      (after.secondsSince1970 &- before.secondsSince1970 &+ Int64(before.secondOfDay))
      / 86_400
    let weekday = (Int64(memory[Index.weekday] & 7) &+ 6 &+ days) % 7 + 1
    setTime(after)
    memory[Index.weekday] = UInt8(truncatingIfNeeded: weekday)
  }

  private func alarmOccurs(after second: Int, seconds: Int64) -> Bool {
    for step in 1...Int(min(seconds, 86_400)) {
      let time = (second + step) % 86_400
      if matches(Index.secondsAlarm, encode(time % 60)),
        matches(Index.minutesAlarm, encode(time / 60 % 60)),
        matches(Index.hoursAlarm, encodeHour(time / 3600))
      {
        return true
      }
    }
    return false
  }

  /// An alarm byte of C0h or more matches every value.
  private func matches(_ alarm: Int, _ value: UInt8) -> Bool {
    memory[alarm] >= 0xC0 || memory[alarm] == value
  }

  // MARK: The registers as a time

  private func encode(_ value: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: isBinary ? value : (value / 10 % 10) << 4 | value % 10)
  }

  private func decode(_ byte: UInt8) -> Int {
    isBinary ? Int(byte) : Int(byte >> 4) * 10 + Int(byte & 0xF)
  }

  private func encodeHour(_ hour: Int) -> UInt8 {
    if is24Hour { return encode(hour) }
    return encode((hour + 11) % 12 + 1) | (hour >= 12 ? 0x80 : 0)
  }

  private var hour: Int {
    let byte = memory[Index.hours]
    if is24Hour { return decode(byte) }
    return decode(byte & 0x7F) % 12 + (byte & 0x80 != 0 ? 12 : 0)
  }

  /// The time the registers show, whatever software put there.
  private var time: CivilTime {
    CivilTime(
      year: decodeCentury() * 100 + decode(memory[Index.year]) % 100,
      month: decode(memory[Index.month]), day: decode(memory[Index.day]), hour: hour % 24,
      minute: decode(memory[Index.minutes]) % 60, second: decode(memory[Index.seconds]) % 60)
  }

  /// The century is a byte of firmware's memory: BCD, whatever register B says.
  private func decodeCentury() -> Int {
    Int(memory[Index.century] >> 4 % 10) * 10 + Int(memory[Index.century] & 0xF)
  }

  mutating func setTime(_ time: CivilTime) {
    memory[Index.seconds] = encode(time.secondOfDay % 60)
    memory[Index.minutes] = encode(time.secondOfDay / 60 % 60)
    memory[Index.hours] = encodeHour(time.secondOfDay / 3600)
    memory[Index.weekday] = UInt8(truncatingIfNeeded: time.weekday)
    memory[Index.day] = encode(time.day)
    memory[Index.month] = encode(time.month)
    memory[Index.year] = encode(time.year % 100)
    let century = time.year / 100 % 100
    memory[Index.century] = UInt8(truncatingIfNeeded: (century / 10) << 4 | century % 10)
  }

  // MARK: What firmware leaves in the memory

  mutating func fillMemory(_ configuration: RTC.Configuration) {
    let kibibyte: UInt64 = 1 << 10
    let mebibyte: UInt64 = 1 << 20
    let below = configuration.memoryBelow4GiB
    let extended = min(below > mebibyte ? (below - mebibyte) / kibibyte : 0, 0xFFFF)
    let above16 = below > 16 * mebibyte ? (below - 16 * mebibyte) / (64 * kibibyte) : 0
    let above4GiB = configuration.memoryAbove4GiB / (64 * kibibyte)
    // Equipment: a coprocessor and a pointing device.
    memory[0x14] = 0x06
    store(640, at: 0x15)
    store(extended, at: 0x17)
    store(extended, at: 0x30)
    store(min(above16, 0xFFFF), at: 0x34)
    store(above4GiB & 0xFFFF, at: 0x5B)
    memory[0x5D] = UInt8(truncatingIfNeeded: above4GiB >> 16)
    // The boot order in four bits each; bit 0 of 38h lets floppies without a signature start.
    let order = configuration.bootOrder.map(\.rawValue) + [0, 0, 0]
    memory[0x3D] = order[0] | order[1] << 4
    memory[0x38] = order[2] << 4
    memory[0x5F] = UInt8(truncatingIfNeeded: configuration.processors &- 1)
    let checksum = memory[0x10...0x2D].reduce(UInt16(0)) { $0 &+ UInt16($1) }
    memory[0x2E] = UInt8(truncatingIfNeeded: checksum >> 8)
    memory[0x2F] = UInt8(truncatingIfNeeded: checksum)
  }

  private mutating func store(_ value: UInt64, at index: Int) {
    memory[index] = UInt8(truncatingIfNeeded: value)
    memory[index + 1] = UInt8(truncatingIfNeeded: value >> 8)
  }
}
