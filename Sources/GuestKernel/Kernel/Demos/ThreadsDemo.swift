/// More than a thousand threads at once, each on two pages.
import KernelArch

enum ThreadsDemo {
  private static let count = 1000

  static func run() -> Bool {
    Demo.say("1000 threads of the kernel are started; all of them wait.")
    let go = Completion()
    let here = Semaphore(0)
    let sum = Semaphore(0)
    let crew = Crew()
    for _ in 0..<count {
      crew.start("demo-thread") {
        here.post()
        go.wait()
        sum.post()
      }
    }
    for _ in 0..<count { here.wait() }
    var passed = Demo.check(alive == count, "all of them are there at once")
    passed =
      Demo.check(KernelStacks.size == 2 * pageSize, "each has a kernel stack of two pages")
      && passed
    var isGuarded = true
    for thread in Scheduler.threads where thread.id != 0 {
      let guardPage = thread.stackTop - KernelStacks.size - pageSize
      if KernelSpace.isMapped(LinearAddress(guardPage)) { isGuarded = false }
    }
    passed =
      Demo.check(isGuarded, "below each lies a page that is not there: an overflow faults at once")
      && passed
    Demo.say(
      "`panic stack` in the shell lets one overflow: the double fault is taken on a stack of")
    Demo.say("its own, and the panic names the overflow.")
    go.completeAll()
    crew.join()
    passed = Demo.check(sum.value == count, "told to go on, all 1000 did") && passed
    for _ in 0..<200 where alive > 0 { Thread.sleep(nanoseconds: 1_000_000) }
    return Demo.check(alive == 0, "and all are gone, their stacks ready for others") && passed
  }

  /// How many of the demonstration's own threads there are; others come and go meanwhile.
  private static var alive: Int {
    var count = 0
    for thread in Scheduler.threads where thread.name.equals("demo-thread") { count += 1 }
    return count
  }
}
