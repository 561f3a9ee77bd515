/// Timers: deadlines in nanoseconds, kept by one interrupt at a time.
import KernelArch

enum TimersDemo {
  private static let lock = SpinLock("timers demo")
  /// Lock: `lock`, with interrupts off.
  nonisolated(unsafe) private static var order: [UInt8] = []
  nonisolated(unsafe) private static var earliest: Int64 = .max
  nonisolated(unsafe) private static var latest: Int64 = .min

  static func run() -> Bool {
    order = []
    earliest = .max
    latest = .min
    Demo.say("Each processor's timer waits for the first of its deadlines only (/proc/timer_list).")
    Demo.say(
      "Four timers, started in the order A B C D, for 3, 1, 4 and 2 ms from now; C is cancelled.")
    let begin = Clock.nanoseconds
    // On one and the same processor, and none expires before all have been started.
    let (timers, isCancelled) = Interrupts.off {
      let timers = [3, 1, 4, 2].enumerated().map { index, milliseconds in
        start(UInt8(0x41 + index), at: begin + UInt64(milliseconds) * 1_000_000)
      }
      return (timers, timers[2].cancel())
    }
    var passed = Demo.check(isCancelled, "C was still waiting when it was cancelled")
    for _ in 0..<500 where lock.withLockIRQ({ order.count < 3 }) {
      Thread.sleep(nanoseconds: 10_000_000)
    }
    passed =
      Demo.check(lock.withLockIRQ { order.equals("BDA") }, "the others expired as B, D, A")
      && passed
    passed = Demo.check(!timers[0].cancel(), "A cannot be cancelled any more") && passed
    return measure() && passed
  }

  private static func start(_ letter: UInt8, at deadline: UInt64) -> Timer {
    let timer = Timer { _ in lock.withLockIRQ { order.append(letter) } }
    timer.start(at: deadline)
    return timer
  }

  /// A timer that starts itself again, a hundred times.
  private static func measure() -> Bool {
    Demo.say("A timer that starts itself again every 50 microseconds, 100 times:")
    let done = Completion()
    var left = 100
    let timer = Timer { timer in
      let late = Int64(bitPattern: Clock.nanoseconds &- timer.deadline)
      earliest = min(earliest, late)
      latest = max(latest, late)
      left -= 1
      if left > 0 { timer.start(at: timer.deadline &+ 50_000) } else { done.complete() }
    }
    let begin = Clock.nanoseconds
    timer.start(at: begin + 50_000)
    done.wait()
    let elapsed = Clock.nanoseconds - begin
    timer.cancelAndWait()
    var passed = Demo.check(earliest >= 0, "not once too early")
    passed = Demo.check(elapsed >= 5_000_000, "5 ms have passed at its end") && passed
    var bound: Int64 = 1000
    while bound < latest { bound *= 10 }
    Demo.say("the latest was less than \(bound / 1000) microseconds late")
    return passed
  }
}
