import Emulator
import Testing

@Suite struct TimeTests {
  @Test func timersFireByDeadlineThenByTheOrderTheyWereMade() {
    let clock = VirtualClock()
    var fired: [String] = []
    let first = VirtualTimer(clock, name: "first") { _ in fired.append("first") }
    let second = VirtualTimer(clock, name: "second") { _ in fired.append("second") }
    let early = VirtualTimer(clock, name: "early") { _ in fired.append("early") }
    second.arm(at: 10)
    first.arm(at: 10)
    early.arm(at: 5)
    #expect(clock.nextDeadline == 5)
    clock.now = 9
    clock.runDueEvents()
    #expect(fired == ["early"])
    #expect(clock.nextDeadline == 10)
    clock.now = 10
    clock.runDueEvents()
    #expect(fired == ["early", "first", "second"])
    #expect(clock.nextDeadline == .max)
  }

  @Test func aPeriodicTimerThatIsNoticedLateDoesNotDrift() {
    let clock = VirtualClock()
    var deadlines: [UInt64] = []
    let timer = VirtualTimer(clock, name: "periodic")
    timer.handler = { [unowned timer] deadline in
      deadlines.append(deadline)
      timer.arm(at: deadline + 100)
    }
    timer.arm(at: 100)
    clock.now = 350
    clock.runDueEvents()
    #expect(deadlines == [100, 200, 300])
    #expect(clock.nextDeadline == 400)
  }

  @Test func disarmingTheEarliestTimerUncoversTheNext() {
    let clock = VirtualClock()
    let early = VirtualTimer(clock, name: "early")
    let late = VirtualTimer(clock, name: "late")
    late.arm(at: 20)
    early.arm(at: 10)
    early.disarm()
    #expect(clock.nextDeadline == 20)
    late.arm(at: 30)
    #expect(clock.nextDeadline == 30)
  }

  @Test(arguments: [1_193_182, 3_579_545, 32_768, 100_000_000, 1_000_000_000] as [UInt64])
  func everyTickBeginsWhereItIsCounted(hertz: UInt64) {
    let oscillator = Oscillator(hertz: hertz)
    for tick in [0, 1, 2, 3, 1000, 65_535, 123_456_789, 1 << 40] as [UInt64] {
      let time = oscillator.time(ofTick: tick)
      #expect(oscillator.ticks(at: time) == tick)
      if time > 0 { #expect(oscillator.ticks(at: time - 1) == tick - 1) }
    }
    #expect(oscillator.ticks(at: 1_000_000_000) == hertz)
    #expect(oscillator.time(ofTick: .max) > 0)
  }
}
