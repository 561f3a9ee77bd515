import GuestKernel
import Testing

/// Several processors, and interrupts by another way, in QEMU.
@Suite(.enabled(if: QEMU.isPresent, "qemu-system-x86_64 is not installed"), .serialized)
struct ProcessorTests {
  @Test(arguments: [1, 2, 4])
  func startsAll(processors: Int) throws {
    let run = try QEMU.boot(
      commandLine: "cmd=\"cat /proc/cpuinfo\" exit selftest", extra: ["-smp", "\(processors)"])
    #expect(run.output.contains("\(processors) of \(processors) processors"))
    for index in 0..<processors { #expect(run.output.contains("processor\t: \(index)")) }
    #expect(!run.output.contains("FAILED"))
    #expect(run.output.contains("spinlock among all processors: passed"))
  }

  @Test(arguments: [("nosmp", 1), ("maxcpus=2", 2)])
  func startsNoMoreThanAsked(option: String, count: Int) throws {
    let run = try QEMU.boot(commandLine: "exit cmd=\"hello\" \(option)", extra: ["-smp", "4"])
    #expect(run.output.contains("\(count) of 4 processors"))
    #expect(run.output.contains("Hello, world"))
  }

  @Test func interruptsComeThroughThe8259() throws {
    let run = try QEMU.boot(commandLine: "exit cmd=\"demo rtc\" noapic", extra: ["-smp", "2"])
    #expect(run.output.contains("interrupts through the 8259s"))
    #expect(run.output.contains("demo rtc: passed"))
  }

  @Test(arguments: [
    ("d", "deadlock: spinlock d, taken by this processor at"),
    ("a", "in atomic context: with preemption off, holding a ("),
  ])
  func mistakesWithLocksAreNamed(letter: String, reason: String) throws {
    let run = try QEMU.boot(
      commandLine: "quiet debug-exit cmd=\"echo \(letter) > /proc/mishaps\"",
      extra: ["-smp", "4"])
    #expect(run.output.contains(reason))
  }
}
