import Testing

/// Programs that take all there is of something: the machine goes on, with one processor and with four.
@Suite(.enabled(if: QEMU.isPresent, "qemu-system-x86_64 is not installed"), .serialized)
struct ExhaustionTests {
  private static let tests = [
    "fork-bomb", "thread-storm", "areas-to-the-end", "areas-back", "pipes-of-many",
  ]

  @Test(arguments: ["1", "4"]) func nothingStopsTheKernel(processors: String) throws {
    let names = Self.tests.joined(separator: " ")
    let run = try QEMU.boot(
      commandLine: "quiet cmd=\"usertests \(names); hello\" exit debug-exit",
      extra: ["-smp", processors])
    #expect(run.status == 33)
    #expect(run.output.contains("\(Self.tests.count) passed, 0 failed"), "\(run.output)")
    #expect(run.output.contains("Hello, world!") && !run.output.contains("PANIC"))
  }

  /// In a shell, where nobody ends it: the shell itself stays and answers.
  @Test(arguments: ["1", "4"]) func aShellSurvivesItsForkBomb(processors: String) throws {
    let run = try QEMU.boot(
      commandLine: "quiet cmd=\"y() { y | y & }; y 2>/dev/null; sleep 2; hello\" exit debug-exit",
      extra: ["-smp", processors, "-m", "48"])
    #expect(run.status == 33)
    #expect(run.output.contains("Hello, world!") && !run.output.contains("PANIC"))
  }
}
