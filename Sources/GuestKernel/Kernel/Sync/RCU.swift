/// Read, copy, update: readers take no lock at all and are never waited for while they read.
///
/// A reader runs with preemption off. A writer publishes a changed copy and waits for a grace period,
/// until every processor has passed through a quiet state (a switch between threads, or a tick, or
/// another's wish, that interrupted code with preemption on): then no reader can still hold the old copy, and it may be
/// freed. McKenney and Slingwine: "Read-Copy Update", 1998.
import KernelArch

enum RCU {
  /// One link of the list of those who wait for a grace period.
  private final class Callback {
    let body: () -> Void
    var next: Callback?

    init(_ body: @escaping () -> Void) { self.body = body }
  }

  /// Quiet states per processor; each writes its own.
  private static let quietStates = PerCPU<UInt64>(0)
  private static let lock = SpinLock("rcu callbacks")
  private static let wakeup = WaitQueue()
  /// Lock: `lock`.
  nonisolated(unsafe) private static var callbacks: Callback?
  nonisolated(unsafe) private(set) static var gracePeriods: UInt64 = 0

  @inline(__always)
  static func read<Result>(_ body: () -> Result) -> Result { Preemption.off(body) }

  static func noteQuietState(_ cpu: Int) { quietStates[cpu] &+= 1 }

  /// In an interrupt: what it interrupted was quiet if nothing else forbids preemption.
  static func noteInterrupt() {
    if Preemption.count == Preemption.interrupt { noteQuietState(Int(percpu_index())) }
  }

  /// Waits for a grace period: all readers that have begun by now are through when it returns.
  static func synchronize() {
    Context.assertMaySleep("RCU.synchronize")
    var seen: [UInt64] = []
    for cpu in 0..<CPU.count { seen.append(quietStates[cpu]) }
    let myself = Int(percpu_index())
    for cpu in 0..<CPU.count where cpu != myself && RunQueue.online >> UInt64(cpu) & 1 != 0 {
      while !isPast(cpu, seen[cpu]) {
        if RunQueue[cpu].isTickless { CPU.sendReschedule(to: cpu) }
        Thread.sleep(nanoseconds: 1_000_000)
      }
    }
    lock.withLockIRQ { gracePeriods += 1 }
  }

  @inline(never)
  private static func isPast(_ cpu: Int, _ seen: UInt64) -> Bool { quietStates[cpu] != seen }

  /// Runs `callback` in a thread after a grace period; may be called from anywhere.
  static func call(_ callback: @escaping () -> Void) {
    let callback = Callback(callback)
    lock.withLockIRQ {
      callback.next = callbacks
      callbacks = callback
    }
    wakeup.wakeOne()
  }

  /// The thread that waits for grace periods on behalf of all who do not want to.
  static func run() {
    while true {
      _ = wakeup.wait(interruptible: false) { lock.withLockIRQ { callbacks != nil } }
      var batch: Callback?
      lock.withLockIRQ { swap(&batch, &callbacks) }
      synchronize()
      while let callback = batch {
        batch = callback.next
        callback.body()
      }
    }
  }
}
