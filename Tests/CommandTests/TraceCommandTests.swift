import Foundation
import TestImages
import Testing

/// The commands about recorded runs, as a user types them.
@Suite struct TraceCommandTests {
  private let folder: TemporaryFolder
  private static let images = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Images").path

  init() throws { folder = try TemporaryFolder() }

  private func succeed(_ arguments: [String]) throws -> Command.Result {
    let result = try Command.run(arguments)
    #expect(result.status == 0, "\(arguments): \(result.errors)")
    return result
  }

  @Test func recordCheckShow() throws {
    let image = "\(Self.images)/timer.elf"
    for file in [folder.path("t.etr"), folder.path("t.golden")] {
      let record = try succeed(["trace", "record", image, "-o", file, "--events", "usual,io"])
      #expect(record.errors.contains("powered off"))
      #expect(try succeed(["trace", "check", file]).errors.contains("as recorded"))
      let shown = try succeed(["trace", "show", file]).output
      #expect(shown.contains("irq 0x") && shown.contains("console com1 \"ten ticks\""))
      #expect(shown.contains("<tick>"))
    }
    let text = try String(contentsOfFile: folder.path("t.golden"), encoding: .utf8)
    #expect(text.hasPrefix("emu-golden 1\nimage "))
    let diff = try Command.run(["trace", "diff", folder.path("t.etr"), folder.path("t.golden")])
    #expect(diff.status == 0)
  }

  /// The second time another kernel is at the place of the first.
  @Test func aChangedKernelEndsWithStatus7() throws {
    let code = { (value: UInt8) in
      [0xBB, value, 0, 0, 0, 0x90, 0x90, 0x88, 0xD8, 0xE6, 0xE9] as [UInt8] + TestCode.powerOff
    }
    let image = try folder.file("kernel.elf", ELFBuilder(code: code(1)).build())
    let file = folder.path("t.golden")
    _ = try succeed(["trace", "record", image, "-o", file, "--events", "usual,io"])
    _ = try folder.file("kernel.elf", ELFBuilder(code: code(2)).build())
    let check = try Command.run(["trace", "check", file])
    #expect(check.status == 7)
    #expect(check.output.contains("diverges at instruction 5,"))
    #expect(check.output.contains("out 0xE9, al"))
    #expect(check.output.contains("value=0x1") && check.output.contains("value=0x2"))
    #expect(check.output.contains("emu replay --to 4"))
    let accept = try succeed(["trace", "accept", file])
    #expect(accept.output.contains("- ") && accept.output.contains("value=0x2"))
    _ = try succeed(["trace", "check", file])
  }

  /// A bundle is all that is wanted: the image may be gone.
  @Test func bundlesReplayAnywhere() throws {
    let image = try folder.file(
      "kernel.elf", Array(Data(contentsOf: URL(filePath: "\(Self.images)/rings.elf"))))
    let file = folder.path("run.etr")
    _ = try succeed(["bundle", image, "-o", file])
    try FileManager.default.removeItem(atPath: image)
    let replay = try succeed(["replay", file])
    #expect(replay.output.contains("to ring 3"))
    #expect(replay.errors.contains("events as recorded; powered off"))
    let at = try Command.run(["replay", file, "--to", "100"])
    #expect(at.status == 0 && at.errors.contains("after 100 instructions"))
    let size = try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int ?? 0
    #expect(size < 20_000)
  }

