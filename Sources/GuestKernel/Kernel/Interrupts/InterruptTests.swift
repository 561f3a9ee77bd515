/// Self-tests of interrupts, deferred work and timers; on several processors, on all of them.
import KernelArch

enum InterruptTests {
  static func run() {
    SelfTest.report("interrupt lines", lines())
    SelfTest.report("tasklets", tasklets())
    SelfTest.report("work queues", workQueues())
    SelfTest.report("timers", timers())
    SelfTest.report("spinlock among all processors", spinlock())
  }

  /// Shared lines are shared only if all agree; a freed one can be had again.
  private static func lines() -> Bool {
    let line = 5
    guard let first = IRQ.request(line, "test", .shared, { false }),
      let second = IRQ.request(line, "test", .shared, { false })
    else { return false }
    let refused = IRQ.request(line, "test", [], { true }) == nil
    IRQ.free(first)
    IRQ.free(second)
    guard let alone = IRQ.request(line, "test", [], { true }) else { return false }
    let alsoRefused = IRQ.request(line, "test", .shared, { true }) == nil
    IRQ.free(alone)
    return refused && alsoRefused && IRQ.request(1 << 12, "test", [], { true }) == nil
  }

  private static func tasklets() -> Bool {
    let counts = PerCPU<Int>(0)
    let tasklet = Tasklet { counts.current += 1 }
    tasklet.disable()
    guard tasklet.schedule(), !tasklet.schedule() else { return false }
    tasklet.enable()
    tasklet.kill()
    CPU.callOthers { tasklet.schedule() }
    tasklet.kill()
    var total = 0
    for index in 0..<CPU.count { total += counts[index] }
    return CPU.count == 1 ? total == 1 : total >= 2 && total <= CPU.count
  }

  private static func workQueues() -> Bool {
    let queue = WorkQueue("test")
    var order: [Int] = []
    let first = Work {
      Thread.sleep(nanoseconds: 100_000)
      order.append(1)
    }
    let second = Work { order.append(2) }
    let third = Work { order.append(3) }
    queue.queue(first)
    guard queue.queue(second), !queue.queue(second) else { return false }
    queue.flush()
    guard order == [1, 2] else { return false }
    queue.queue(third, after: 1_000_000_000)
    guard queue.cancel(third) else { return false }
    queue.queue(third, after: 100_000)
    Thread.sleep(nanoseconds: 30_000_000)
    queue.end()
    return order == [1, 2, 3]
  }

  /// Every processor keeps its own; all are cancelled or expire, from wherever.
  private static func timers() -> Bool {
    var expired: UInt32 = 0
    return withUnsafeMutablePointer(to: &expired) { expired in
      var timers: [Timer] = []
      for _ in 0..<2 * CPU.count {
        timers.append(Timer { _ in _ = atomic_add32(expired, 1) })
      }
      let all = timers
      CPU.callAll {
        let me = CPU.current.index
        all[2 * me].start(after: 1_000_000)
        all[2 * me + 1].start(after: 3_600_000_000_000)
      }
      var cancelled = 0
      for index in 0..<CPU.count where all[2 * index + 1].cancel() { cancelled += 1 }
      let deadline = Clock.nanoseconds + 5_000_000_000
      while atomic_load32(expired) < UInt32(CPU.count), Clock.nanoseconds < deadline { cpu_pause() }
      for timer in all { timer.cancelAndWait() }
      return cancelled == CPU.count && atomic_load32(expired) == UInt32(CPU.count)
    }
  }

  /// A plain variable that all change under a lock.
  private static func spinlock() -> Bool {
    let lock = SpinLock("test")
    var value = 0
    CPU.callAll { for _ in 0..<200 { lock.withLockIRQ { value += 1 } } }
    return value == 200 * CPU.count && lock.acquisitions == UInt64(value)
  }
}
