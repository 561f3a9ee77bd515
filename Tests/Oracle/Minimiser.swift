/// Makes a mismatch smaller as long as it stays one.
struct Minimiser {
  private let host: HostProcessor
  private let subject: any Processor
  private var disassembler: Disassembler

  init(host: HostProcessor, subject: any Processor, width: Width) {
    self.host = host
    self.subject = subject
    disassembler = Disassembler(width)
  }

  /// Drops instructions, then registers, then data that the mismatch does not need.
  mutating func reduce(_ mismatch: Mismatch) -> Mismatch {
    var best = mismatch
    best.item.image = 0
    dropInstructions(&best)
    dropState(&best)
    dropData(&best)
    return best
  }

  private mutating func dropInstructions(_ best: inout Mismatch) {
    var progress = true
    while progress {
      progress = false
      var offset = 0
      while offset < best.item.code.count {
        guard let length = disassembler.decode(best.item.code, at: offset)?.length else { break }
        var candidate = best
        candidate.item.code.removeSubrange(offset..<min(offset + length, candidate.item.code.count))
        if !candidate.item.code.isEmpty, attempt(candidate, &best) {
          progress = true
        } else {
          offset += length
        }
      }
    }
  }

  private mutating func dropState(_ best: inout Mismatch) {
    let plain = UserState(best.item.before.width)
    for index in 0..<16 where best.item.before.registers[index] != plain.registers[index] {
      var candidate = best
      candidate.item.before.registers[index] = plain.registers[index]
      _ = attempt(candidate, &best)
    }
    for index in 0..<6 where best.item.before.segments[index] != plain.segments[index] {
      var candidate = best
      candidate.item.before.segments[index] = plain.segments[index]
      candidate.item.before.takeSegmentBases()
      _ = attempt(candidate, &best)
    }
    var candidate = best
    candidate.item.before.rflags = plain.rflags
    _ = attempt(candidate, &best)
    for range in [[0, 1], [2, 3], [4], [24, 25, 26, 27]] + Minimiser.vectorFields {
      var candidate = best
      for offset in range { candidate.item.before.fx[offset] = plain.fx[offset] }
      _ = attempt(candidate, &best)
    }
  }

  /// The bytes of each ST and XMM register in the FXSAVE image.
  private static let vectorFields = (0..<24).map { register in
    Array(32 + 16 * register..<48 + 16 * register)
  }

  private mutating func dropData(_ best: inout Mismatch) {
    var size = DataImage.size / 2
    while size >= 8 {
      for start in stride(from: 0, to: DataImage.size, by: size) {
        let range = start..<start + size
        if best.image.bytes[range].allSatisfy({ $0 == 0 }) { continue }
        var candidate = best
        for offset in range { candidate.image.bytes[offset] = 0 }
        _ = attempt(candidate, &best)
      }
      size /= 4
    }
  }

  /// Keeps `candidate` as the best if the processors still differ on it.
  private mutating func attempt(_ candidate: Mismatch, _ best: inout Mismatch) -> Bool {
    guard let masks = Masks(of: candidate.item, disassembler: &disassembler) else { return false }
    let batch = Batch(images: [candidate.image], cases: [candidate.item])
    guard let expected = host.run(batch).first, let actual = subject.run(batch).first else {
      return false
    }
    let differences = Comparison.differences(
      candidate.item, expected: expected, actual: actual, masks: masks)
    let sameKind = Set(differences.map(\.what)).isSubset(of: Set(best.differences.map(\.what)))
    if differences.isEmpty || !sameKind
      || HostQuirks.explain(
        candidate.item, expected: expected, actual: actual, disassembler: &disassembler)
    {
      return false
    }
    best = candidate
    best.masks = masks
    best.expected = expected
    best.actual = actual
    best.differences = differences
    return true
  }
}
