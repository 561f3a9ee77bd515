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

  @Test func everyIOAPICIsFound() throws {
    let run = try QEMU.boot(
      commandLine: "cmd=\"demo rtc\" exit debug-exit",
      machine: "microvm,acpi=on,pit=on,pic=on,rtc=on,isa-serial=on,ioapic2=on")
    #expect(run.status == 33)
    #expect(run.output.contains("IOAPIC at 0xfec00000 with 24 inputs\r\n"))
    #expect(run.output.contains("IOAPIC at 0xfec10000 with 24 inputs from 24\r\n"))
    #expect(run.output.contains("demo rtc: passed"))
  }

  /// Nothing says how fast its counters are, but both have the same idea of a second.
  @Test func aMachineWithoutAnIntervalTimerBoots() throws {
    let run = try QEMU.boot(
      commandLine: "cmd=\"demo timers\" exit debug-exit",
      machine: "microvm,acpi=on,pit=off,pic=on,rtc=on,isa-serial=on")
    #expect(run.status == 33, "\(run.output)")
    #expect(run.output.contains("without an 8254 to measure them\r\n"), "\(run.output)")
    #expect(run.output.contains("demo timers: passed"), "\(run.output)")
  }

  @Test(arguments: [1, 4])
  func anIdleProcessorTakesNoTicks(processors: Int) throws {
    let run = try QEMU.boot(
      commandLine: "quiet cmd=\"demo tickless; demo rcu; demo affinity\" exit debug-exit",
      extra: ["-smp", "\(processors)"])
    #expect(run.status == 33)
    for demo in ["tickless", "rcu", "affinity"] {
      #expect(run.output.contains("demo \(demo): passed"), "\(run.output)")
    }
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

  @Test func anOopsKeepsNobodyWaiting() throws {
    let mishap = "sh -c 'echo m > /proc/mishaps'"
    let run = try QEMU.boot(
      commandLine: "quiet exit debug-exit cmd=\"\(mishap); \(mishap); dmesg; echo alive\"")
    #expect(run.status == 33)
    // Twice at once, on the console, and twice in the log.
    #expect(run.output.components(separatedBy: "unlocks mutex fragile").count == 5)
    #expect(run.output.contains("\nalive"))
  }
}
