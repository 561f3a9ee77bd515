/// Softirqs: the lower half of an interrupt's work, done right after it but with interrupts on again.
///
/// A handler sets a bit of its processor's pending word; when the outermost interrupt ends (or softirqs
/// are allowed again) the processor runs what is pending. The same softirq may run on several processors
/// at once. One that keeps raising itself is left to the thread `ksoftirqd` after some rounds, so that
/// threads get on.
import KernelArch

enum SoftIRQ {
  /// In the order in which they run.
  enum Kind: Int, CaseIterable {
    case urgentTasklets = 0
    case timer = 1
    case block = 2
    case tasklets = 3
    case scheduler = 4
    case rcu = 5

    var name: StaticString {
      switch self {
      case .urgentTasklets: "HI"
      case .timer: "TIMER"
      case .block: "BLOCK"
      case .tasklets: "TASKLET"
      case .scheduler: "SCHED"
      case .rcu: "RCU"
      }
    }
  }

  private static let mostRounds = 10
  /// Written at boot only.
  nonisolated(unsafe) private static var actions: [(() -> Void)?] = []
  private static let counts = PerCPU<[UInt64]>([])
  nonisolated(unsafe) private static var threads: [KernelServant] = []

  static func start() {
    actions = [(() -> Void)?](repeating: nil, count: Kind.allCases.count)
    for index in 0..<CPU.capacity {
      counts[index] = [UInt64](repeating: 0, count: Kind.allCases.count)
    }
    Tasklet.start()
    ProcFS.add("softirqs") { writeTable(to: &$0) }
  }

  /// One `ksoftirqd` for each processor that runs threads.
  static func startThreads() {
    for index in 0..<CPU.count {
      let servant = KernelServant("ksoftirqd") { runInThread() }
      _ = servant.thread?.setAffinity(1 << UInt64(index))
      threads.append(servant)
    }
  }

  /// Says what a softirq does.
  static func open(_ kind: Kind, _ action: @escaping () -> Void) { actions[kind.rawValue] = action }

  /// Marks it on the running processor.
  ///
  /// From a thread it runs when the thread next allows it: at the end of the next interrupt, or of
  /// `disable`.
  static func raise(_ kind: Kind) { percpu_softirq_raise(1 << UInt32(kind.rawValue)) }

  /// Not in an interrupt, nor in a softirq, nor where they are disabled.
  @inline(__always)
  static var mayRun: Bool { Preemption.count < softIRQUnit }
  private static let softIRQUnit = Preemption.softIRQ

  /// Keeps softirqs away from this processor until `enable`.
  @inline(__always)
  static func disable() { percpu_add_preempt_count(Preemption.softIRQ) }

  @inline(__always)
  static func enable() {
    percpu_add_preempt_count(0 &- Preemption.softIRQ)
    if percpu_softirq_pending() != 0 || percpu_need_resched() != 0 { catchUp() }
  }

  @inline(never)
  private static func catchUp() {
    guard mayRun, Interrupts.areOn else { return }
    cpu_cli()
    if percpu_softirq_pending() != 0 { run() }
    cpu_sti()
    Preemption.giveWayIfAsked()
  }

  /// Runs what is pending; called and left with interrupts off, which are on in between.
  static func run() { InterruptStack.run({ _ in SoftIRQ.runHere() }) }

  private static func runHere() {
    percpu_add_preempt_count(Preemption.softIRQ)
    for _ in 0..<mostRounds {
      let pending = percpu_softirq_pending_take()
      if pending == 0 { break }
      cpu_sti()
      runOnce(pending)
      cpu_cli()
    }
    percpu_add_preempt_count(0 &- Preemption.softIRQ)
    if percpu_softirq_pending() != 0 { wakeThread() }
  }

  private static func runOnce(_ pending: UInt32) {
    for kind in 0..<actions.count where pending >> UInt32(kind) & 1 != 0 {
      counts.current[kind] &+= 1
      actions[kind]?()
    }
  }

  private static func wakeThread() {
    let index = Int(percpu_index())
    if index < threads.count { threads[index].wake() }
  }

  private static func runInThread() {
    Interrupts.off { if percpu_softirq_pending() != 0 { run() } }
  }

  private static func writeTable(to text: inout Text) {
    for kind in Kind.allCases {
      var row = TextLine()
      row.append(line: "\(kind.name, padded: 8)")
      for index in 0..<CPU.count where index < 8 {
        row.append(line: "\(counts[index][kind.rawValue], width: 11)")
      }
      text.append("\(row)\n")
    }
  }
}

/// A kernel thread that does one thing each time it is woken.
final class KernelServant {
  private let queue = WaitQueue()
  private var isWanted: UInt32 = 0
  private(set) var thread: Thread?

  init(_ name: StaticString, _ body: @escaping () -> Void) {
    thread = Thread.spawn(name) { [self] in
      while true {
        _ = queue.wait(interruptible: false) { atomic_load32(&isWanted) != 0 }
        atomic_store32(&isWanted, 0)
        body()
      }
    }
  }

  func wake() {
    atomic_store32(&isWanted, 1)
    queue.wakeAll()
  }
}
