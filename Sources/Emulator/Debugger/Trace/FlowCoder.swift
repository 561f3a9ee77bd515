/// Instructions that were executed one behind the other in memory.
public struct FlowRun: Equatable, Sendable {
  /// The number of the processor.
  public var processor = 0
  /// RIP of the first.
  public var start: UInt64 = 0
  /// How many.
  public var count: UInt64 = 0
}

/// What followed a run the last time.
private struct FlowPrediction {
  var before = FlowRun()
  var next = FlowRun()
}

private struct FlowModel {
  static let tableSize = 1 << 14

  var predictions = [FlowPrediction](repeating: FlowPrediction(), count: tableSize)
  var last = FlowRun()

  var slot: Int {
    let hash = last.start ^ last.start >> 14 ^ last.count &* 0x9E37_79B9
    return Int(truncatingIfNeeded: hash & UInt64(Self.tableSize - 1))
  }

  /// The run that is foretold, nil if nothing is known.
  var foretold: FlowRun? {
    let prediction = predictions[slot]
    return prediction.before == last && prediction.next.count > 0 ? prediction.next : nil
  }

  mutating func update(_ run: FlowRun) {
    predictions[slot] = FlowPrediction(before: last, next: run)
    last = run
  }
}

/// Writes control flow: a byte below 80h counts runs that came as foretold by the run before,
/// another one begins a run that is written out.
struct FlowEncoder {
  private var model = FlowModel()
  private var writer = ByteWriter()
  private var foretold: UInt8 = 0
  private var open = FlowRun()
  private var expected: UInt64 = .max

  /// Adds an instruction; the run that it ends, if it does.
  mutating func add(processor: Int, rip: UInt64, length: UInt8) -> FlowRun? {
    defer { expected = rip &+ UInt64(length) }
    if rip == expected && processor == open.processor && open.count > 0 {
      open.count &+= 1
      return nil
    }
    let ended = open
    open = FlowRun(processor: processor, start: rip, count: 1)
    guard ended.count > 0 else { return nil }
    write(ended)
    return ended
  }

  private mutating func write(_ run: FlowRun) {
    if model.foretold == run {
      foretold &+= 1
      if foretold == 128 { flush() }
    } else {
      flush()
      let isOther = run.processor != model.last.processor
      writer.write(byte: isOther ? 0x81 : 0x80)
      if isOther { writer.write(UInt64(run.processor)) }
      writer.write(signed: Int64(bitPattern: run.start &- model.last.start))
      writer.write(run.count)
    }
    model.update(run)
  }

  private mutating func flush() {
    guard foretold > 0 else { return }
    writer.write(byte: foretold &- 1)
    foretold = 0
  }

  /// The bytes of everything added.
  mutating func finish() -> [UInt8] {
    if open.count > 0 { write(open) }
    open = FlowRun()
    flush()
    return writer.bytes
  }
}

/// Reads what `FlowEncoder` wrote, one run after the other.
public struct FlowDecoder {
  private var model = FlowModel()
  private var reader: ByteReader
  private var foretold = 0
  /// Whether the bytes made no sense somewhere.
  public private(set) var isDamaged = false

  /// Reads control flow.
  public init(_ bytes: [UInt8]) { reader = ByteReader(bytes) }

  /// The next run; nil at the end, or where the bytes make no sense.
  public mutating func next() -> FlowRun? {
    guard !isDamaged else { return nil }
    if foretold == 0 {
      guard let byte = reader.byte() else { return nil }
      if byte >= 0x80 { return explicit(byte) }
      foretold = Int(byte) + 1
    }
    foretold -= 1
    guard let run = model.foretold else {
      isDamaged = true
      return nil
    }
    model.update(run)
    return run
  }

  private mutating func explicit(_ byte: UInt8) -> FlowRun? {
    var run = FlowRun(processor: model.last.processor)
    if byte & 1 != 0, let processor = reader.number(), processor < 256 {
      run.processor = Int(processor)
    }
    guard let distance = reader.signed(), let count = reader.number(), count > 0 else {
      isDamaged = true
      return nil
    }
    run.start = model.last.start &+ UInt64(bitPattern: distance)
    run.count = count
    model.update(run)
    return run
  }
}
