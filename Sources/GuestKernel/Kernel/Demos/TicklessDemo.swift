/// The tick comes to processors that have something to divide up, and lets the others sleep.
import KernelArch

enum TicklessDemo {
  static func run() -> Bool {
    Demo.say("The scheduler looks at a busy processor \(Clock.ticksPerSecond) times a second.")
    var passed = Demo.attempt {
      let before = interrupts
      Thread.sleep(nanoseconds: 1_000_000_000)
      return interrupts - before < Clock.ticksPerSecond / 4 * UInt64(CPU.count)
    }
    passed = Demo.check(
      passed, "all asleep for a second: not a quarter of the ticks that time would have had")
    let crew = Crew()
    var during: UInt64 = 0
    crew.start("demo-busy", on: 0) {
      let before = InterruptStatistics.count(of: InterruptVector.timer, on: 0)
      Busy.spin(until: Clock.nanoseconds + 500_000_000)
      during = InterruptStatistics.count(of: InterruptVector.timer, on: 0) - before
    }
    crew.join()
    passed =
      Demo.check(during >= 10, "a thread works for half a second: its processor has ticks again")
      && passed
    Demo.say("A grace period needs every processor, also one that sleeps without ticks:")
    let begin = RCU.gracePeriods
    for _ in 0..<3 {
      Thread.sleep(nanoseconds: 100_000_000)
      RCU.synchronize()
    }
    return Demo.check(RCU.gracePeriods >= begin + 3, "they were woken for it, three times")
      && passed
  }

  /// Of the timer, on all processors.
  private static var interrupts: UInt64 { InterruptStatistics.total(InterruptVector.timer) }
}
