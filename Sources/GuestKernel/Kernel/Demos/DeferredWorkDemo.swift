/// Upper and lower halves: what an interrupt handler leaves to softirqs, tasklets and work queues.
import KernelArch

enum DeferredWorkDemo {
  private struct Record {
    var what: UInt8
    var isInterrupt: Bool
    var isSoftIRQ: Bool
    var interruptsAreOn: Bool
  }
  private static let lock = SpinLock("deferred demo")
  /// Lock: `lock`, with interrupts off.
  nonisolated(unsafe) private static var records: [Record] = []
  nonisolated(unsafe) private static var runs = 0

  static func run() -> Bool {
    records = []
    records.reserveCapacity(8)
    runs = 0
    let work = Work {
      note(0x57)
      Thread.sleep(nanoseconds: 1_000_000)
      note(0x77)
    }
    let tasklet = Tasklet { note(0x54) }
    Preemption.disable()
    let request = IRQ.requestMessage("demo") {
      note(0x49)
      for _ in 0..<3 { tasklet.schedule() }
      WorkQueue.system.queue(work)
      note(0x69)
      return true
    }
    guard let request else {
      Preemption.enable()
      return Demo.check(false, "a vector can be had")
    }
    LocalAPIC.send(
      LocalAPIC.Command.fixed(UInt8(truncatingIfNeeded: request.data)), to: CPU.current.apicID)
    Clock.poll(100_000) { count() >= 2 }
    Preemption.enable()
    WorkQueue.system.flush()
    tasklet.kill()
    IRQ.free(request.handler)
    return tell() && once()
  }

  private static func tell() -> Bool {
    Demo.say("An interrupt handler (I) schedules a tasklet (T) three times and queues a job (W).")
    let own = steps("IiT")
    let job = steps("Ww")
    var passed = Demo.check(
      own.map { $0.what }.equals("IiT"), "I ran to its end, then T, once for three times")
    // On another processor W may begin while I still runs.
    passed =
      Demo.check(job.map { $0.what }.equals("Ww"), "W ran once, and slept in the middle") && passed
    guard own.count == 3, job.count == 2 else { return false }
    passed =
      Demo.check(
        own[0].isInterrupt && !own[0].interruptsAreOn, "I: in the interrupt, interrupts off")
      && passed
    passed =
      Demo.check(
        !own[2].isInterrupt && own[2].isSoftIRQ && own[2].interruptsAreOn,
        "T: in a softirq, interrupts on, but no thread: it must not sleep") && passed
    passed =
      Demo.check(
        !job[0].isInterrupt && !job[0].isSoftIRQ && job[0].interruptsAreOn,
        "W: in the kernel thread `events`, which may sleep") && passed
    return passed
  }

  /// What was noted of some letters, in the order of time.
  private static func steps(_ letters: StaticString) -> [Record] {
    lock.withLockIRQ { records }.filter { record in
      letters.withUTF8Buffer { $0.contains(record.what) }
    }
  }

  /// A tasklet scheduled on all processors at the same time.
  private static func once() -> Bool {
    Demo.say("All processors schedule one tasklet again and again; it counts in a plain variable.")
    var inside: UInt32 = 0
    var overlaps = 0
    return withUnsafeMutablePointer(to: &inside) { inside in
      let tasklet = Tasklet {
        if atomic_add32(inside, 1) != 0 { overlaps += 1 }
        runs += 1
        _ = atomic_add32(inside, 0 &- 1)
      }
      let scheduled = PerCPU<Int>(0)
      for _ in 0..<20 {
        CPU.callOthers { if tasklet.schedule() { scheduled.current += 1 } }
        SoftIRQ.disable()
        if tasklet.schedule() { scheduled.current += 1 }
        SoftIRQ.enable()
      }
      tasklet.kill()
      var total = 0
      for index in 0..<CPU.count { total += scheduled[index] }
      let passed = Demo.check(overlaps == 0, "it never ran on two processors at once")
      return Demo.check(runs == total, "it ran once for each time it was accepted") && passed
    }
  }

  private static func note(_ what: UInt8) {
    let record = Record(
      what: what, isInterrupt: Context.isInterrupt, isSoftIRQ: Context.isSoftIRQ,
      interruptsAreOn: Interrupts.areOn)
    lock.withLockIRQ { records.append(record) }
  }

  private static func count() -> Int { lock.withLockIRQ { records.count } }
}
