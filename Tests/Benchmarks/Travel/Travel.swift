import ArgumentParser
import Debugger
import Emulator
import Foundation

/// Measures going back in time: snapshots, forks, steps back, last writes, conditions.
@main
struct Travel: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "travel",
    abstract: "Measure snapshots, forks, reverse steps and conditional breakpoints.",
    discussion: """
      Every figure is processor time of this process. With --kernel and --initrd the run is that \
      of a Linux kernel; otherwise the released teaching kernel at its prompt.
      """)

  @Option(help: "A Linux kernel to run instead of the teaching kernel.")
  var kernel: String?

  @Option(help: "Its initial RAM disk.")
  var initrd: String?

  @Option(help: "How many instructions the run is long.")
  var length: UInt64 = 1_000_000_000

  @Option(help: "How many places to go back to.")
  var places = 40

  func run() throws {
    try measureRecording()
    try measureForks()
    try measureTravel()
    try measureConditions()
  }

  // MARK: Machines

  private func machine() throws -> Machine {
    guard let kernel else { return try Self.teachingKernel() }
    var configuration = MachineConfiguration(
      memory: 256 << 20, commandLine: "console=ttyS0 quiet run=true")
    if let initrd {
      configuration.modules = [
        BootModule(name: "initrd", bytes: Array(try Data(contentsOf: URL(filePath: initrd))))
      ]
    }
    return try Machine(image: .file(kernel), configuration: configuration)
  }

  private static func teachingKernel() throws -> Machine {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    return try Machine(
      image: .file(root.appending(path: "Images/kernel.elf").path),
      configuration: MachineConfiguration(memory: 64 << 20))
  }

  // MARK: Figures

  /// The same run by turns with and without checkpoints.
  private func measureRecording() throws {
    var plain: [Double] = []
    var recorded: [Double] = []
    for _ in 0..<3 {
      let machine = try machine()
      plain.append(time { _ = machine.run(limit: length) })
      let debuggee = Debuggee(try self.machine())
      recorded.append(time { _ = debuggee.resume(limit: length) })
    }
    let ratio = median(recorded) / median(plain)
    print("recording: \(format(ratio)) times the run without (medians of 3 by turns)")
  }

  private func measureForks() throws {
    let machine = try Self.teachingKernel()
    _ = machine.run(until: .console("$ "), limit: 100_000_000)
    let prompt = machine.snapshot()
    var saves: [Double] = []
    var restores: [Double] = []
    for _ in 0..<300 {
      _ = machine.run(limit: 100_000)
      var snapshot = prompt
      saves.append(time { snapshot = machine.snapshot() })
      restores.append(time { machine.restore(snapshot) })
      machine.restore(prompt)
    }
    print("snapshot: \(microseconds(saves)), restore: \(microseconds(restores))")
    let forks = (0..<20).map { _ in
      time { _ = try? machine.fork(prompt) }
    }
    print("fork to a machine of its own: \(microseconds(forks))")
    let count = 500
    var passed = 0
    let seconds = time {
      for number in 0..<count {
        machine.restore(prompt)
        machine.console.clear()
        machine.console.send("echo test \(number)\n")
        _ = machine.run(until: .console("$ "), limit: 10_000_000)
        if machine.console.text.contains("\ntest \(number)") { passed += 1 }
      }
    }
    print("tests from one snapshot: \(Int(Double(count) / seconds)) a second, \(passed) passed")
  }

  private func measureTravel() throws {
    let debuggee = Debuggee(try machine())
    let stop = debuggee.resume(limit: length)
    let end = debuggee.position
    print("a run of \(end) instructions (\(stop.cause)), history begins at 0")
    var numbers = SeededPlaces(1)
    var steps: [Double] = []
    var writes: [Double] = []
    for _ in 0..<places {
      _ = debuggee.go(to: numbers.next() % end + 1)
      let position = debuggee.position
      steps.append(time { _ = debuggee.step(.backward) })
      guard debuggee.position == position - 1 else { throw ExitCode.failure }
    }
    print("reverse-step at random: \(milliseconds(steps))")
    _ = debuggee.go(to: end)
    let last = (0..<20).map { _ in time { _ = debuggee.step(.backward) } }
    print("reverse-step again and again: \(milliseconds(last))")
    _ = debuggee.go(to: end)
    let stack = debuggee.machine.processor.cpu[.rsp]
    for index in 0..<UInt64(min(places, 20)) {
      writes.append(time { _ = debuggee.lastWrite(linear: stack &+ index &* 8, count: 8) })
    }
    print("last-write of stack words: \(milliseconds(writes))")
    if let place = debuggee.divergence { print("diverged at \(place)") }
  }

  private func measureConditions() throws {
    let debuggee = Debuggee(try Self.teachingKernel())
    _ = debuggee.resume(limit: 2_000_000)
    // What is next there is executed again, often enough, in a loop of some kind.
    var breakpoint = Breakpoint(.execution(debuggee.machine.processor.cpu.instructionPointer))
    breakpoint.condition = { $0.processor.cpu[.rax] == 0xDEAD_BEEF }
    let number = debuggee.add(breakpoint)
    var hits: UInt64 = 0
    debuggee.change(number) { breakpoint in
      let condition = breakpoint.condition
      breakpoint.condition = {
        hits += 1
        return condition?($0) ?? false
      }
    }
    let machine = try Self.teachingKernel()
    _ = machine.run(limit: 2_000_000)
    let plain = time { _ = machine.run(limit: 30_000_000) }
    let stopped = time { _ = debuggee.resume(limit: 30_000_000) }
    guard hits > 0 else { return print("conditional breakpoint: never reached") }
    let each = (stopped - plain) / Double(hits) * 1e9
    print("conditional breakpoint that does not fire: \(Int(each)) ns (\(hits) times)")
  }

  // MARK: Numbers

  private func time(_ body: () -> Void) -> Double {
    let start = clock()
    body()
    return Double(clock() - start) / Double(CLOCKS_PER_SEC)
  }

  private func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

  private func format(_ value: Double) -> String { String(format: "%.3f", value) }

  private func microseconds(_ values: [Double]) -> String {
    "median \(Int(median(values) * 1e6)) µs, worst \(Int((values.max() ?? 0) * 1e6)) µs"
  }

  private func milliseconds(_ values: [Double]) -> String {
    String(
      format: "median %.2f ms, worst %.2f ms", median(values) * 1e3, (values.max() ?? 0) * 1e3)
  }
}

/// The same numbers in every run.
private struct SeededPlaces {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state >> 20
  }
}
