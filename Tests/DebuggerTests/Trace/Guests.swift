import Debugger
import Emulator
import Foundation
import TestImages

/// Small guests, described so that traces can make them anew.
struct Guest {
  static let kernel = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Images/kernel.elf").path

  var description: MachineDescription
  var source: FileSource

  /// Our own kernel with commands for its shell.
  static func apus(_ commands: String, processors: Int = 1, seed: UInt64 = 0) throws -> Guest {
    var configuration = MachineConfiguration(
      memory: 64 << 20, commandLine: "cmd=\"\(commands)\"", seed: seed)
    configuration.processors = processors
    let file = FileReference(.image, path: kernel, content: try HostFile.read(kernel))
    return Guest(
      description: MachineDescription(configuration, files: [file]), source: FileSource())
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
