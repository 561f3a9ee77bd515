import Debugger
import Emulator
import Foundation
import Testing

/// A run whose trace is kept as text: checked, or with `UPDATE_GOLDEN=1` recorded anew.
struct Golden {
  static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  private static let source = FileSource(folder: root.path)

  let name: String
  var description: MachineDescription
  var input = InputLog()
  var options = TraceOptions()

  /// A run of an image in `Images`.
  init(_ name: String, image: String, commandLine: String = "", input: String = "") throws {
    self.name = name
    let path = "Images/\(image).elf"
    let content = try HostFile.read(Self.root.appending(path: path).path)
    description = MachineDescription(
      MachineConfiguration(memory: 64 << 20, commandLine: commandLine),
      files: [FileReference(.image, path: path, content: content)])
    if !input.isEmpty {
      self.input.append(
        InputLog.Entry(instructionCount: 0, time: 0, port: 0, bytes: Array(input.utf8)))
    }
    options.limit = 2_000_000_000
  }

  private func machine() throws -> Machine { try description.makeMachine(Self.source) }

  func check() throws {
    let file = Self.root.appending(path: "Tests/GoldenTests/Goldens/\(name).golden")
    if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
      let trace = try Trace.record(
        description, input: input, options: options, source: Self.source)
      let text = trace.golden(symbols: SymbolTable(try machine().image?.elf))
      try text.write(to: file, atomically: true, encoding: .utf8)
    }
    let trace = try Trace(path: file.path)
    #expect(trace.options == options && trace.machine.settings == description.settings)
    let result = try TraceCheck(trace, folder: Self.root.path, make: machine)()
    guard let divergence = result.divergence else { return }
    let report = DivergenceReport(
      divergence, name: "Tests/GoldenTests/Goldens/\(name).golden", input: trace.input,
      make: machine)
    Issue.record("\(report.text)")
  }
}

/// Traces of the released kernel and of the small guests: every event, count and address, the same
/// everywhere.
@Suite struct GoldenTests {
  /// What a boot of a whole kernel is known by, without the many system calls and interrupts, which
  /// counts and the last digest vouch for.
  private static let kernelEvents: EventKinds = [
    .fault, .control, .msr, .table, .console, .input, .reset,
  ]

  private func apus(_ name: String, commandLine: String = "", input: String = "") throws {
    var golden = try Golden(name, image: "kernel", commandLine: commandLine, input: input)
    golden.options.kinds = Self.kernelEvents
    try golden.check()
  }

  @Test func aTourOfTheShell() throws {
    try apus(
      "tour", commandLine: #"cmd="hello; ps; mem; ls; primes; mandelbrot; poweroff""#)
  }

  @Test func everyCrashKillsOnlyItself() throws {
    let kinds = [
      "privileged", "kernel", "stack", "null", "divide", "ud", "port", "write-text", "jump",
    ]
    let commands = kinds.map { "crash \($0)" }.joined(separator: "; ")
    try apus("crashes", commandLine: "cmd=\"\(commands); ps; poweroff\"")
  }

  @Test func aPanicIsExplainedTheSameWay() throws {
    try apus("panic", commandLine: #"cmd="panic""#)
  }

  @Test func typedInputIsPartOfTheExecution() throws {
    try apus("typed", input: "echo one two\nspin &\nps\nkill 4\npoweroff\n")
  }

  /// Where handlers, returns and addresses change, a rebuilt kernel's semantic trace stays.
  @Test func aSemanticTourOfTheShell() throws {
    var golden = try Golden(
      "semantic", image: "kernel", commandLine: #"cmd="hello; crash null; poweroff""#)
    golden.options.mode = .semantic
    golden.options.kinds = [.fault, .syscall, .control, .table, .input, .reset]
    try golden.check()
  }

  @Test(arguments: ["faults", "timer", "rings"])
  func smallGuests(name: String) throws {
    var golden = try Golden(name, image: name)
    golden.options.kinds = [.usual, .io]
    try golden.check()
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

  /// Two machines at once on two threads, each the same as alone.
  @Test func machinesDoNotDisturbEachOther() async throws {
    @Sendable func run() throws -> [UInt64] {
      let machine = try Machine(
        image: .file(Golden.root.appending(path: "Images/kernel.elf").path),
        configuration: MachineConfiguration(
          memory: 64 << 20, commandLine: #"cmd="primes; poweroff""#))
      #expect(machine.run(limit: 2_000_000_000) == .poweredOff)
      return [machine.instructionCount, machine.now, machine.stateDigest()]
    }
    async let first = run()
    async let second = run()
    let alone = try run()
    let both = try await [first, second]
    #expect(both == [alone, alone])
  }
}
