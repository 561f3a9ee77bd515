/// The validator finds what could deadlock while nothing deadlocks.
import KernelArch

enum LockOrderDemo {
  private static let first = Mutex("demo first")
  private static let second = Mutex("demo second")
  private static let interrupt = SpinLock("demo handler")

  static func run() -> Bool {
    let wasOn = LockValidator.isOn
    LockValidator.start()
    defer { if !wasOn { LockValidator.stop() } }
    Demo.say("A thread takes `first` and then `second`, and gives both back.")
    first.withLock { second.withLock {} }
    Demo.say("Later it takes `second` and then `first`. Nobody else is there: nothing can happen.")
    second.withLock { first.withLock {} }
    let one = LockClasses.number(of: first.name)
    let two = LockClasses.number(of: second.name)
    let reversal = LockGraph.Finding.reversal(held: two, wanted: one)
    var passed = Demo.check(
      LockValidator.hasFound(reversal), "the validator has seen that the orders contradict:")
    for line in LockValidator.describe(reversal) { Demo.say("     \(line)") }
    Demo.say("A timer's handler takes a spinlock that a thread holds with interrupts on.")
    let timer = Timer { _ in interrupt.withLockIRQ {} }
    timer.start(after: 100_000)
    Thread.sleep(nanoseconds: 2_000_000)
    interrupt.withLock {}
    let unsafe = LockGraph.Finding.unsafeInInterrupts(LockClasses.number(of: interrupt.name))
    passed = Demo.check(LockValidator.hasFound(unsafe), "the validator reports that too:") && passed
    for line in LockValidator.describe(unsafe) { Demo.say("     \(line)") }
    let isAtomic = interrupt.withLockIRQ { Context.isAtomic }
    passed =
      Demo.check(
        isAtomic, "with a spinlock held the context is atomic: sleeping would panic, by name")
      && passed
    Demo.say(
      "Boot with `lockdep` to have it watch from the start; /proc/lockdep shows all findings.")
    return passed
  }
}

/// A deadlock that really happens, and is found by following who waits for whom.
enum DeadlockDemo {
  private final class Table {
    let left = Mutex("demo left")
    let right = Mutex("demo right")
    let bothHoldOne = Semaphore(0)
    let mayGoOn = [Semaphore(0), Semaphore(0)]
    let detected = AtomicBits(count: 2)
    let finished = AtomicBits(count: 2)
  }

  static func run() -> Bool {
    Demo.say("Thread 0 holds `left` and wants `right`; thread 1 holds `right` and wants `left`.")
    let table = Table()
    let crew = Crew()
    for number in 0..<2 {
      crew.start("demo-deadlock") {
        let mine = number == 0 ? table.left : table.right
        let other = number == 0 ? table.right : table.left
        mine.lock()
        table.bothHoldOne.post()
        table.mayGoOn[number].wait()
        if !other.lockUnlessDeadlock() {
          table.detected.set(number)
          mine.unlock()
          other.lock()
          mine.lock()
        }
        table.finished.set(number)
        mine.unlock()
        other.unlock()
      }
    }
    table.bothHoldOne.wait()
    table.bothHoldOne.wait()
    table.mayGoOn[0].post()
    Thread.sleep(nanoseconds: 5_000_000)
    table.mayGoOn[1].post()
    crew.join()
    var passed = Demo.check(!table.detected[0], "thread 0 came first and just waits")
    passed =
      Demo.check(
        table.detected[1], "thread 1 would close the circle: EDEADLK instead of waiting for ever")
      && passed
    return Demo.check(
      table.finished[0] && table.finished[1],
      "it gives its mutex back, waits, and both get done") && passed
  }
}

/// Dijkstra's philosophers, five of them, with five forks.
enum PhilosophersDemo {
  private static let count = 5
  private static let meals = 40

  private final class Table {
    var forks: [Mutex] = []
    let haveLeft = Semaphore(0)
    let go = Completion()
    let starving = AtomicBits(count: PhilosophersDemo.count)
    var eaten = [Int](repeating: 0, count: PhilosophersDemo.count)
    init() {
      for _ in 0..<PhilosophersDemo.count { forks.append(Mutex("demo fork")) }
    }
  }

  static func run() -> Bool {
    Demo.say("Five philosophers, five forks. Each takes the left fork first, all at the same time.")
    let naive = Table()
    let crew = Crew()
    for seat in 0..<count {
      crew.start("demo-naive") {
        naive.forks[seat].lock()
        naive.haveLeft.post()
        naive.go.wait()
        let right = naive.forks[(seat + 1) % count]
        if right.lockUnlessDeadlock() { right.unlock() } else { naive.starving.set(seat) }
        naive.forks[seat].unlock()
      }
    }
    for _ in 0..<count { naive.haveLeft.wait() }
    naive.go.completeAll()
    crew.join()
    var stuck = 0
    for seat in 0..<count where naive.starving[seat] { stuck += 1 }
    var passed = Demo.check(
      stuck == 1, "one of them closes the circle; had it waited, all five would starve")
    Demo.say("Now each takes the fork with the lower number first, and eats 40 times.")
    let table = Table()
    for seat in 0..<count {
      crew.start("demo-philosopher") {
        let other = (seat + 1) % count
        for _ in 0..<meals {
          table.forks[min(seat, other)].lock()
          table.forks[max(seat, other)].lock()
          table.eaten[seat] += 1
          Thread.yield()
          table.forks[max(seat, other)].unlock()
          table.forks[min(seat, other)].unlock()
        }
      }
    }
    crew.join()
    for seat in 0..<count { passed = table.eaten[seat] == meals && passed }
    return Demo.check(passed, "each has eaten 40 times")
  }
}
