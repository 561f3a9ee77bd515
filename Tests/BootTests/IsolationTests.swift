import Testing

/// Programs that run without the kernel in their page tables, in QEMU.
@Suite(.enabled(if: QEMU.isPresent, "qemu-system-x86_64 is not installed"), .serialized)
struct IsolationTests {
  private static let demos = [
    "pti", "rings", "entries", "segments", "fork", "exec", "signals", "uthreads", "toctou",
    "pipeline", "cow", "processors", "oops",
  ]

  @Test(arguments: [1, 4])
  func everyWayInAndOutChangesThePageTables(processors: Int) throws {
    let commands = Self.demos.map { "demo \($0)" }.joined(separator: "; ")
    let run = try QEMU.boot(
      commandLine: "quiet pti=on kaslr=7 selftest cmd=\"\(commands); dmesg\" exit debug-exit",
      extra: ["-smp", "\(processors)"])
    #expect(run.status == 33)
    for demo in Self.demos {
      #expect(run.output.contains("demo \(demo): passed"), "\(run.output)")
    }
    #expect(run.output.contains("page tables of ring 3: passed"))
    #expect(!run.output.contains("FAILED"))
    #expect(!run.output.contains("PANIC"))
  }

  @Test(arguments: [1, 4])
  func theKernelKeepsItsPromises(processors: Int) throws {
    let run = try QEMU.boot(
      commandLine: "quiet pti=on cmd=\"usertests -q\" exit debug-exit",
      extra: ["-smp", "\(processors)"])
    #expect(run.status == 33)
    #expect(run.output.contains(", 0 failed,"), "\(run.output)")
  }

  @Test func sharesThemUnlessAsked() throws {
    let run = try QEMU.boot(commandLine: "quiet cmd=\"demo pti\" exit debug-exit")
    #expect(run.status == 33)
    #expect(run.output.contains("yes: pti=off: they are the same page tables"))
    #expect(run.output.contains("demo pti: passed"))
  }

  /// The double fault is taken on the program's page tables' part of the kernel, or on the kernel's.
  @Test func aPanicIsStillReported() throws {
    let run = try QEMU.boot(commandLine: "quiet pti=on cmd=\"panic stack\" debug-exit")
    #expect(run.status == 0x01 << 1 | 1)
    #expect(run.output.contains("kernel stack overflow"))
    #expect(run.output.contains("syscall_dispatch"))
  }
}
