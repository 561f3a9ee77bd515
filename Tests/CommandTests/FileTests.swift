import Foundation
import TestImages
import Testing

/// Files that are missing, wrong, full or closed.
@Suite struct FileTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func hello(then code: [UInt8] = TestCode.powerOff) throws -> String {
    let print = TestCode.print(String(repeating: "hello ", count: 20), at: 0x10_0000)
    return try folder.file("kernel.elf", ELFBuilder(code: print + code, pvh: true).build())
  }

  @Test func unusableImages() throws {
    let whole = ELFBuilder(code: TestCode.loop, pvh: true).build()
    var generator = SystemRandomNumberGenerator()
    let random = (0..<4096).map { _ in UInt8.random(in: 0...255, using: &generator) }
    let paths = [
      folder.path("missing"), folder.path(""), try folder.file("empty", []),
      try folder.file("random", random), try folder.file("text", Array("hello".utf8)),
      try folder.file("cut", Array(whole.prefix(100))), "/dev/null",
    ]
    for path in paths {
      let result = try Command.run(["boot", path])
      #expect(result.status == 3, "\(path): \(result.errors)")
      #expect(result.errors.contains(path))
      #expect(result.errors.filter { $0 == "\n" }.count == 1, "\(result.errors)")
    }
  }

  @Test func unusableModulesAndScripts() throws {
    let kernel = try hello()
    for option in ["--module", "--input"] {
      let result = try Command.run(["boot", kernel, option, folder.path("missing")])
      #expect(result.status == 3)
      #expect(result.errors.contains("missing"))
    }
  }

  @Test func unusableDisks() throws {
    let kernel = try hello()
    let empty = try folder.file("empty.img", [])
    let missing = folder.path("missing.img")
    let disk = try folder.file("disk,1.img", [UInt8](repeating: 1, count: 1000))
    let escaped = disk.replacingOccurrences(of: ",", with: ",,")
    let cases: [(disks: [String], status: Int32, text: String)] = [
      ([missing], 3, "\(missing): cannot be opened: No such file"),
      ([folder.path("")], 3, "this is a directory, not a disk"),
      ([empty], 3, "this file is empty"), (["/dev/null"], 3, "neither a file nor a block device"),
      ([disk], 2, "is invalid for '--disk"), ([escaped + ",bus=floppy"], 2, "is invalid"),
      ([escaped, escaped], 0, ""), ([escaped + ",readonly,bus=virtio-mmio"], 0, ""),
      ([escaped + ",writable", escaped], 3, "another machine or program writes to it"),
    ]
    for (disks, status, text) in cases {
      let result = try Command.run(["boot", kernel] + disks.flatMap { ["--disk", $0] })
      #expect(result.status == status, "\(disks): \(result.errors)")
      #expect(text.isEmpty || result.errors.contains(text), "\(result.errors)")
    }
  }

  @Test func aFullDiskIsNoticed() throws {
    let result = try Command.run(["boot", try hello(), "--serial", "file:/dev/full"])
    #expect(result.status == 1)
    #expect(result.errors.contains("/dev/full: cannot be written: No space left on device"))
  }

  @Test func aFileThatCannotBeMade() throws {
    let path = folder.path("no/such/folder")
    let result = try Command.run(["boot", try hello(), "--serial", "file:\(path)"])
    #expect(result.status == 3)
    #expect(result.errors.contains(path))
  }

  @Test func serialOutputGoesToAFileOrNowhere() throws {
    let path = folder.path("log")
    let result = try Command.run(["boot", try hello(), "--serial", "file:\(path)"])
    #expect(result.status == 0)
    #expect(result.output == "")
    let log = try String(contentsOfFile: path, encoding: .utf8)
    #expect(log == String(repeating: "hello ", count: 20))
    #expect(try Command.run(["boot", try hello(), "--serial", "null"]).output == "")
  }

  @Test func closedStandardInputIsItsEnd() throws {
    let kernel = try hello()
    let closed = try Command.run([kernel], shell: "exec \"$EMU\" boot \"$1\" <&-")
    #expect(closed.status == 0)
    #expect(closed.output.hasPrefix("hello"))
    let loop = try folder.file("loop", ELFBuilder(code: TestCode.echo).build())
    let waiting = try Command.run([loop], shell: "exec \"$EMU\" boot \"$1\" --timeout 0.3 <&-")
    #expect(waiting.status == 6)
  }

  @Test func aReaderThatLeavesEndsTheRunQuietly() throws {
    let kernel = try hello(then: TestCode.print("more", at: 0x10_0000) + TestCode.loop)
    let line = "{ \"$EMU\" boot \"$1\" --timeout 60; echo \"status $?\" >&2; } | head -c 1"
    let forever = try folder.file("forever", ELFBuilder(code: Self.printForever, pvh: true).build())
    let result = try Command.run([forever], shell: line)
    #expect(result.output == "x")
    #expect(result.errors == "status 141\n", "\(result.errors)")
    _ = kernel
  }

  /// MOV DX, 3F8h; MOV AL, 'x'; OUT DX, AL; JMP to the OUT.
  private static let printForever: [UInt8] = [0xBA, 0xF8, 3, 0, 0, 0xB0, 0x78, 0xEE, 0xEB, 0xFD]

  @Test func standardInputIsTyped() throws {
    let echo = try folder.file("echo", ELFBuilder(code: TestCode.echo).build())
    let piped = try Command.run(["boot", echo, "--timeout", "60"], input: "typed q")
    #expect(piped.status == 33)
    #expect(piped.output == "typed q")
    let script = try folder.file("script", Array("scripted q".utf8))
    let scripted = try Command.run(["boot", echo, "--input", script, "--timeout", "60"])
    #expect(scripted.status == 33)
    #expect(scripted.output == "scripted q")
  }
}
