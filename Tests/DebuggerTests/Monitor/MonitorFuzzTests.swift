import Debugger
import Emulator
import Foundation
import TestImages
import Testing

@Suite struct MonitorFuzzTests {
  private struct Random: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state ^ state >> 29
    }
  }

  /// Rubbish of all kinds is answered, and never ends the process.
  @Test(arguments: [1, 2, 3, 4] as [UInt64]) func rubbishIsAnswered(seed: UInt64) throws {
    var random = Random(state: seed)
    let run = try MonitorFixture.summing()
    // What runs is stopped after a while.
    run.monitor.isInterrupted = { true }
    let words =
      Monitor.commandNames.filter { !["source", "script"].contains($0) } + [
        "$rax", "main", "add", "0x100000", "-1", "18446744073709551615", "[", "]", "(", ")", "if",
        "in", "cpu", "phys", "+", "-", "*", "&&", "<<", ":", "/", "'", "\"", "=", ",", "#PF",
        "vector",
        "port", "0", "1", "7fffh", "kernel.c:3", "/8xg", "/s", "\u{0}", "é", "here", "start", "end",
        "[0x100000:8]", "0x7fffffffffff", "x/4i", "$pc", "~", "!", "%",
      ]
    for _ in 0..<1500 {
      let count = Int.random(in: 1...6, using: &random)
      let line = (0..<count).map { _ in words.randomElement(using: &random) ?? "" }.joined(
        separator: Bool.random(using: &random) ? " " : "")
      let text = run(line)
      #expect(text.utf8.count < 4 << 20)
      // A run may have come to the machine's end.
      if run.monitor.debuggee.position > 40 { run("goto 0") }
    }
    #expect(run("print 1 + 1") == "0x2 = 2")
  }

  @Test func scriptsCannotReadThemselvesForEver() throws {
    let run = try MonitorFixture.summing()
    let path = FileManager.default.temporaryDirectory.appending(path: "emu-\(UUID()).script").path
    try "echo once\nsource \(path)\n".write(toFile: path, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: path) }
    let text = run("source \(path)")
    #expect(text.contains("once"))
    #expect(text.contains("nested too deeply"))
    #expect(run("source /nonexistent/file").hasPrefix("error:"))
  }
}
