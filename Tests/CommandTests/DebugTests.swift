import Foundation
import TestImages
import Testing

@Suite(.serialized) struct DebugTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func echo() throws -> String {
    let code = TestCode.print("ready", at: 0x10_0000) + TestCode.echo
    return try folder.file("echo", ELFBuilder(code: code).build())
  }

  @Test func aUserLooksGoesOnAndGoesBack() throws {
    let run = try TerminalRun(["debug", try echo()])
    let before = run.localModes
    try run.process.run()
    #expect(run.wait(for: "0: CPL 0, 0x100000"))
    #expect(run.wait(for: "(emu) "))
    run.type("step 3\n")
    #expect(run.wait(for: "3: CPL 0, "))
    run.type("reverse-step\n")
    #expect(run.wait(for: "2: CPL 0, "))
    run.type("continue\n")
    #expect(run.wait(for: "ready"))
    run.type("abc")
    #expect(run.wait(for: "abc"))
    run.type("\u{1}c")
    #expect(run.wait(for: "interrupted"))
    run.type("history 2\n")
    #expect(run.wait(for: "instructions:"))
    run.type("goto 5\n")
    #expect(run.wait(for: "5: CPL 0, "))
    // What was typed is part of history.
    run.type("goto end\nwhen\n")
    #expect(run.wait(for: "history reaches from 0 to"))
    run.type("regi\tsyst\t\n")
    #expect(run.wait(for: "efer "))
    run.type("quit\n")
    run.waitUntilExit()
    #expect(run.process.terminationStatus == 0)
    #expect(run.localModes == before)
  }

  @Test func ctrlCStopsWhatTakesLong() throws {
    // A loop that counts for ever.
    let image = try folder.file("count", ELFBuilder(code: [0x48, 0xFF, 0xC0, 0xEB, 0xFB]).build())
    let run = try TerminalRun(["debug", image])
    let before = run.localModes
    try run.process.run()
    #expect(run.wait(for: "(emu) "))
    run.type("next 100000000000\n")
    usleep(500_000)
    kill(run.process.processIdentifier, SIGINT)
    run.type("print 40 + 2\n")
    #expect(run.wait(for: "0x2a = 42"))
    run.type("quit\n")
    run.waitUntilExit()
    #expect(run.process.terminationStatus == 0)
    #expect(run.localModes == before)
  }

  @Test func ctrlACOpensTheMonitorOfARunningGuest() throws {
    let run = try TerminalRun(["boot", try echo(), "--timeout", "100"])
    try run.process.run()
    #expect(run.wait(for: "ready"))
    run.type("\u{1}c")
    #expect(run.wait(for: "(emu) "))
    run.type("uart\n")
    #expect(run.wait(for: "COM1 at 0x3f8"))
    run.type("c\n")
    usleep(200_000)
    run.type("q")
    run.waitUntilExit()
    #expect(run.process.terminationStatus == 33)
  }

  @Test func scriptsNeedNoTerminal() throws {
    let script = try folder.file("script", Array("# a comment\nstep 2\nprint $rip\n".utf8))
    let result = try Command.run(
      ["debug", try echo(), "--script", script], input: "print 6 * 7\nquit\n")
    #expect(result.status == 0)
    #expect(result.output.contains("(emu) step 2\n2: CPL 0, "))
    #expect(result.output.contains("0x2a = 42"))
    let continued = try Command.run(
      ["debug", try folder.file("off", ELFBuilder(code: TestCode.powerOff).build())],
      input: "c\nreverse-step\nc\nc\n")
    #expect(continued.status == 0)
    #expect(continued.output.contains("the guest switched the power off"))
    let missing = try Command.run(["debug", try echo(), "--script", folder.path("none")])
    #expect(missing.status == 3)
    let symbols = try Command.run(["debug", try echo(), "--symbols", folder.path("none")])
    #expect(symbols.status == 3)
  }

  @Test func aBadEndKeepsItsStatus() throws {
    let image = try folder.file("ud", ELFBuilder(code: TestCode.undefined).build())
    let result = try Command.run(["debug", image], input: "c\ndiagnose\nc\n")
    #expect(result.status == 4)
    #expect(result.output.contains("#UD invalid opcode"))
    #expect(result.errors.contains("triple fault"))
  }

  @Test func theMonitorListensAtASocket() throws {
    let path = folder.path("monitor")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Command.executable)
    process.arguments = ["boot", try echo(), "--monitor", "unix:\(path)", "--timeout", "60"]
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    defer { process.terminate() }
    let client = try #require(Self.connect(path))
    defer { close(client) }
    func say(_ text: String) { _ = text.withCString { write(client, $0, strlen($0)) } }
    var text = ""
    func wait(for wanted: String) -> Bool {
      let end = Date().addingTimeInterval(30)
      var buffer = [UInt8](repeating: 0, count: 4096)
      while !text.contains(wanted), Date() < end {
        var request = pollfd(fd: client, events: Int16(POLLIN), revents: 0)
        guard poll(&request, 1, 100) > 0 else { continue }
        let count = read(client, &buffer, buffer.count)
        guard count > 0 else { break }
        text += String(decoding: buffer.prefix(count), as: UTF8.self)
      }
      return text.contains(wanted)
    }
    say("print 6 * 7\n")
    #expect(wait(for: "0x2a = 42"))
    say("step\n")
    #expect(wait(for: "CPL 0"))
    say("quit\n")
    process.waitUntilExit(atMost: 300)
    #expect(process.terminationStatus == 0)
  }

  private static func connect(_ path: String) -> Int32? {
    for _ in 0..<100 {
      let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
      let status = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          Foundation.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
      }
      if status == 0 { return descriptor }
      close(descriptor)
      usleep(50_000)
    }
    return nil
  }
}
