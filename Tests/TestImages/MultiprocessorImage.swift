import MultiprocessorGuest

/// The guest whose processors do things to each other, and what it must report.
public struct MultiprocessorImage {
  /// The number of processors that it expects.
  public var processors: Int
  /// How often it goes round where it counts.
  public var rounds: Int

  /// A guest for so many processors, at most eight: a flat logical destination has eight bits.
  public init(processors: Int, rounds: Int = 100) {
    self.processors = processors
    self.rounds = rounds
  }

  /// The ELF file; its entry is PVH's.
  public func build() -> [UInt8] {
    var code = (0..<multiprocessor_guest_size()).map { multiprocessor_guest_byte($0) }
    for (offset, value) in [(8, processors), (12, rounds)] {
      for byte in 0..<4 { code[offset + byte] = UInt8(truncatingIfNeeded: value >> (8 * byte)) }
    }
    return ELFBuilder(code: code, pvh: true).build()
  }

  /// What the guest reports where MONITOR and x2APIC exist or do not, a number a line.
  public func report(hasMonitor: Bool = true, hasX2APIC: Bool = true) -> String {
    let others = processors - 1
    let numbers = [
      // Others started; who was there.
      others, 1 << processors - 1,
      // Sums by locked instructions and under a lock; moments at which time ran backwards.
      processors * rounds, processors * rounds, 0,
      // Interrupts: neighbour, all, all others, itself, logical, one of all, all others.
      processors + processors + others + 1 + processors + 1 + others,
      // NMIs; acknowledged invalidations of the last round; changed functions that were called.
      others, others, 49 * processors,
      // Stores that woke somebody; whatever was wrong; processors started again.
      hasMonitor ? 19 * others : 0, 0, others > 0 ? 1 : 0,
      // Interrupts through x2APIC: cluster, itself, all others.
      hasX2APIC ? processors + 1 + others : 0,
    ]
    return numbers.map { number in
      let digits = String(number, radix: 16, uppercase: true)
      return String(repeating: "0", count: 8 - digits.count) + digits + "\n"
    }.joined()
  }
}
