import Foundation
import TestImages
import Testing

/// A pseudo-terminal with the command at one end and the test at the other.
private final class TerminalRun {
  /// TIOCSPTLCK and TIOCGPTN, which the C functions for pseudo-terminals are made of.
  private static let lockRequest: UInt = 0x4004_5431
  private static let numberRequest: UInt = 0x8004_5430

  let master: Int32
  private let slave: Int32
  let process = Process()
  private(set) var text = ""

  init(_ arguments: [String]) throws {
    master = open("/dev/ptmx", O_RDWR | O_NOCTTY)
    var isLocked: Int32 = 0
    var number: Int32 = 0
    guard master >= 0, ioctl(master, Self.lockRequest, &isLocked) == 0,
      ioctl(master, Self.numberRequest, &number) == 0
    else { throw POSIXError(.ENXIO) }
    slave = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
    let handle = FileHandle(fileDescriptor: slave)
    process.executableURL = URL(fileURLWithPath: Command.executable)
    process.arguments = arguments
    process.standardInput = handle
    process.standardOutput = handle
    process.standardError = handle
  }

  deinit {
    close(master)
    close(slave)
  }

  /// The terminal's local modes: line editing, echo, signals.
  var localModes: tcflag_t {
    var mode = termios()
    tcgetattr(slave, &mode)
    return mode.c_lflag
  }

  func type(_ text: String) { _ = text.withCString { write(master, $0, strlen($0)) } }

  /// Reads until `wanted` was shown.
  func wait(for wanted: String, seconds: Double = 60) -> Bool {
    let end = Date().addingTimeInterval(seconds)
    var buffer = [UInt8](repeating: 0, count: 4096)
    while !text.contains(wanted), Date() < end {
      var request = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
      guard poll(&request, 1, 100) > 0 else { continue }
      let count = read(master, &buffer, buffer.count)
      guard count > 0 else { break }
      text += String(decoding: buffer.prefix(count), as: UTF8.self)
    }
    return text.contains(wanted)
  }
}

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
