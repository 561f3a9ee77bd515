import Debugger
import Emulator
import Testing

/// Profiles and coverage of the small guests, whose source is short enough to count by hand.
@Suite struct ProfileTests {
  private func run(_ name: String) throws -> ProfileRun {
    try ProfileRun(Guest.image(name).description)
  }

  /// Every instruction belongs to exactly one function of the tree.
  @Test(arguments: ["faults", "timer", "rings", "kernel"])
  func profilesAreComplete(name: String) throws {
    let guest = try name == "kernel" ? Guest.apus("hello; ps; poweroff") : Guest.image(name)
    let run = try ProfileRun(guest.description)
    #expect(run.tree.total == run.instructionCount)
    let counted = run.counts.values.reduce(0) { $0 + $1.executed + $1.iterations }
    // Fetches that fault on pages of programs count as instructions and are none.
    #expect(
      name == "kernel"
        ? counted <= run.instructionCount && run.instructionCount - counted < counted / 10_000
        : counted == run.instructionCount)
    let folded = run.tree.folded.split(separator: "\n").compactMap {
      UInt64($0.split(separator: " ").last ?? "")
    }
    #expect(folded.reduce(0, +) == run.instructionCount)
  }

  @Test func functionsAndCallersAreNamed() throws {
    let tree = try run("timer").tree
    let tick = try #require(tree.functions().first { $0.name == "tick" })
    // Ten ticks of six instructions each.
    #expect(tick.own == 60 && tick.calls == 10)
    #expect(tree.folded.contains("start;start_pics "))
    #expect(tree.callGraph.contains("10 x tick"))
    let rings = try run("rings").tree
    #expect(rings.functions().first { $0.name == "system_call" }?.calls == 4)
    #expect(rings.folded.contains("system_call"))
  }

  /// Also those of a kernel that has moved itself, whose functions take as much of the run.
  @Test(arguments: ["", "kaslr=7", "kaslr=8 pti=on"])
  func theKernelIsNamed(option: String) throws {
    let guest = try Guest.apus("hello; poweroff", option: option)
    let run = try ProfileRun(guest.description)
    #expect((run.slide == nil) == option.isEmpty)
    let functions = run.tree.functions()
    #expect(functions.contains { $0.name == "syscall_entry" && $0.calls > 10 })
    let nameless = functions.filter { $0.name.hasPrefix("[0x") }.reduce(0) { $0 + $1.own }
    // The boot code, before there are names.
    #expect(nameless * 500 < run.tree.total, "\(nameless) of \(run.tree.total)")
  }

  @Test func linesAndBranchesAreCounted() throws {
    let run = try run("timer")
    let lines = LineRange.table(of: run.image)
    let coverage = Coverage(run.counts, lines: lines, symbols: SymbolTable(run.image?.elf))
    let file = try #require(coverage.lines.keys.first { $0.hasSuffix("timer.S") })
    let source = try Guest.source("timer.S")
    func line(_ text: String) throws -> Int {
      try #require(source.firstIndex { $0.contains(text) }) + 1
    }
    #expect(coverage.lines[file]?[try line("incl ticks")] == 10)
    #expect(coverage.lines[file]?[try line("jae done")] == 10)
    let branch = try #require(coverage.branches[file]?[try line("jae done")]?.first)
    #expect(branch.taken == 1 && branch.notTaken == 9)
    let lcov = coverage.lcov()
    #expect(lcov.contains("DA:\(try line("incl ticks")),10\n"))
    #expect(lcov.contains("BRDA:\(try line("jae done")),0,0,1\n"))
    #expect(lcov.contains("FNDA:10,tick\n"))
    #expect(lcov.hasSuffix("end_of_record\n"))
  }

  @Test func speedscopeIsWhatItsSchemaAsksFor() throws {
    let text = try run("timer").tree.speedscope(name: "timer \"x\"")
    #expect(text.hasPrefix("{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\""))
    #expect(text.contains(#""name":"timer \"x\"""#))
    #expect(text.contains(#"{"name":"tick"}"#))
  }

  @Test func timelinesNest() throws {
    let guest = try Guest.image("rings")
    let trace = try guest.record { $0.kinds = [.usual] }
    let json = ChromeTrace(trace.decodedEvents(), symbols: trace.symbols(), processors: 1).json
    let begins = json.components(of: "\"ph\":\"B\"")
    let ends = json.components(of: "\"ph\":\"E\"")
    #expect(begins == ends && begins == 5)
    #expect(json.contains("ring 3 long"))
    #expect(json.contains("system call"))
  }

  @Test func tenetHasAChangeALine() throws {
    let guest = try Guest.image("faults")
    let trace = try guest.record { $0.recordsDeltas = true }
    let text = TenetTrace.text(trace.deltas, processors: 1)
    let lines = text.split(separator: "\n")
    #expect(lines.count == Int(trace.end?.instructionCount ?? 0) + 1)
    #expect(lines.contains { $0.contains("mw=") })
    #expect(lines.allSatisfy { $0.contains("rip=0x") })
  }
}

extension String {
  /// How often a text occurs.
  fileprivate func components(of text: String) -> Int { ranges(of: text).count }
}
