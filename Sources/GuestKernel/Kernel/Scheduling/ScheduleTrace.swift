/// What the scheduler has done, event by event: each processor keeps its last ones in a ring.
///
/// A ring is written by its own processor only, with interrupts off, so recording takes no lock.
import KernelArch

enum ScheduleTrace {
  enum Kind: UInt8 {
    case switched
    case woken
    case migrated
  }

  struct Event {
    var time: UInt64 = 0
    var thread: UInt32 = 0
    /// The thread that ran before a switch, or the processor that one woken or moved goes to.
    var other: UInt32 = 0
    var kind = Kind.switched
  }

  private struct Ring {
    var events: UnsafeMutablePointer<Event>?
    var count = 0
  }

  static let capacity = 512
  private static let rings = PerCPU<Ring>(Ring())
  nonisolated(unsafe) static var isOn = true
  /// Called for each event, besides: for whoever traces more than the scheduler.
  nonisolated(unsafe) static var observer: (@convention(thin) (Kind, UInt64, Int, Int) -> Void)?

  /// Gives this processor its ring.
  static func startProcessor() {
    let events = UnsafeMutablePointer<Event>.allocate(capacity: capacity)
    events.initialize(repeating: Event(), count: capacity)
    rings.current.events = events
  }

  /// Interrupts are off.
  static func record(_ kind: Kind, _ now: UInt64, thread: Int, other: Int) {
    if let observer { observer(kind, now, thread, other) }
    guard isOn, let events = rings.current.events else { return }
    let count = rings.current.count
    events[count % capacity] = Event(
      time: now, thread: UInt32(truncatingIfNeeded: thread),
      other: UInt32(truncatingIfNeeded: other), kind: kind)
    rings.current.count = count + 1
  }

  /// `/proc/sched_trace`: microseconds, processor, what happened; all processors' rings merged by time.
  static func write(to text: inout Text) {
    let wasOn = isOn
    isOn = false
    defer { isOn = wasOn }
    var next: [Int] = []
    for cpu in 0..<CPU.count { next.append(max(0, rings[cpu].count - capacity)) }
    while true {
      var first: (cpu: Int, event: Event)?
      for cpu in 0..<CPU.count where next[cpu] < rings[cpu].count {
        guard let event = rings[cpu].events?[next[cpu] % capacity] else { continue }
        if event.time < first?.event.time ?? .max { first = (cpu, event) }
      }
      guard let first else { return }
      next[first.cpu] += 1
      append(first.cpu, first.event, to: &text)
    }
  }

  private static func append(_ cpu: Int, _ event: Event, to text: inout Text) {
    let time = event.time / 1000
    switch event.kind {
    case .switched:
      text.append("\(time, width: 9) cpu\(cpu) switch \(event.other) -> \(event.thread)\n")
    case .woken:
      text.append("\(time, width: 9) cpu\(cpu) wake \(event.thread) on cpu\(event.other)\n")
    case .migrated:
      text.append("\(time, width: 9) cpu\(cpu) migrate \(event.thread) to cpu\(event.other)\n")
    }
  }

  /// Writing 0 or 1 stops and starts it.
  static func control(_ bytes: [UInt8]) -> SystemError? {
    guard let first = bytes.first, first == 0x30 || first == 0x31 else { return .invalidArgument }
    isOn = first == 0x31
    return nil
  }
}
