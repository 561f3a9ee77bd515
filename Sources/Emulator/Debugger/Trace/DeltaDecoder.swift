/// Reads what `DeltaEncoder` wrote, one instruction after the other.
public struct DeltaDecoder {
  private let model: DeltaModel
  private var reader: ByteReader
  private var run = 0
  /// Whether the bytes made no sense somewhere.
  public private(set) var isDamaged = false

  /// Reads the deltas of a machine with so many processors.
  public init(_ bytes: [UInt8], processors: Int) {
    model = DeltaModel(processors: processors)
    reader = ByteReader(bytes)
  }

  /// The next instruction; nil at the end, or where the bytes make no sense.
  public mutating func next() -> InstructionDelta? {
    guard !isDamaged else { return nil }
    var delta = InstructionDelta()
    if run > 0 {
      run -= 1
      return finish(delta, .record)
    }
    guard let byte = reader.byte() else { return nil }
    guard byte >= 0x80 else {
      run = Int(byte)
      return finish(delta, .record)
    }
    let parts = DeltaParts(rawValue: byte)
    delta.processor = model.processor
    if parts.contains(.place) {
      guard let processor = reader.number(), processor < UInt64(model.processorCount),
        let distance = reader.signed()
      else { return damaged() }
      model.processor = Int(processor)
      model.images[Int(processor)].rip &+= UInt64(bitPattern: distance)
    }
    return finish(delta, parts)
  }

  private mutating func damaged() -> InstructionDelta? {
    isDamaged = true
    return nil
  }

  private mutating func finish(
    _ empty: InstructionDelta, _ parts: DeltaParts
  ) -> InstructionDelta? {
    var delta = empty
    let processor = model.processor
    delta.processor = processor
    delta.rip = model.images[processor].rip
    delta.registers = model.images[processor].registers
    let slot = DeltaModel.slot(delta.rip)
    let prediction = model.predictions[slot]
    let known = prediction.rip == delta.rip
    // What nobody has seen yet cannot come as foretold.
    guard known || parts.contains(.advance) else { return damaged() }
    var advance = prediction.advance
    if parts.contains(.advance) {
      guard let distance = reader.signed() else { return damaged() }
      advance = UInt64(bitPattern: distance)
    }
    delta.next = delta.rip &+ advance
    guard let differences = readRegisters(&delta, parts, prediction, known: known) else {
      return damaged()
    }
    delta.flags = known ? prediction.flags : model.images[processor].flags
    if parts.contains(.flags) {
      guard let changes = reader.flags() else { return damaged() }
      delta.flags = model.images[processor].flags ^ changes
    }
    guard readStores(&delta, parts, prediction, known: known),
      !parts.contains(.vectors) || readVectors(&delta)
    else { return damaged() }
    model.predictions[slot].update(delta, differences: differences)
    model.images[processor].registers = delta.registers
    model.images[processor].flags = delta.flags
    model.images[processor].rip = delta.next
    return delta
  }

  /// Reads the changed registers; the differences of the first four.
  private mutating func readRegisters(
    _ delta: inout InstructionDelta, _ parts: DeltaParts, _ prediction: DeltaPrediction,
    known: Bool
  ) -> InlineArray<4, UInt64>? {
    delta.changed = known ? prediction.mask : 0
    if parts.contains(.mask) {
      guard let mask = reader.number(), mask >> 16 == 0 else { return nil }
      delta.changed = UInt16(mask)
    }
    var differences = InlineArray<4, UInt64>(repeating: 0)
    var ordinal = 0
    for index in 0..<16 where delta.changed &>> UInt16(index) & 1 != 0 {
      var difference = ordinal < 4 ? prediction.differences[ordinal] : 0
      if parts.contains(.values) {
        guard let read = reader.signed() else { return nil }
        difference = UInt64(bitPattern: read)
      }
      delta.registers[index] &+= difference
      if ordinal < 4 { differences[ordinal] = difference }
      ordinal += 1
    }
    return differences
  }

  private mutating func readStores(
    _ delta: inout InstructionDelta, _ parts: DeltaParts, _ prediction: DeltaPrediction,
    known: Bool
  ) -> Bool {
    guard parts.contains(.stores) else {
      if known && prediction.storeCount == 1 {
        delta.stores = [prediction.foretoldStore(delta.registers)]
      }
      return true
    }
    guard let count = reader.number(), count <= 1 << 20 else { return false }
    var last = prediction.store
    for _ in 0..<count {
      guard let first = reader.byte(), let source = reader.byte(), source <= 17,
        let distance = reader.signed()
      else { return false }
      last &+= UInt64(bitPattern: distance)
      let size = first & ~DeltaEncoder.repeated
      guard size <= 8 else { return false }
      let mask: UInt64 = size >= 8 ? .max : 1 &<< (UInt64(size) &* 8) &- 1
      var value: UInt64 = 0
      if source < 16 {
        value = delta.registers[Int(source)] & mask
      } else {
        guard let read = reader.number() else { return false }
        value = read
      }
      var times: UInt64 = 1
      if first != size {
        guard let read = reader.number(), read <= 1 << 32 else { return false }
        times = read
      }
      delta.stores.append(
        InstructionDelta.Store(address: last, count: size, value: value, times: times))
    }
    return true
  }

  private mutating func readVectors(_ delta: inout InstructionDelta) -> Bool {
    guard let count = reader.number(), count <= 64 else { return false }
    for _ in 0..<count {
      guard let number = reader.byte(), number < 64, let difference = reader.number() else {
        return false
      }
      let vector = model.vector(model.processor, number)
      vector.pointee ^= difference
      delta.vectors.append(
        InstructionDelta.VectorChange(number: number, value: vector.pointee))
    }
    return true
  }
}
