/// Self-tests of threads and what they wait on, with as many processors as there are.
import KernelArch

enum SchedulerTests {
  static func run() {
    SelfTest.report("no wake-up is lost", pingPong())
    SelfTest.report("mutual exclusion", exclusion())
    SelfTest.report("timeouts and interruption", endings())
    SelfTest.report("stop class", stop())
  }

  /// Two threads hand a token to and fro; one lost wake-up and they stand still.
  private static func pingPong() -> Bool {
    let there = Semaphore(0)
    let back = Semaphore(0)
    let rounds = 300
    Thread.spawn("test-pong") {
      for _ in 0..<rounds {
        there.wait()
        back.post()
      }
    }
    for _ in 0..<rounds {
      there.post()
      let end = Clock.nanoseconds + 5_000_000_000
      if back.waitInterruptible(until: end) != .done { return false }
    }
    return true
  }

  private static func exclusion() -> Bool {
    final class Shared {
      var value = 0
      let mutex = Mutex("test")
    }
    let shared = Shared()
    let ended = Semaphore(0)
    for _ in 0..<4 {
      Thread.spawn("test-mutex") {
        for round in 0..<50 {
          shared.mutex.withLock {
            let seen = shared.value
            if round % 8 == 0 { Thread.yield() }
            shared.value = seen + 1
          }
        }
        ended.post()
      }
    }
    for _ in 0..<4 { ended.wait() }
    return shared.value == 200
  }

  private static func endings() -> Bool {
    let queue = WaitQueue()
    let begin = Clock.nanoseconds
    let late = queue.wait(until: begin + 3_000_000) { false }
    guard late == .timedOut, Clock.nanoseconds >= begin + 3_000_000 else { return false }
    let ended = Completion()
    var result = WaitResult.done
    let sleeper = Thread.spawn("test-sleeper") {
      result = queue.wait { false }
      ended.complete()
    }
    Thread.sleep(nanoseconds: 1_000_000)
    sleeper.interrupt(fatal: false)
    ended.wait()
    return result == .interrupted
  }

  private static func stop() -> Bool {
    for cpu in 0..<CPU.count {
      var seen = -1
      Stopper.run(on: cpu) { seen = Preemption.off { CPU.current.index } }
      if seen != cpu { return false }
    }
    return true
  }
}
