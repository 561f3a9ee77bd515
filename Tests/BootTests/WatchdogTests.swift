import Testing

/// Threads and processors that get nowhere, and memory that is refused: the kernel says so, and goes on.
@Suite(.enabled(if: QEMU.isPresent, "qemu-system-x86_64 is not installed"), .serialized)
struct WatchdogTests {
  private func boot(_ commands: String, options: String = "", processors: String) throws -> String {
    let run = try QEMU.boot(
      commandLine: "quiet \(options) cmd=\"\(commands)\" exit debug-exit",
      extra: ["-smp", processors], seconds: 600)
    #expect(run.status == 33)
    #expect(!run.output.contains("PANIC"), "\(run.output)")
    return run.output
  }

  @Test(arguments: ["1", "4"]) func silenceIsReported(processors: String) throws {
    let output = try boot("demo hung-task; demo soft-lockup; dmesg", processors: processors)
    #expect(output.contains("demo hung-task: passed"), "\(output)")
    #expect(output.contains("demo soft-lockup: passed"), "\(output)")
    let reports = output.split(whereSeparator: \.isNewline).filter { $0.contains("] hung ") }
    #expect(
      reports.contains { $0.contains("seeker") && $0.contains("the mutex demo treasure, which") },
      "\(output)")
    #expect(output.contains("for 5 ticks by") && output.contains("holding demo lockup ("))
    #expect(output.contains("HungTaskDemo"), "the way to where it waits")
  }

  @Test(arguments: ["1", "4"]) func limitsAreRead(processors: String) throws {
    let files = "/proc/sys/kernel/hung_task_timeout_secs /proc/sys/kernel/watchdog_thresh"
    let output = try boot(
      "echo 7 > /proc/sys/kernel/watchdog_thresh; cat \(files)", processors: processors)
    #expect(output.contains("30\n7\n") || output.contains("30\r\n7\r\n"))
  }

  /// Each place where an operation asks for memory fails once; nothing is lost.
  @Test(arguments: ["1", "4"]) func refusedMemoryIsAnError(processors: String) throws {
    let output = try boot("usertests refused-*", processors: processors)
    #expect(output.contains("2 passed, 0 failed"), "\(output)")
  }

  /// One request of a hundred is refused everywhere: programs may fail, the kernel may not.
  ///
  /// Afterwards all is as it was.
  @Test(arguments: ["1", "4"]) func theKernelOutlivesRefusals(processors: String) throws {
    // Not areas: without those its heap could not grow, and usertests itself would end.
    let plan = "chance=100,kinds=frames+buffers+stacks,seed=\(processors)"
    let tests =
      "usertests -q fork* mmap* pipe* areas-back page* exec* many-children process* *-calls *file*"
    let output = try boot(
      "echo \(plan) > /proc/failures; \(tests); cat /proc/failures; echo off > /proc/failures; "
        + "echo calm; \(tests)", processors: processors)
    #expect(output.contains("chance=100") && !output.contains("refusals 0"))
    let calm = output.split(separator: "calm").last.map(String.init) ?? ""
    #expect(calm.contains(" passed, 0 failed"), "\(calm)")
  }

  /// No object is made where memory cannot be waited for, but by demonstrations of such places.
  @Test(arguments: ["1", "4"]) func nothingIsMadeUnderSpinlocks(processors: String) throws {
    let output = try boot(
      "usertests -q; demo all; cat /proc/lockdep", options: "lockdep", processors: processors)
    #expect(output.contains(" places where an object is made"))
    let places = output.split(whereSeparator: \.isNewline).filter {
      $0.hasPrefix("an object is made ") && !$0.contains("Demo.")
    }
    #expect(places == [])
  }
}
