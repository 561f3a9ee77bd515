import GuestKernel
import Testing

struct TimespecTests {
  @Test func splitsAndJoins() {
    let time = Timespec(total: 3_000_000_007)
    #expect(time.seconds == 3 && time.nanoseconds == 7)
    #expect(time.total == 3_000_000_007)
  }

  @Test func refusesWhatIsNoTime() {
    #expect(Timespec(seconds: -1).total == nil)
    #expect(Timespec(nanoseconds: -1).total == nil)
    #expect(Timespec(nanoseconds: 1_000_000_000).total == nil)
    #expect(Timespec(seconds: .max).total == UInt64(Int64.max))
  }
}
