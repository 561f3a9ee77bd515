import Debugger
import Emulator
import Foundation
import TestImages

/// Small guests, described so that traces can make them anew.
struct Guest {
  private static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  static let kernel = root.appending(path: "Images/kernel.elf").path

  var description: MachineDescription
  var source: FileSource

  /// Our own kernel with commands for its shell.
  static func apus(
    _ commands: String, processors: Int = 1, seed: UInt64 = 0, option: String = ""
  ) throws -> Guest {
    var configuration = MachineConfiguration(
      memory: 64 << 20, commandLine: (option.isEmpty ? "" : option + " ") + "cmd=\"\(commands)\"",
      seed: seed)
    configuration.processors = processors
    let file = FileReference(.image, path: kernel, content: try HostFile.read(kernel))
    return Guest(
      description: MachineDescription(configuration, files: [file]), source: FileSource())
  }

  /// A small guest of `Images`.
  static func image(_ name: String) throws -> Guest {
    let path = root.appending(path: "Images/\(name).elf").path
    let file = FileReference(.image, path: path, content: try HostFile.read(path))
    return Guest(
      description: MachineDescription(MachineConfiguration(memory: 16 << 20), files: [file]),
      source: FileSource())
  }

  /// The lines of a small guest's source.
  static func source(_ name: String) throws -> [String] {
    let path = root.appending(path: "Tests/TestImages/Guests/\(name)").path
    return String(decoding: try HostFile.read(path), as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }

  /// A bare ELF64 made of some code, with symbols.
  static func bare(
    _ code: [UInt8], at address: UInt64 = 0x10_0000,
    symbols: [(name: String, address: UInt64, size: UInt64)] = [], seed: UInt64 = 0
  ) -> Guest {
    var builder = ELFBuilder(code: code, at: address)
    builder.symbols = symbols
    let bytes = builder.build()
    let file = FileReference(.image, path: "test.elf", content: bytes)
    return Guest(
      description: MachineDescription(
        MachineConfiguration(memory: 16 << 20, seed: seed), files: [file]),
      source: FileSource(embedded: [file.digest: bytes]))
  }

  /// Runs a machine in the slices of a trace, which end repeated string instructions early.
  static func run(_ machine: Machine, to count: UInt64) {
    while machine.instructionCount < count {
      let next = (machine.instructionCount / Trace.digestInterval + 1) * Trace.digestInterval
      guard machine.run(limit: min(next, count) - machine.instructionCount) == .instructionLimit
      else { return }
    }
  }

  func record(
    input: InputLog = InputLog(), _ change: (inout TraceOptions) -> Void = { _ in }
  ) throws -> Trace {
    var options = TraceOptions()
    change(&options)
    var trace = try Trace.record(description, input: input, options: options, source: source)
    trace.embedded = source.embedded
    return trace
  }

  func check(_ trace: Trace, input: InputLog? = nil) throws -> Divergence? {
    try TraceCheck(trace, input: input) { try description.makeMachine(source) }().divergence
  }
}
