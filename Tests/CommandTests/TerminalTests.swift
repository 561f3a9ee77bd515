import Foundation
import TestImages
import Testing

@Suite(.serialized) struct TerminalTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func echo() throws -> String {
    let code = TestCode.print("ready", at: 0x10_0000) + TestCode.echo
    return try folder.file("echo", ELFBuilder(code: code).build())
  }

  private func isRaw(_ modes: tcflag_t) -> Bool {
    modes & tcflag_t(ICANON | ECHO | ISIG) == 0
  }

  @Test func keysReachTheGuestAndCtrlAXQuits() throws {
    let run = try TerminalRun(["boot", try echo(), "--timeout", "100"])
    let before = run.localModes
    #expect(!isRaw(before))
    try run.process.run()
    #expect(run.wait(for: "ready"))
    #expect(isRaw(run.localModes))
    run.type("abc\u{3}")
    #expect(run.wait(for: "abc\u{3}"))
    run.type("\u{1}h")
    #expect(run.wait(for: "Ctrl-A x quits, Ctrl-A h shows"))
    run.type("\u{1}\u{1}")
    #expect(run.wait(for: "\u{1}"))
    run.type("\u{1}x")
    run.process.waitUntilExit()
    #expect(run.process.terminationStatus == 0)
    #expect(run.localModes == before)
  }

  @Test(arguments: [SIGTERM, SIGINT, SIGHUP, SIGSEGV, SIGABRT])
  func theTerminalIsRestoredAfter(signal: Int32) throws {
    let run = try TerminalRun(["boot", try echo(), "--timeout", "100"])
    let before = run.localModes
    try run.process.run()
    #expect(run.wait(for: "ready"))
    #expect(isRaw(run.localModes))
    kill(run.process.processIdentifier, signal)
    run.process.waitUntilExit()
    #expect(run.process.terminationReason == .uncaughtSignal)
    #expect(run.process.terminationStatus == signal)
    #expect(run.localModes == before)
  }

  @Test func theTerminalIsRestoredAfterEveryEnd() throws {
    for code in [TestCode.powerOff, TestCode.undefined, TestCode.halt, TestCode.debugExit(1)] {
      let image = try folder.file("k", ELFBuilder(code: code).build())
      let run = try TerminalRun(["boot", image, "--timeout", "100"])
      let before = run.localModes
      try run.process.run()
      run.process.waitUntilExit()
      #expect(run.localModes == before)
    }
  }

  @Test func anIdleGuestCostsNothing() throws {
    // STI; HLT; JMP to the HLT, with the PIT interrupting no one.
    let code = TestCode.print("ready", at: 0x10_0000) + [0xFB, 0xF4, 0xEB, 0xFD]
    let image = try folder.file("idle", ELFBuilder(code: code, pvh: true).build())
    let run = try TerminalRun(["boot", image, "--timeout", "100"])
    try run.process.run()
    #expect(run.wait(for: "ready"))
    usleep(200_000)
    let before = Self.processorTime(run.process.processIdentifier)
    usleep(1_000_000)
    let used = Self.processorTime(run.process.processIdentifier) - before
    #expect(run.process.isRunning)
    #expect(used <= 5, "\(used) hundredths of a second in one second")
    run.type("\u{1}x")
    run.process.waitUntilExit()
    #expect(run.process.terminationStatus == 0)
  }

  /// User and system time in clock ticks, that is hundredths of a second.
  private static func processorTime(_ process: Int32) -> Int {
    guard let stat = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
      let end = stat.lastIndex(of: ")")
    else { return 0 }
    let fields = stat[end...].split(separator: " ")
    return (Int(fields[12]) ?? 0) + (Int(fields[13]) ?? 0)
  }
}
