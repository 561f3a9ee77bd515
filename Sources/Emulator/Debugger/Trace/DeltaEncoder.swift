import Emulator

/// Writes what instructions did as bytes.
///
/// A table remembers, by RIP, what an instruction did last: where it led, which registers it
/// changed and by how much, its flags, its store. What comes as foretold costs a share of one
/// byte, which counts how many in a row did; otherwise a byte says which parts follow.
struct DeltaEncoder {
  private let model: DeltaModel
  private var run: UInt8 = 0
  /// The bytes so far; `finish` adds the last run.
  private(set) var writer = ByteWriter()
  /// The number of instructions.
  private(set) var count: UInt64 = 0

  /// In the byte of a store's size: it was made more than once.
  static let repeated: UInt8 = 0x80

  init(processors: Int) { model = DeltaModel(processors: processors) }

  /// Adds an instruction; `delta.changed` is worked out here.
  mutating func add(_ delta: inout InstructionDelta) {
    count &+= 1
    let slot = DeltaModel.slot(delta.rip)
    let processor = delta.processor
    var parts = DeltaParts.record
    if processor != model.processor || model.images[processor].rip != delta.rip {
      parts.insert(.place)
    }
    var differences = InlineArray<4, UInt64>(repeating: 0)
    var changed: UInt16 = 0
    var changedCount = 0
    for index in 0..<16 {
      let difference = delta.registers[index] &- model.images[processor].registers[index]
      guard difference != 0 else { continue }
      changed |= 1 &<< UInt16(truncatingIfNeeded: index)
      if changedCount < 4 { differences[changedCount] = difference }
      changedCount &+= 1
    }
    delta.changed = changed
    parts.formUnion(
      surprises(delta, slot: slot, differences: differences, changedCount: changedCount))
    if parts == .record {
      run &+= 1
      if run == 128 { flush() }
    } else {
      flush()
      write(parts, delta, slot: slot)
    }
    model.predictions[slot].update(delta, differences: differences)
    model.images[processor].registers = delta.registers
    model.images[processor].flags = delta.flags
    model.images[processor].rip = delta.next
    for change in delta.vectors {
      model.vector(processor, change.number).pointee = change.value
    }
    model.processor = processor
  }

  /// The bytes of everything added.
  mutating func finish() -> [UInt8] {
    flush()
    return writer.bytes
  }

  private mutating func flush() {
    guard run > 0 else { return }
    writer.write(byte: run &- 1)
    run = 0
  }

  /// The parts that did not come as foretold.
  private func surprises(
    _ delta: borrowing InstructionDelta, slot: Int, differences: InlineArray<4, UInt64>,
    changedCount: Int
  ) -> DeltaParts {
    let known = model.predictions[slot].rip == delta.rip
    var parts: DeltaParts = []
    if !known || model.predictions[slot].advance != delta.next &- delta.rip {
      parts.insert(.advance)
    }
    if delta.changed != (known ? model.predictions[slot].mask : 0) { parts.insert(.mask) }
    if changedCount > 0 {
      var isForetold = known && changedCount <= 4 && !parts.contains(.mask)
      for index in 0..<4 where differences[index] != model.predictions[slot].differences[index] {
        isForetold = false
      }
      if !isForetold { parts.insert(.values) }
    }
    let flags = known ? model.predictions[slot].flags : model.images[delta.processor].flags
    if flags != delta.flags { parts.insert(.flags) }
    if !areForetold(delta.stores, delta.registers, known: known, slot: slot) {
      parts.insert(.stores)
    }
    if !delta.vectors.isEmpty { parts.insert(.vectors) }
    return parts
  }

  private func areForetold(
    _ stores: [InstructionDelta.Store], _ registers: borrowing InlineArray<16, UInt64>,
    known: Bool, slot: Int
  ) -> Bool {
    let expected = known ? Int(model.predictions[slot].storeCount) : 0
    guard stores.count == expected, expected <= 1 else { return false }
    if expected == 0 { return true }
    return stores[0] == model.predictions[slot].foretoldStore(registers)
  }

  private mutating func write(
    _ parts: DeltaParts, _ delta: borrowing InstructionDelta, slot: Int
  ) {
    writer.write(byte: parts.rawValue)
    let processor = delta.processor
    if parts.contains(.place) {
      writer.write(UInt64(processor))
      writer.write(signed: Int64(bitPattern: delta.rip &- model.images[processor].rip))
    }
    if parts.contains(.advance) {
      writer.write(signed: Int64(bitPattern: delta.next &- delta.rip))
    }
    if parts.contains(.mask) { writer.write(UInt64(delta.changed)) }
    if parts.contains(.values) {
      for index in 0..<16 where delta.changed &>> UInt16(index) & 1 != 0 {
        let difference = delta.registers[index] &- model.images[processor].registers[index]
        writer.write(signed: Int64(bitPattern: difference))
      }
    }
    if parts.contains(.flags) {
      writer.write(flags: delta.flags ^ model.images[processor].flags)
    }
    if parts.contains(.stores) { write(delta.stores, delta.registers, slot: slot) }
    guard parts.contains(.vectors) else { return }
    writer.write(UInt64(delta.vectors.count))
    for change in delta.vectors {
      writer.write(byte: change.number)
      writer.write(change.value ^ model.vector(processor, change.number).pointee)
    }
  }

  private mutating func write(
    _ stores: [InstructionDelta.Store], _ registers: borrowing InlineArray<16, UInt64>, slot: Int
  ) {
    writer.write(UInt64(stores.count))
    var last = model.predictions[slot].store
    for store in stores {
      let source = DeltaPrediction.source(store, registers, last: nil)
      writer.write(byte: store.count | (store.times == 1 ? 0 : Self.repeated))
      writer.write(byte: source)
      writer.write(signed: Int64(bitPattern: store.address &- last))
      if source == DeltaPrediction.Source.explicit { writer.write(store.value) }
      if store.times != 1 { writer.write(store.times) }
      last = store.address
    }
  }
}

extension ByteWriter {
  private static let status: UInt64 = 0x8D5

  /// How RFLAGS changed: a byte where only status flags did.
  mutating func write(flags: UInt64) {
    guard flags & ~Self.status == 0 else {
      write(byte: 0x40)
      return write(flags)
    }
    let low = flags & 1 | flags >> 1 & 2 | flags >> 2 & 4
    write(byte: UInt8(truncatingIfNeeded: low | flags >> 3 & 0x18 | flags >> 6 & 0x20))
  }
}

extension ByteReader {
  /// Reads what `ByteWriter.write(flags:)` wrote.
  mutating func flags() -> UInt64? {
    guard let byte = byte() else { return nil }
    if byte == 0x40 { return number() }
    guard byte < 0x40 else { return nil }
    let value = UInt64(byte)
    return value & 1 | (value & 2) << 1 | (value & 4) << 2 | (value & 0x18) << 3
      | (value & 0x20) << 6
  }
}
