/// The real-time clock as the textbooks drive it: a periodic interrupt, a handler that reads register C.
import KernelArch

enum RTCDemo {
  static func run() -> Bool {
    Demo.say(
      "The clock chip is asked for 1024 interrupts a second on line 8. The handler reads register")
    Demo.say("C, counts, and wakes whoever waits: this thread.")
    guard RTC.startPeriodic(1024) else { return Demo.check(false, "line 8 can be had") }
    defer { RTC.stopPeriodic() }
    let begin = Clock.nanoseconds
    var count: UInt64 = 0
    var cause: UInt64 = 0
    while count < 32, let word = RTC.wait(until: begin + 5_000_000_000) {
      count += word >> 8
      cause |= word & 0xff
    }
    let elapsed = Clock.nanoseconds - begin
    var passed = Demo.check(count >= 32, "32 interrupts have come")
    passed =
      Demo.check(cause & 0xc0 == 0xc0, "register C gave the cause: the periodic interrupt")
      && passed
    passed =
      Demo.check(elapsed >= 20_000_000, "they took their time: 20 ms or more") && passed
    passed =
      Demo.check(!RTC.startPeriodic(64), "nobody else can have the line: it is not shared")
      && passed
    Demo.say("Now the handler forgets to read register C.")
    RTC.forgetsRegisterC = true
    Thread.sleep(nanoseconds: 20_000_000)
    let before = RTC.interruptCount
    Thread.sleep(nanoseconds: 50_000_000)
    if RTC.interruptCount == before {
      Demo.say("Not one more interrupt in 50 ms: the line is still asserted, and so has no edge.")
    } else {
      Demo.say("They come all the same: this machine's chip is not as its data sheet says.")
    }
    RTC.forgetsRegisterC = false
    RTC.acknowledge()
    Thread.sleep(nanoseconds: 50_000_000)
    passed =
      Demo.check(RTC.interruptCount > before, "register C read once more, they come again")
      && passed
    Demo.say("Look at /proc/interrupts, line 8, and at /proc/driver/rtc.")
    return passed
  }
}
