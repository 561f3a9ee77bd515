import Testing

/// Kernel stacks of two pages are enough for whatever a thread does, in QEMU.
@Suite(.enabled(if: QEMU.isPresent, "qemu-system-x86_64 is not installed"), .serialized)
struct StackTests {
  @Test(arguments: [1, 4])
  func twoPagesAreEnough(processors: Int) throws {
    let commands = "usertests -q; demo threads; demo journal; demo modules; cat /proc/stacks"
    let run = try QEMU.boot(
      commandLine: "quiet stackusage cmd=\"\(commands)\" exit debug-exit",
      extra: ["-smp", "\(processors)"])
    #expect(run.status == 33)
    #expect(run.output.contains("demo threads: passed"), "\(run.output)")
    let deepest = run.output.matches(of: #/deepest +(\d+) of (\d+), /#)
    #expect(deepest.count == 2 + processors, "\(run.output)")
    for match in deepest {
      let (used, size) = (Int(match.1) ?? 0, Int(match.2) ?? 0)
      #expect(used > 0 && used < size - 1024, "\(match.0)")
    }
  }
}
