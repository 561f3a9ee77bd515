import Foundation
import TestImages
import Testing

@Suite struct ExitStatusTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func image(_ code: [UInt8], pvh: Bool = true) throws -> String {
    try folder.file("kernel.elf", ELFBuilder(code: code, pvh: pvh).build())
  }

  @Test func theGuestPowersOff() throws {
    let code = TestCode.print("bye\n", at: 0x10_0000) + TestCode.powerOff
    let result = try Command.run(["boot", try image(code)])
    #expect(result.status == 0)
    #expect(result.output == "bye\n")
    #expect(result.errors == "")
  }

  @Test(arguments: [0, 1, 0x10, 0x7F] as [UInt8]) func debugExit(value: UInt8) throws {
    let result = try Command.run(["boot", try image(TestCode.debugExit(value), pvh: false)])
    #expect(result.status == Int32(value) << 1 | 1)
  }

  @Test func aTripleFaultIsExplained() throws {
    let result = try Command.run(["boot", try image(TestCode.undefined)])
    #expect(result.status == 4)
    #expect(result.errors.contains("#UD invalid opcode"))
    #expect(result.errors.contains("registers:"))
    #expect(result.errors.contains("ud2"))
  }

  @Test func aHaltForEverIsExplained() throws {
    let result = try Command.run(["boot", try image(TestCode.halt)])
    #expect(result.status == 8)
    #expect(result.errors.contains("IF is 0"))
  }

  @Test func aHangIsProven() throws {
    // MOV AL, [RSP+64]; TEST AL, AL; JZ to the MOV.
    let code: [UInt8] = [0x8A, 0x44, 0x24, 0x40, 0x84, 0xC0, 0x74, 0xF8]
    let path = try image([0xC6, 0x44, 0x24, 0x40, 0x00] + code)
    let result = try Command.run(["boot", path, "--timeout", "60"])
    #expect(result.status == 8)
    #expect(result.errors.contains("the machine can never make progress"))
    #expect(result.errors.contains("a round of 3 instructions changes nothing"))
    #expect(try Command.run(["boot", try image(TestCode.loop), "--timeout", "60"]).status == 8)
  }

  @Test func limits() throws {
    let path = try image(TestCode.loop)
    let limited = try Command.run(["boot", path, "--limit", "12345"])
    #expect(limited.status == 5)
    #expect(limited.errors.contains("12345 instructions"))
    let quiet = try Command.run(["boot", path, "--limit", "12345", "--quiet"])
    #expect(quiet.status == 5)
    #expect(quiet.errors == "")
    // RDTSC; JMP to it: what reads the time may be waiting for it.
    let waiting = try image([0x0F, 0x31, 0xEB, 0xFC])
    #expect(try Command.run(["boot", waiting, "--timeout", "0.2"]).status == 6)
    #expect(try Command.run(["boot", path, "--limit", "0"]).status == 5)
  }

  @Test func matchedOutputEndsTheRun() throws {
    let code = TestCode.print("one\ntwo\n", at: 0x10_0000) + TestCode.loop
    let result = try Command.run([
      "boot", try image(code), "--exit-on", "^t(w|x)o", "--timeout", "60",
    ])
    #expect(result.status == 0)
    #expect(result.output.hasPrefix("one\ntwo"))
  }

  /// Each line of the script is typed behind its prompt, the last one ends the run.
  @Test func aScriptWaitsForItsPrompts() throws {
    let kernel = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../Images/kernel.elf").standardizedFileURL.path
    let script = try folder.file("script", Array("echo one two\nps\npoweroff\n".utf8))
    let result = try Command.run([
      "boot", kernel, "--input", script, "--prompt", "apus\\$ $", "--timeout", "100",
    ])
    #expect(result.status == 0, "\(result.errors)")
    let output = result.output.replacingOccurrences(of: "\r", with: "")
    #expect(output.contains("apus$ echo one two\none two\napus$ ps\n"), "\(output)")
    #expect(output.contains("apus$ poweroff\n"), "\(output)")
  }

  @Test(arguments: [
    (["boot", "--memory", "1"], "--memory"), (["boot", "--memory", "1M"], "memory size"),
    (["boot", "--memory", "3X"], "--memory"), (["boot", "--memory", "99999999T"], "--memory"),
    (["boot", "--memory", "300G"], "memory size"), (["boot", "--cpus", "65"], "64 processors"),
    (["boot", "--cpus", "0"], "64 processors"), (["boot", "--serial", "pigeon:1"], "--serial"),
    (["boot", "--serial", "tcp:host:99999"], "--serial"),
    (["boot", "--exit-on", "("], "--exit-on"),
    (["boot", "--input", "x", "--prompt", "("], "--prompt"),
    (["boot", "--prompt", "a"], "--input"),
    (["boot", "--timeout", "-1"], "timeout"), (["boot", "--limit", "many"], "--limit"),
    (["boot", "--gdb", "here"], "--gdb"), (["boot", "a", "b"], "b"),
    (["launch"], "launch"),
    (["inspect"], "image"),
  ]) func usageErrors(arguments: [String], mentioned: String) throws {
    let result = try Command.run(arguments)
    #expect(result.status == 2, "\(result.errors)")
    #expect(result.errors.contains(mentioned), "\(result.errors)")
    #expect(result.output == "")
  }

  @Test func helpAndVersion() throws {
    let help = try Command.run(["boot", "--help"])
    #expect(help.status == 0)
    for option in [
      "append", "module", "memory", "cpus", "serial", "input", "prompt", "limit", "timeout",
      "exit-on",
      "quiet", "seed",
    ] {
      #expect(help.output.contains("--\(option)"))
    }
    #expect(try Command.run(["--version"]).output.hasPrefix("emu "))
    #expect(try Command.run(["--help"]).output.contains("inspect"))
  }

  @Test func inspectDescribes() throws {
    var builder = ELFBuilder(code: TestCode.loop, pvh: true)
    builder.symbols = [("start", 0x10_0000, 2)]
    let result = try Command.run(["inspect", try folder.file("k", builder.build())])
    #expect(result.status == 0)
    for part in ["ELF64 executable for x86-64", "PVH", "0x100000", "rwx", "type 18", "start"] {
      #expect(result.output.contains(part), "\(result.output)")
    }
    builder.machine = 243
    let foreign = try Command.run(["inspect", try folder.file("f", builder.build())])
    #expect(foreign.status == 0)
    #expect(foreign.output.contains("RISC-V") && foreign.output.contains("does not boot"))
  }
}
