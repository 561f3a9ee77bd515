/// What an instruction did when it was executed last, by which it is foretold what it does next.
struct DeltaPrediction {
  /// Where a stored value comes from: 0 to 15 are registers.
  enum Source {
    /// It is the same as last time.
    static let same: UInt8 = 16
    /// It is written out.
    static let explicit: UInt8 = 17
  }

  /// RIP of the instruction; the table is shared by all whose hash is the same.
  var rip: UInt64 = .max
  /// Distance to the next RIP.
  var advance: UInt64 = 0
  /// RFLAGS behind it.
  var flags: UInt64 = 0
  /// How the changed registers changed, those with the four lowest numbers.
  var differences = InlineArray<4, UInt64>(repeating: 0)
  /// The registers it changed.
  var mask: UInt16 = 0
  /// How many stores it made.
  var storeCount: UInt8 = 0
  /// Bytes of its store.
  var storeSize: UInt8 = 0
  /// Where its value came from.
  var valueSource: UInt8 = 0
  /// Whether it stored at RSP, as PUSH and CALL do.
  var isAtStack = false
  /// Where it stored, and how far from there it had stored the time before.
  var store: UInt64 = 0
  var stride: UInt64 = 0
  /// What it stored.
  var value: UInt64 = 0

  /// The store that is foretold.
  func foretoldStore(_ registers: borrowing InlineArray<16, UInt64>) -> InstructionDelta.Store {
    let mask: UInt64 = storeSize >= 8 ? .max : 1 &<< (UInt64(storeSize) &* 8) &- 1
    let value = valueSource < 16 ? registers[Int(valueSource)] : value
    return InstructionDelta.Store(
      address: isAtStack ? registers[4] : store &+ stride, count: storeSize, value: value & mask)
  }

  /// Remembers what the instruction did.
  mutating func update(
    _ delta: borrowing InstructionDelta, differences: InlineArray<4, UInt64>
  ) {
    let isKnown = rip == delta.rip
    rip = delta.rip
    advance = delta.next &- delta.rip
    flags = delta.flags
    mask = delta.changed
    self.differences = differences
    storeCount = UInt8(clamping: delta.stores.count)
    guard delta.stores.count == 1 else { return }
    let new = delta.stores[0]
    stride = isKnown ? new.address &- store : 0
    store = new.address
    isAtStack = new.address == delta.registers[4]
    storeSize = new.count
    valueSource = Self.source(new, delta.registers, last: isKnown ? value : nil)
    value = new.value
  }

  /// What would have foretold a stored value.
  static func source(
    _ store: InstructionDelta.Store, _ registers: borrowing InlineArray<16, UInt64>, last: UInt64?
  ) -> UInt8 {
    let mask: UInt64 = store.count >= 8 ? .max : 1 &<< (UInt64(store.count) &* 8) &- 1
    if last == store.value, store.times == 1 { return Source.same }
    for index in 0..<16 where registers[index] & mask == store.value { return UInt8(index) }
    return Source.explicit
  }
}

/// The table of predictions, and the registers as the last instruction left them.
///
/// Plain memory, since every instruction goes through it; whoever copies an encoder or a decoder
/// goes on with the same table.
final class DeltaModel {
  static let tableSize = 1 << 14
  static let vectorCount = 64

  /// The registers of one processor.
  struct Image {
    var rip: UInt64 = 0
    var flags: UInt64 = 2
    var registers = InlineArray<16, UInt64>(repeating: 0)
  }

  /// By `slot`.
  let predictions: UnsafeMutablePointer<DeltaPrediction>
  /// By processor.
  let images: UnsafeMutablePointer<Image>
  /// Quadwords of vector registers, `vectorCount` for each processor.
  let vectors: UnsafeMutablePointer<UInt64>
  /// How many processors there are.
  let processorCount: Int
  var processor = 0

  init(processors: Int) {
    processorCount = max(1, processors)
    predictions = .allocate(capacity: Self.tableSize)
    predictions.initialize(repeating: DeltaPrediction(), count: Self.tableSize)
    images = .allocate(capacity: processorCount)
    images.initialize(repeating: Image(), count: processorCount)
    vectors = .allocate(capacity: processorCount * Self.vectorCount)
    vectors.initialize(repeating: 0, count: processorCount * Self.vectorCount)
  }

  deinit {
    predictions.deallocate()
    images.deallocate()
    vectors.deallocate()
  }

  @inline(__always) static func slot(_ rip: UInt64) -> Int {
    Int(truncatingIfNeeded: (rip ^ rip >> 14) & UInt64(tableSize - 1))
  }

  /// Where a quadword of a processor's vector registers is.
  func vector(_ processor: Int, _ number: UInt8) -> UnsafeMutablePointer<UInt64> {
    vectors + (processor * Self.vectorCount + Int(number) % Self.vectorCount)
  }
}

/// Which parts of an instruction's record follow; a first byte below 80h counts foretold ones.
struct DeltaParts: OptionSet {
  var rawValue: UInt8

  static let record = DeltaParts(rawValue: 0x80)
  /// It led elsewhere than foretold.
  static let advance = DeltaParts(rawValue: 1)
  /// It changed other registers.
  static let mask = DeltaParts(rawValue: 2)
  /// It changed them by other differences.
  static let values = DeltaParts(rawValue: 4)
  /// RFLAGS are others.
  static let flags = DeltaParts(rawValue: 8)
  /// It stored otherwise.
  static let stores = DeltaParts(rawValue: 16)
  /// It is not where the instruction before led, or another processor's.
  static let place = DeltaParts(rawValue: 32)
  /// Vector registers changed.
  static let vectors = DeltaParts(rawValue: 64)
}
