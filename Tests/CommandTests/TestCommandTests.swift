import Foundation
import TestImages
import Testing

/// `emu test` as a process: what it runs, what it writes, how it ends.
@Suite struct TestCommandTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    let hello = TestCode.print("hello\n", at: 0x10_0000) + TestCode.powerOff
    _ = try folder.file("hello.elf", ELFBuilder(code: hello, pvh: true).build())
    _ = try folder.file("fault.elf", ELFBuilder(code: TestCode.undefined, pvh: true).build())
    _ = try folder.file("reset.elf", ELFBuilder(code: TestCode.reset, pvh: true).build())
  }

  private func manifest(_ text: String, _ name: String = "all.emutest") throws -> String {
    try folder.file(name, Array(text.utf8))
  }

  private static let good = """
    image hello.elf
    test hello
      expect /^hello$/
      end power-off
    test faults
      image fault.elf
      end triple-fault
    test resets
      image reset.elf
      end reset

    """
  private static let bad = """
    test wrong
      image hello.elf
      expect "goodbye"

    """

  @Test func allPass() throws {
    let path = try manifest(Self.good)
    let result = try Command.run(["test", path])
    #expect(result.status == 0, "\(result.output)\(result.errors)")
    let lines = result.output.split(separator: "\n")
    #expect(lines.count == 4)
    #expect(lines[0].hasPrefix("ok      hello  ") && lines[2].hasPrefix("ok      resets  "))
    #expect(lines[3].hasPrefix("3 passed, 0 failed, in "))
  }

  @Test func runsAreComparedWithGoldenTraces() throws {
    let text = """
      test hello
        image hello.elf
        end power-off
        golden hello.golden

      """
    let path = try manifest(text)
    let missing = try Command.run(["test", path])
    #expect(missing.status == 1 && missing.output.contains("hello.golden"))
    #expect(missing.output.contains("emu test --accept writes it"))
    #expect(try Command.run(["test", path, "--accept"]).status == 0)
    #expect(try Command.run(["test", path]).status == 0)
    // Another kernel under the same name is found out, and can be accepted.
    let other = TestCode.print("hallo\n", at: 0x10_0000) + TestCode.powerOff
    _ = try folder.file("hello.elf", ELFBuilder(code: other, pvh: true).build())
    let differs = try Command.run(["test", path])
    #expect(differs.status == 1, "\(differs.output)")
    #expect(differs.output.contains("all.emutest:4: "))
    #expect(differs.output.contains("hello.golden: the run diverges at instruction"))
    #expect(differs.output.contains("got       31 0 console com1 \"hallo\""))
    #expect(try Command.run(["test", path, "--accept"]).status == 0)
    #expect(try Command.run(["test", path]).status == 0)
  }

  @Test(arguments: ["1", "2", "7"]) func oneFails(jobs: String) throws {
    let path = try manifest(Self.good + Self.bad)
    let result = try Command.run(["test", path, "--jobs", jobs])
    #expect(result.status == 1)
    #expect(result.output.contains("3 passed, 1 failed"))
    #expect(result.output.contains("\(path):13: expected the console to show \"goodbye\""))
    #expect(result.output.contains("  | hello"))
    // The command that is shown runs the test again.
    let line = try #require(result.output.split(separator: "\n").first { $0.contains("again: ") })
    let command = line.replacing(/^.*again: emu/, with: "\"$EMU\"")
    let again = try Command.run([], shell: String(command))
    #expect(again.status == 1)
    #expect(again.output.contains("0 passed, 1 failed"))
  }

  @Test func aDirectoryIsSearched() throws {
    try FileManager.default.createDirectory(
      atPath: folder.path("deep"), withIntermediateDirectories: true)
    _ = try manifest(Self.good)
    _ = try manifest(
      Self.bad.replacingOccurrences(of: "hello.elf", with: "../hello.elf"), "deep/b.emutest")
    _ = try manifest("not a manifest", "notes.txt")
    let list = try Command.run(["test", folder.path(""), "--list"])
    #expect(list.status == 0)
    let names = list.output.split(separator: "\n").map { $0.split(separator: " ").last ?? "" }
    #expect(names == ["hello", "faults", "resets", "wrong"])
    #expect(try Command.run(["test", folder.path("")]).status == 1)
    #expect(try Command.run(["test", folder.path("deep")]).output.contains("0 passed, 1 failed"))
  }

  @Test func formatsForMachines() throws {
    let path = try manifest(Self.good + Self.bad)
    let file = folder.path("junit.xml")
    let result = try Command.run(["test", path, "--tap", "--junit", file])
    #expect(result.status == 1)
    let lines = result.output.split(separator: "\n")
    #expect(lines[0] == "TAP version 14" && lines[1] == "1..4")
    #expect(
      lines.count { $0.hasPrefix("ok ") } == 3 && lines.count { $0.hasPrefix("not ok ") } == 1)
    let parser = XMLCounter(try Data(contentsOf: URL(fileURLWithPath: file)))
    #expect(parser.tests == 4 && parser.failures == 1 && parser.isWellFormed)
  }

  @Test func partsMakeTheWhole() throws {
    let path = try manifest(Self.good + Self.bad)
    var names: [String] = []
    for part in 1...3 {
      let result = try Command.run(["test", path, "--shard", "\(part)/3", "--list"])
      #expect(result.status == 0)
      names += result.output.split(separator: "\n").map(String.init)
    }
    #expect(names.count == 4 && Set(names).count == 4)
    // A name alone decides: with fewer tests, the others stay where they are.
    let fewer = try manifest(Self.good, "fewer.emutest")
    for part in 1...3 {
      func own(_ path: String) throws -> [String] {
        try Command.run(["test", path, "--shard", "\(part)/3", "--list"]).output
          .split(separator: "\n").compactMap { $0.split(separator: " ").last.map(String.init) }
      }
      #expect(try own(path).filter { $0 != "wrong" } == own(fewer))
    }
  }

  @Test func repetitionsAreTheSame() throws {
    let path = try manifest(Self.good)
    let result = try Command.run(["test", path, "--filter", "^hel", "--repeat", "25"])
    #expect(result.status == 0)
    #expect(result.output.contains(", 25 runs alike\n1 passed"))
  }

  @Test(arguments: [
    (["test"], 2, "path"), (["test", "M", "--shard", "3/2"], 2, "--shard"),
    (["test", "M", "--shard", "0/2"], 2, "--shard"), (["test", "M", "--jobs", "0"], 2, "--jobs"),
    (["test", "M", "--repeat", "0"], 2, "--repeat"),
    (["test", "M", "--filter", "("], 2, "--filter"),
    (["test", "M", "--filter", "nothing"], 2, "no test's name matches"),
    (["test", "M", "--junit", "/no/such/file"], 2, "/no/such/file"),
    (["test", "/no/such/manifest"], 3, "/no/such/manifest: cannot be opened"),
  ]) func usage(arguments: [String], status: Int32, text: String) throws {
    let path = try manifest(Self.good)
    let result = try Command.run(arguments.map { $0 == "M" ? path : $0 })
    #expect(result.status == status, "\(result.errors)")
    #expect(result.errors.contains(text), "\(result.errors)")
    #expect(result.output.isEmpty)
  }

  @Test(arguments: [
    ("image nothing.elf\ntest a\nend halted", ":1: ", "nothing.elf cannot be read: No such file"),
    ("image hello.elf\nmemory 3X\ntest a\nend halted", ":2: ", "3X"),
    ("image hello.elf\ntest a\ncpus 65\nend halted", ":3: ", "64 processors"),
    ("image hello.elf\ntest a\ndisk x,bus=floppy\nend halted", ":3: ", "--disk"),
    ("image hello.elf\ntest a\nmodule gone=m\nend halted", ":3: ", "gone cannot be read"),
    ("image hello.elf\ntest a\nend tomorrow", ":3: ", "an end is one of"),
  ]) func unusableManifests(text: String, place: String, sentence: String) throws {
    let path = try manifest(text)
    let result = try Command.run(["test", path])
    #expect(result.status == 3)
    #expect(result.errors.contains(path + place) && result.errors.contains(sentence))
    #expect(result.errors.filter { $0 == "\n" }.count == 1, "\(result.errors)")
    #expect(result.output.isEmpty)
  }

  /// An image that is no kernel is a test that fails: others run.
  @Test func anImageThatIsNoKernel() throws {
    _ = try folder.file("text", Array("hello".utf8))
    let path = try manifest(Self.good + "test none\n image text\n end halted\n")
    let result = try Command.run(["test", path])
    #expect(result.status == 1)
    #expect(result.output.contains("there is no machine: \(folder.path("text")): "))
    #expect(result.output.contains("3 passed, 1 failed"))
  }

  @Test func theKernelsOwnTests() throws {
    let images = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Images").path
    let result = try Command.run(["test", images], seconds: 900)
    #expect(result.status == 0, "\(result.output)\(result.errors)")
  }
}

/// Counts the elements of a JUnit file.
private final class XMLCounter {
  let tests: Int
  let failures: Int
  let isWellFormed: Bool

  init(_ data: Data) {
    let text = String(decoding: data, as: UTF8.self)
    tests = text.ranges(of: "<testcase ").count
    failures = text.ranges(of: "<failure ").count
    var open: [Substring] = []
    var isNested = true
    for match in text.matches(of: /<(\/?)(\w+)[^<>]*?(\/?)>/) {
      if match.1.isEmpty && match.3.isEmpty { open.append(match.2) }
      if !match.1.isEmpty, open.popLast() != match.2 { isNested = false }
    }
    isWellFormed = isNested && open.isEmpty && text.hasPrefix("<?xml")
  }
}