  /// Near the end a bundle need not run from its beginning, and is in the same state.
  @Test func bundlesHaveACheckpoint() throws {
    let options = ["\(Self.images)/kernel.elf", "--append", "cmd=\"primes; poweroff\""]
    let file = folder.path("run.etr")
    let plain = folder.path("plain.etr")
    let made = try succeed(["bundle"] + options + ["-o", file])
    _ = try succeed(["bundle"] + options + ["-o", plain, "--checkpoint", "0"])
    let count = try #require(
      made.errors.firstMatch(of: /for ([0-9]+) instructions/).flatMap { Int($0.1) })
    for position in [count - 1000, count - 2_000_000] {
      let quick = try succeed(["replay", file, "--to", "\(position)", "--quiet"])
      let slow = try succeed(["replay", plain, "--to", "\(position)", "--quiet"])
      #expect(quick.errors == slow.errors)
    }
    let near = try succeed(["replay", file, "--to", "\(count - 1000)"])
    #expect(near.errors.contains("from the checkpoint at \(count - 1_000_000) instructions"))
    #expect(try succeed(["replay", file]).errors.contains("as recorded"))
  }

  /// What was typed while a session ran is in its record.
  @Test func sessionsAreRecorded() throws {
    let log = folder.path("run.log")
    let boot = try Command.run(
      ["boot", "\(Self.images)/kernel.elf", "--record", log, "--exit-on", "^one two"],
      input: "echo one two\n")
    #expect(boot.status == 0 && boot.output.contains("one two"))
    let replay = try succeed(["replay", log])
    #expect(replay.output.contains("one two"))
    let trace = folder.path("run.etr")
    _ = try succeed(["trace", "record", "--log", log, "-o", trace, "--events", "input,console"])
    #expect(
      try succeed(["trace", "show", trace]).output.contains("com1 \"echo one two\\n\""))
    _ = try succeed(["trace", "check", trace])
    // The same run in the monitor, forwards and backwards, with the input where it was.
    let debug = try Command.run(
      ["replay", log, "--debug"],
      input: "tbreak Exec.execute\ncontinue\nreverse-step 5\ncontinue 20000000\n")
    #expect(debug.status == 0, "\(debug.errors)")
    #expect(debug.output.contains("breakpoint 1: "))
    #expect(debug.output.contains("one two"))
  }

  @Test func exports() throws {
    let file = folder.path("t.etr")
    _ = try succeed(["trace", "record", "\(Self.images)/timer.elf", "-o", file])
    func export(_ format: String) throws -> String {
      try succeed(["trace", "export", file, "--format", format]).output
    }
    let timeline = try JSONSerialization.jsonObject(with: Data(export("perfetto").utf8))
    let events = (timeline as? [String: Any])?["traceEvents"] as? [[String: Any]]
    #expect(events?.contains { $0["ph"] as? String == "B" } == true)
    let scope = try JSONSerialization.jsonObject(with: Data(export("speedscope").utf8))
    let profiles = (scope as? [String: Any])?["profiles"] as? [[String: Any]]
    #expect((profiles?.first?["samples"] as? [[Int]])?.isEmpty == false)
    #expect(try export("folded").contains("tick 60"))
    #expect(try export("lcov").contains("timer.S"))
    #expect(try export("tenet").contains("rip=0x"))
  }

  /// Any guest may name its threads: this one calls number 7 "wo" and then lets nobody run.
  @Test func timelinesNameThreads() throws {
    let code: [UInt8] = [
      0x66, 0xBA, 0xA0, 0x05,  // mov dx, 5A0h
      0xB0, 0x77, 0xEE, 0xB0, 0x6F, 0xEE,  // mov al, 'w'; out dx, al; mov al, 'o'; out dx, al
      0x66, 0xBA, 0xA4, 0x05,  // mov dx, 5A4h
      0xB8, 0x07, 0x00, 0x00, 0x00, 0xEF,  // mov eax, 7; out dx, eax
      0x31, 0xC0, 0xEF,  // xor eax, eax; out dx, eax
    ]
    let image = try folder.file("k.elf", ELFBuilder(code: code + TestCode.powerOff).build())
    let file = folder.path("threads.etr")
    _ = try succeed(["trace", "record", image, "-o", file])
    let shown = try succeed(["trace", "show", file]).output
    #expect(shown.contains(" 7 \"wo\"\n") && shown.ranges(of: " thread 0x").count == 2)
    #expect(!shown.contains(" out 0x5a"))
    let json = try succeed(["trace", "export", file, "--format", "perfetto"]).output
    #expect(json.contains("\"cpu 0: threads\"") && json.contains("\"wo (7)\""))
    #expect(json.ranges(of: "\"name\":\"wo\"").count == 1)
    // A trace without them is recorded again; what has none has no row of them.
    _ = try succeed(["trace", "record", image, "-o", file, "--events", "usual"])
    #expect(try succeed(["trace", "export", file, "--format", "perfetto"]).output == json)
    _ = try succeed(["trace", "record", "\(Self.images)/timer.elf", "-o", file])
    let other = try succeed(["trace", "export", file, "--format", "perfetto"]).output
    #expect(!other.contains("threads"))
  }

  /// Any guest may name its system calls and address spaces: call 1 is "wr", this space "sh".
  @Test func timelinesNameCallsAndSpaces() throws {
    let names: [UInt8] = [
      0x66, 0xBA, 0xA0, 0x05,  // mov dx, 5A0h
      0xB0, 0x77, 0xEE, 0xB0, 0x72, 0xEE,  // mov al, 'w'; out dx, al; mov al, 'r'; out dx, al
      0x66, 0xBA, 0xB0, 0x05,  // mov dx, 5B0h
      0xB8, 0x01, 0x00, 0x00, 0x00, 0xEF,  // mov eax, 1; out dx, eax
      0x66, 0xBA, 0xA0, 0x05,  // mov dx, 5A0h
      0xB0, 0x73, 0xEE, 0xB0, 0x68, 0xEE,  // mov al, 's'; out dx, al; mov al, 'h'; out dx, al
      0x66, 0xBA, 0xB4, 0x05,  // mov dx, 5B4h
      0x0F, 0x20, 0xD8, 0x48, 0xC1, 0xE8, 0x0C, 0xEF,  // mov rax, cr3; shr rax, 12; out dx, eax
      0x0F, 0x20, 0xD8, 0x0F, 0x22, 0xD8,  // mov rax, cr3; mov cr3, rax
      0xB9, 0x80, 0x00, 0x00, 0xC0,  // mov ecx, IA32_EFER
      0x0F, 0x32, 0x83, 0xC8, 0x01, 0x0F, 0x30,  // rdmsr; or eax, 1; wrmsr
      0xB9, 0x82, 0x00, 0x00, 0xC0,  // mov ecx, IA32_LSTAR
    ]
    // mov eax, behind SYSCALL; xor edx, edx; wrmsr; mov eax, 1; syscall
    let behind = UInt32(0x10_0000 + names.count + 16)
    let call: [UInt8] =
      [0xB8] + (0..<4).map { UInt8(truncatingIfNeeded: behind >> ($0 * 8)) }
      + [0x31, 0xD2, 0x0F, 0x30, 0xB8, 0x01, 0x00, 0x00, 0x00, 0x0F, 0x05]
    let code = names + call + TestCode.powerOff
    let image = try folder.file("k.elf", ELFBuilder(code: code).build())
    let file = folder.path("names.etr")
    _ = try succeed(["trace", "record", image, "-o", file])
    let shown = try succeed(["trace", "show", file]).output
    #expect(shown.contains(" call-name 0x") && shown.contains(" 1 \"wr\"\n"), "\(shown)")
    #expect(shown.contains(" space-name 0x") && shown.contains(" \"sh\"\n"))
    let json = try succeed(["trace", "export", file, "--format", "perfetto"]).output
    #expect(json.contains("\"name\":\"wr\"") && json.contains("\"name\":\"sh\""), "\(json)")
    #expect(!json.contains("system call 1") && !json.contains("\"cpu 0: threads\""))
  }

  @Test func profilesAndCoverage() throws {
    let image = "\(Self.images)/timer.elf"
    #expect(try succeed(["profile", image]).output.contains("tick"))
    #expect(try succeed(["profile", image, "--as", "lines"]).output.contains("timer.S:"))
    #expect(try succeed(["coverage", image]).output.contains("FNDA:10,tick"))
    let none = try folder.file("k.elf", ELFBuilder(code: TestCode.powerOff).build())
    let refused = try Command.run(["coverage", none])
    #expect(refused.status == 3 && refused.errors.contains("line table"))
  }

  @Test func whatIsNoTraceIsSaid() throws {
    let file = try folder.file("t.etr", Array("no trace\n".utf8))
    for command in [["trace", "check"], ["trace", "show"], ["replay"]] {
      let result = try Command.run(command + [file])
      #expect(result.status == 3)
      #expect(result.errors.hasPrefix("emu: \(file): this is no trace"))
      #expect(result.errors.split(separator: "\n").count == 1)
    }
    let events = try Command.run(["trace", "record", "-o", "x", "--events", "irq,what"])
    #expect(events.status == 2)
  }
}
