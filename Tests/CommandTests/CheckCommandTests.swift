import TestImages
import Testing

/// `emu boot --check` and `--torture`, as a user sees them.
@Suite struct CheckCommandTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func image(_ subject: FaultyImage.Subject, way: UInt32) throws -> String {
    try folder.file("kernel.elf", FaultyImage(subject, way: way).build())
  }

  @Test func aFindingHasAStatusAndTheWayBack() throws {
    let path = try image(.heap, way: 2)
    let result = try Command.run(["boot", path, "--serial", "null", "--check", "heap,stack"])
    #expect(result.status == 9)
    #expect(result.errors.contains("check heap: the 24 bytes at 0x408008 are freed twice"))
    #expect(result.errors.contains("debug \(path) --serial null, then goto "))
    #expect(result.errors.contains("the checks found a mistake"))
    let unchecked = try Command.run(["boot", path, "--serial", "null"])
    #expect(unchecked.status == 1 && unchecked.errors == "")
  }

  @Test func aFindingStopsTheDebugger() throws {
    let path = try image(.heap, way: 2)
    let result = try Command.run(
      ["debug", path, "--serial", "null", "--check", "heap,stack"],
      input: "continue\nreverse-step 10\nwhen\ncontinue\nquit\n")
    #expect(result.errors == "")
    let found = result.output.ranges(of: "check heap: the 24 bytes at 0x408008 are freed twice")
    #expect(found.count == 1 && result.output.contains("\n  go back: goto "), "\(result.output)")
    #expect(result.output.contains("this is the past"))
    #expect(result.output.contains("the guest wrote 0x0 to the debug-exit port"))
  }

  @Test func noFindingNoWord() throws {
    let path = try image(.heap, way: 0)
    let result = try Command.run(["boot", path, "--serial", "null", "--check", "all"])
    #expect(result.status == 1 && result.errors == "")
  }

  @Test func theBundledKernelHasNoFindings() throws {
    let result = try Command.run([
      "boot", "--check", "all", "--cpus", "2", "--append",
      #"quiet cmd="hello; demo pipe; demo fork; demo cow; demo signals; ls /proc" exit"#,
    ])
    #expect(result.status == 0 && !result.errors.contains("check"), "\(result.errors)")
    #expect(result.output.contains("demo signals: passed"))
  }

  @Test func tortureSaysHowToRepeatIt() throws {
    let path = try image(.torture, way: 1)
    let arguments = ["boot", path, "--serial", "null", "--torture", "irq=100", "--seed", "1"]
    let result = try Command.run(arguments)
    #expect(result.status == 3)
    #expect(result.errors.contains("again: "))
    #expect(result.errors.contains(arguments.joined(separator: " ")))
    #expect(try Command.run(arguments).errors == result.errors)
  }

  @Test(arguments: [
    ["--check", "everything"], ["--torture", "nmi"], ["--torture", "irq=0"],
    ["--allocator", "malloc"], ["--locks", "a:b:9"], ["--stack", "one"],
    ["--check", "locks", "--sleeps", "nobody"], ["--check", "all", "--gdb", "1234"],
  ])
  func usageErrors(options: [String]) throws {
    let path = try image(.heap, way: 0)
    let result = try Command.run(["boot", path, "--serial", "null"] + options)
    #expect(result.status == 2, "\(result.errors)")
    #expect(result.errors.contains(options[2 * (options.count / 2) - 2]) || options.count > 2)
  }
}
