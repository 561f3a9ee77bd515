/// Sampling: ten thousand times a second, where is the processor? Many answers make a histogram.
///
/// Each processor notes the interrupted instruction into an array of its own; /proc/perf counts them by
/// function. Time spent with interrupts off shows at the place that turns them on again.
import KernelArch

enum Perf {
  private static let samplesPerCPU = 4096
  nonisolated(unsafe) private static var isOn = false
  /// Per processor, the instructions; in ring 3 the process and the top bit.
  nonisolated(unsafe) private static var samples: [UnsafeMutablePointer<UInt64>] = []
  nonisolated(unsafe) private static let counts = PerCPU<Int>(0)
  /// Per processor, one that interrupts it often while samples are taken.
  nonisolated(unsafe) private static var timers: [Timer] = []
  private static let interval: UInt64 = 100_000
  private static let userBit: UInt64 = 1 << 63

  static func start() {
    ProcFS.add("perf", write: { control($0) }) { report(to: &$0) }
  }

  /// Called for each timer interrupt.
  @inline(__always)
  static func sample(_ frame: UnsafeMutablePointer<trap_frame>) {
    if isOn { note(frame) }
  }

  @inline(never)
  private static func note(_ frame: UnsafeMutablePointer<trap_frame>) {
    let cpu = Int(percpu_index())
    let count = counts.current
    guard cpu < samples.count, count < samplesPerCPU else { return }
    let isUser = frame.pointee.cs & 3 == 3
    let process = UInt64(Scheduler.running?.process?.pid ?? 0)
    samples[cpu][count] = isUser ? userBit | process : frame.pointee.rip
    counts.current = count + 1
  }

  /// `on` begins anew, `off` stops.
  private static func control(_ text: [UInt8]) -> SystemError? {
    if text.starts(with: "on") {
      begin()
    } else if text.starts(with: "off") {
      isOn = false
    } else {
      return .invalidArgument
    }
    return nil
  }

  static func begin() {
    while samples.count < CPU.count { samples.append(.allocate(capacity: samplesPerCPU)) }
    while timers.count < CPU.count {
      timers.append(Timer { timer in if isOn { timer.start(after: interval) } })
    }
    for index in 0..<CPU.count { counts[index] = 0 }
    isOn = true
    Preemption.off { startTimer() }
    // Who may not call the other processors has their ticks only.
    if Interrupts.areOn, Preemption.count == 0, CPU.count > 1 { CPU.callOthers { startTimer() } }
  }

  private static func startTimer() { timers[Int(percpu_index())].start(after: interval) }

  static func end() { isOn = false }

  private struct Bin {
    var key: UInt64
    var count: Int
  }

  static func report(to text: inout Text) {
    var bins: [Bin] = []
    var total = 0
    for cpu in 0..<samples.count {
      for index in 0..<counts[cpu] {
        let sample = samples[cpu][index]
        let key = sample & userBit != 0 ? sample : Symbols.start(of: sample)
        total += 1
        if let known = bins.firstIndex(where: { $0.key == key }) {
          bins[known].count += 1
        } else {
          bins.append(Bin(key: key, count: 1))
        }
      }
    }
    bins.sort { $0.count != $1.count ? $0.count > $1.count : $0.key < $1.key }
    text.append("# \(total) samples\n")
    for bin in bins {
      let tenths = bin.count * 1000 / max(1, total)
      let what: TextLine =
        bin.key & userBit != 0
        ? "ring 3, process \(bin.key & ~userBit)" : Symbols.name(at: bin.key)
      text.append("\(tenths / 10, width: 3).\(tenths % 10)% \(bin.count, width: 6)  \(what)\n")
    }
  }
}
