import Emulator
import Foundation
import Testing

/// What one run of the released kernel leaves behind, as a text that a reviewer can read.
struct Run: Equatable, Sendable {
  var stop: String
  var instructions: UInt64
  var nanoseconds: UInt64
  var digest: UInt64
  var console: String

  /// Boots the released kernel with a command line to its end.
  init(commandLine: String, input: String = "") throws {
    let machine = try Machine(
      image: .file(Golden.root.appending(path: "Images/kernel.elf").path),
      configuration: MachineConfiguration(memory: 64 << 20, commandLine: commandLine))
    if !input.isEmpty { machine.console.send(input) }
    stop = "\(machine.run(limit: 2_000_000_000))"
    instructions = machine.instructionCount
    nanoseconds = machine.now
    digest = machine.stateDigest()
    console = String(decoding: machine.console.output, as: UTF8.self)
      .replacingOccurrences(of: "\r\n", with: "\n")
  }

  /// The golden file's text.
  var text: String {
    """
    stop \(stop)
    instructions \(instructions)
    nanoseconds \(nanoseconds)
    digest \(String(digest, radix: 16))

    \(console)
    """
  }
}

/// A golden file: read, or with `UPDATE_GOLDEN=1` written.
enum Golden {
  static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  static func compare(_ run: Run, _ name: String) throws {
    let file = root.appending(path: "Tests/GoldenTests/Goldens/\(name).golden")
    if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
      try run.text.write(to: file, atomically: true, encoding: .utf8)
    }
    let expected = try String(contentsOf: file, encoding: .utf8)
    let expectedLines = expected.split(separator: "\n", omittingEmptySubsequences: false)
    let lines = run.text.split(separator: "\n", omittingEmptySubsequences: false)
    // The first difference says more than two whole texts.
    for (number, pair) in zip(expectedLines, lines).enumerated() where pair.0 != pair.1 {
      Issue.record("\(name).golden:\(number + 1): expected \"\(pair.0)\", got \"\(pair.1)\"")
      return
    }
    #expect(lines.count == expectedLines.count)
  }
}

/// Boots of the released kernel: console, instruction count and state, the same everywhere.
@Suite struct GoldenTests {
  @Test func aTourOfTheShell() throws {
    try Golden.compare(
      Run(commandLine: #"cmd="hello; ps; mem; ls; primes; mandelbrot; poweroff""#), "tour")
  }

  @Test func everyCrashKillsOnlyItself() throws {
    let kinds = [
      "privileged", "kernel", "stack", "null", "divide", "ud", "port", "write-text", "jump",
    ]
    let commands = kinds.map { "crash \($0)" }.joined(separator: "; ")
    try Golden.compare(Run(commandLine: "cmd=\"\(commands); ps; poweroff\""), "crashes")
  }

  @Test func theSameFileBootsByMultiboot2() throws {
    let path = Golden.root.appending(path: "Images/kernel.elf").path
    let machine = try Machine(
      image: .file(path, bootProtocol: .multiboot2),
      configuration: MachineConfiguration(
        memory: 64 << 20, commandLine: #"cmd="ls; cat note; poweroff""#,
        modules: [BootModule(name: "note", bytes: Array("handed over\n".utf8))]))
    #expect(machine.run(limit: 2_000_000_000) == .poweredOff)
    #expect(machine.console.text.contains("by multiboot2, command line"))
    #expect(machine.console.text.contains("handed over"))
    #expect(machine.console.text.contains("ACPI revision 2"))
  }

  @Test func aPanicIsExplainedTheSameWay() throws {
    try Golden.compare(Run(commandLine: #"cmd="panic""#), "panic")
  }

  @Test func typedInputIsPartOfTheExecution() throws {
    try Golden.compare(
      Run(commandLine: "", input: "echo one two\nspin &\nps\nkill 4\npoweroff\n"), "typed")
  }

  /// Two machines at once on two threads, each the same as alone.
  @Test func machinesDoNotDisturbEachOther() async throws {
    let line = #"cmd="primes; poweroff""#
    async let first = Run(commandLine: line)
    async let second = Run(commandLine: line)
    let alone = try Run(commandLine: line)
    let both = try await [first, second]
    #expect(both == [alone, alone])
  }
}
