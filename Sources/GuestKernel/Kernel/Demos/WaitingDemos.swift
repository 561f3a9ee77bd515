/// Ways to wait, and what ends each of them.
import KernelArch

/// Threads of demonstrations that wait for something.
private enum Sleepers {
  /// Those of that name that wait now.
  static func count(_ name: StaticString) -> Int {
    var count = 0
    for thread in Scheduler.threads where thread.name.equals(name) && thread.state.isWaiting {
      count += 1
    }
    return count
  }

  /// Whether so many of that name wait, now or soon.
  static func settle(_ name: StaticString, at wanted: Int) -> Bool {
    for _ in 0..<500 {
      if count(name) == wanted { return true }
      Thread.sleep(nanoseconds: 1_000_000)
    }
    return false
  }

  static func find(_ name: StaticString) -> Thread? {
    Scheduler.threads.first { $0.name.equals(name) && $0.state.isWaiting }
  }
}

/// Who is woken by one wake-up, and how waiting ends without any.
enum WaitQueueDemo {
  /// Permits for those who want one, and a gate for those who only want to know that it is open.
  private final class Gate {
    let queue = WaitQueue()
    private let lock = SpinLock("demo gate")
    private var permits = 0
    private var isOpen = false

    func grant() { lock.withLock { permits += 1 } }
    func open() { lock.withLock { isOpen = true } }
    func mayPass() -> Bool { lock.withLock { isOpen } }
    func take() -> Bool {
      lock.withLock {
        guard permits > 0 else { return false }
        permits -= 1
        return true
      }
    }
  }

  static func run() -> Bool {
    Demo.say("One queue: three threads wait for a gate to open, four others for a permit each.")
    let gate = Gate()
    let crew = Crew()
    for _ in 0..<3 {
      crew.start("demo-shared") {
        _ = gate.queue.wait(interruptible: false) { gate.mayPass() }
      }
    }
    for _ in 0..<4 {
      crew.start("demo-exclusive") {
        _ = gate.queue.wait(interruptible: false, exclusive: true) { gate.take() }
      }
    }
    var passed = Demo.check(
      Sleepers.settle("demo-shared", at: 3) && Sleepers.settle("demo-exclusive", at: 4),
      "all seven sleep")
    gate.grant()
    gate.queue.wakeOne()
    passed =
      Demo.check(
        Sleepers.settle("demo-exclusive", at: 3) && Sleepers.settle("demo-shared", at: 3),
        "one permit and `wakeOne`: one exclusive waiter goes on, the three look and sleep again")
      && passed
    gate.open()
    gate.queue.wakeOne()
    passed =
      Demo.check(
        Sleepers.settle("demo-shared", at: 0) && Sleepers.settle("demo-exclusive", at: 3),
        "the gate opens: one `wakeOne` lets all three through, since they take nothing away")
      && passed
    for _ in 0..<3 { gate.grant() }
    gate.queue.wakeAll()
    crew.join()
    passed =
      Demo.check(gate.queue.isEmpty, "three permits and `wakeAll`: the queue is empty") && passed
    return endings(gate.queue) && passed
  }

  private static func endings(_ queue: WaitQueue) -> Bool {
    Demo.say("Nobody wakes the next ones.")
    let begin = Clock.nanoseconds
    let late = queue.wait(interruptible: false, until: begin + 3_000_000) { false }
    var passed = Demo.check(
      late == .timedOut && Clock.nanoseconds >= begin + 3_000_000,
      "with a deadline waiting ends 3 ms later: timed out")
    let crew = Crew()
    let result = UnsafeMutablePointer<WaitResult>.allocate(capacity: 1)
    result.initialize(to: .done)
    defer { result.deallocate() }
    crew.start("demo-called") { result.pointee = queue.wait { false } }
    if Sleepers.settle("demo-called", at: 1) {
      Sleepers.find("demo-called")?.interrupt(fatal: false)
    }
    crew.join()
    passed =
      Demo.check(result.pointee == .interrupted, "one that a signal may interrupt: interrupted")
      && passed
    return passed
  }
}

/// "It is done", before or after somebody asks.
enum CompletionDemo {
  static func run() -> Bool {
    Demo.say("Three threads wait for a completion.")
    let done = Completion()
    let crew = Crew()
    for _ in 0..<3 { crew.start("demo-completion") { done.wait() } }
    var passed = Demo.check(Sleepers.settle("demo-completion", at: 3), "all three sleep")
    done.complete()
    passed =
      Demo.check(
        Sleepers.settle("demo-completion", at: 2), "`complete` lets one of them go on, two sleep")
      && passed
    done.completeAll()
    crew.join()
    passed =
      Demo.check(done.isDone, "`completeAll` lets both go, and all who come later:") && passed
    done.wait()
    passed = Demo.check(true, "this thread did not have to wait") && passed
    let early = Completion()
    early.complete()
    early.wait()
    passed =
      Demo.check(!early.isDone, "what is completed before anybody waits is not lost, but used up")
      && passed
    let late = early.wait(interruptible: false, until: Clock.nanoseconds + 2_000_000)
    return Demo.check(late == .timedOut, "a second wait ends by its deadline") && passed
  }
}

/// Three ways to want a mutex that somebody else keeps.
enum KillableDemo {
  static func run() -> Bool {
    Demo.say("This thread holds a mutex. Three others want it, each in its own way.")
    let mutex = Mutex("demo kept")
    let got = AtomicBits(count: 3)
    defer { got.deallocate() }
    let crew = Crew()
    mutex.lock()
    crew.start("demo-interrupt") {
      guard mutex.lockInterruptible() else { return }
      got.set(0)
      mutex.unlock()
    }
    crew.start("demo-killable") {
      guard mutex.lockKillable() else { return }
      got.set(1)
      mutex.unlock()
    }
    crew.start("demo-patient") {
      mutex.lock()
      got.set(2)
      mutex.unlock()
    }
    let names: [StaticString] = ["demo-interrupt", "demo-killable", "demo-patient"]
    var passed = true
    for name in names { passed = Sleepers.settle(name, at: 1) && passed }
    passed = Demo.check(passed, "all three sleep")
    for name in names { Sleepers.find(name)?.interrupt(fatal: false) }
    passed =
      Demo.check(
        remain(names) == (0, 1, 1), "a signal for each: only the interruptible one gives up")
      && passed
    for name in names { Sleepers.find(name)?.interrupt(fatal: true) }
    passed =
      Demo.check(remain(names) == (0, 0, 1), "a deadly one for each: the killable one gives up")
      && passed
    mutex.unlock()
    crew.join()
    return Demo.check(
      !got[0] && !got[1] && got[2], "the mutex is given back: the patient one gets it") && passed
  }

  /// Who still sleeps, once nothing changes any more.
  private static func remain(_ names: [StaticString]) -> (Int, Int, Int) {
    Thread.sleep(nanoseconds: 10_000_000)
    return (Sleepers.count(names[0]), Sleepers.count(names[1]), Sleepers.count(names[2]))
  }
}
