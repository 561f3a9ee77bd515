/// How often each vector was delivered on each processor: `/proc/interrupts`.
import KernelArch

enum InterruptStatistics {
  /// Gives the running processor, or the one of `area`, its counters; before that nothing is counted.
  static func start(_ area: UnsafeMutablePointer<percpu_t> = percpu_self()) {
    let counts = UnsafeMutablePointer<UInt64>.allocate(capacity: 256)
    counts.initialize(repeating: 0, count: 256)
    area.pointee.vector_counts = counts
  }

  @inline(__always)
  static func count(_ vector: UInt8) {
    if let counts = percpu_self().pointee.vector_counts { counts[Int(vector)] &+= 1 }
  }

  static func count(of vector: UInt8, on index: Int) -> UInt64 {
    CPU(index).area.pointee.vector_counts?[Int(vector)] ?? 0
  }

  static func total(_ vector: UInt8) -> UInt64 {
    (0..<CPU.count).reduce(0) { $0 &+ count(of: vector, on: $1) }
  }

  /// The lines in use, then what processors do among themselves, then exceptions.
  static func writeTable(to text: inout Text) {
    var head: TextLine = "      "
    for index in 0..<CPU.count where index < 8 { head.append(line: "     CPU\(index, width: 3)") }
    text.append("\(head)\n")
    for line in IRQ.allLines where !line.handlers.isEmpty || total(line.vector) > 0 {
      var row = TextLine()
      if line.number >= 0 {
        row.append(line: "\(line.number, width: 4): ")
      } else {
        row.append(" MSI: ")
      }
      appendCounts(line.vector, to: &row)
      switch line.kind {
      case .legacy: row.append("  8259 ")
      case .ioAPIC: row.append("  IOAPIC ")
      case .message: row.append("  message ")
      }
      row.append(line.isLevelTriggered ? "level" : "edge")
      for handler in line.handlers { row.append(line: "  \(handler.name)") }
      text.append("\(row)\n")
    }
    for (vector, name) in InterruptVector.ownNames { append(vector, name, to: &text) }
    for vector in 0..<32 as Range<UInt8> where total(vector) > 0 {
      append(vector, Exceptions.name(UInt64(vector)), to: &text)
    }
  }

  private static func append(_ vector: UInt8, _ name: StaticString, to text: inout Text) {
    var row = TextLine()
    row.append(line: "\(hex: vector, digits: 2): ")
    appendCounts(vector, to: &row)
    text.append("\(row)  \(name)\n")
  }

  private static func appendCounts(_ vector: UInt8, to row: inout TextLine) {
    for index in 0..<CPU.count where index < 8 {
      row.append(line: "\(count(of: vector, on: index), width: 11)")
    }
  }
}
