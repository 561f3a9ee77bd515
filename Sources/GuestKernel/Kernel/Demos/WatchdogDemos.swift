/// Silence that is noticed: a thread that waits for ever, a processor that is kept for ever.
import KernelArch

enum HungTaskDemo {
  private static let treasure = Mutex("demo treasure")

  static func run() -> Bool {
    guard Configuration.HUNG_TASK_SECONDS > 0 else {
      return Demo.check(true, "this kernel was built without (HUNG_TASK_SECONDS = 0)")
    }
    let usual = HungTasks.limit
    let before = HungTasks.reports
    let level = KernelLog.consoleLevel
    defer {
      HungTasks.setLimit(usual)
      KernelLog.consoleLevel = level
    }
    KernelLog.consoleLevel = 0
    Demo.say("Instead of \(usual / Watchdogs.second) s, uninterruptible waiting may take 100 ms.")
    HungTasks.setLimit(100_000_000)
    let mayLetGo = Semaphore(0)
    let hasIt = Semaphore(0)
    let crew = Crew()
    crew.start("keeper") {
      treasure.withLock {
        hasIt.post()
        mayLetGo.wait()
      }
    }
    hasIt.wait()
    Demo.say("The thread `keeper` holds a mutex and waits for something else; `seeker` wants it.")
    crew.start("seeker") { treasure.withLock {} }
    let patience = Clock.nanoseconds + 20 * Watchdogs.second
    while HungTasks.reports == before, Clock.nanoseconds < patience {
      Thread.sleep(nanoseconds: 20_000_000)
    }
    var passed = Demo.check(
      HungTasks.reports == before + 1, "the log names who waits, for which mutex, and its owner")
    let isComplete = names(HungTasks.lastReport)
    passed = Demo.check(isComplete, "`seeker`, `demo treasure`, `keeper`") && passed
    Thread.sleep(nanoseconds: 300_000_000)
    passed =
      Demo.check(HungTasks.reports == before + 1, "once: it waits on, and nothing more is said")
      && passed
    mayLetGo.post()
    crew.join()
    Demo.say("`dmesg` shows the report with the way to where it waits.")
    return passed
  }

  private static func names(_ line: TextLine) -> Bool {
    let words: [StaticString] = ["seeker", "demo treasure", "keeper"]
    return words.allSatisfy { contains(line, $0) }
  }

  static func contains(_ line: TextLine, _ word: StaticString) -> Bool {
    let length = word.utf8CodeUnitCount
    guard line.count >= length else { return false }
    for start in 0...line.count - length
    where (0..<length).allSatisfy({ line[start + $0] == word.utf8Start[$0] }) {
      return true
    }
    return false
  }
}

enum SoftLockupDemo {
  private static let lock = SpinLock("demo lockup")

  static func run() -> Bool {
    guard Configuration.SOFT_LOCKUP_SECONDS > 0 else {
      return Demo.check(true, "this kernel was built without (SOFT_LOCKUP_SECONDS = 0)")
    }
    let usual = SoftLockups.limit
    let before = SoftLockups.reports
    let level = KernelLog.consoleLevel
    KernelLog.consoleLevel = 0
    SoftLockups.limit = 5 * Clock.nanosecondsPerTick
    defer {
      SoftLockups.limit = usual
      KernelLog.consoleLevel = level
    }
    Demo.say("A thread holds a spinlock and turns in a loop. Interrupts are on: the tick")
    Demo.say("comes, but no other thread. Allowed: 5 ticks, not \(usual / Watchdogs.second) s.")
    let patience = Clock.nanoseconds + 20 * Watchdogs.second
    lock.withLock {
      while SoftLockups.reports == before, Clock.nanoseconds < patience { cpu_pause() }
    }
    let line = SoftLockups.lastReport
    var passed = Demo.check(
      SoftLockups.reports > before, "the log says which processor, which thread, and where it is")
    passed =
      Demo.check(HungTaskDemo.contains(line, "demo lockup"), "and which lock it holds: demo lockup")
      && passed
    return passed
  }
}
