import Debugger
import Emulator
import Foundation
import TestImages

/// Machines that these tests debug.
enum Guests {
  private static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// The released kernel.
  static func kernel(_ commandLine: String = "", input: String = "") throws -> Machine {
    let machine = try Machine(
      image: .file(root.appending(path: "Images/kernel.elf").path),
      configuration: MachineConfiguration(memory: 64 << 20, commandLine: commandLine))
    if !input.isEmpty { machine.console.send(input) }
    return machine
  }

  /// 64-bit code at `ELFBuilder`'s address on a machine with little memory.
  static func bare(_ code: [UInt8], processors: Int = 1) throws -> Machine {
    try image(ELFBuilder(code: code).build(), processors: processors)
  }

  /// An image on a machine with little memory.
  static func image(_ bytes: [UInt8], processors: Int = 1) throws -> Machine {
    var configuration = MachineConfiguration(memory: 16 << 20)
    configuration.processors = processors
    return try Machine(
      image: KernelImage(bytes, name: "test"), configuration: configuration)
  }

  /// Processors that take locks, send interrupts and wait for each other.
  static func processors(_ count: Int, rounds: Int = 100) throws -> Machine {
    var configuration = MachineConfiguration(memory: 16 << 20)
    configuration.processors = count
    configuration.quantum = 1000
    return try Machine(
      image: KernelImage(
        MultiprocessorImage(processors: count, rounds: rounds).build(), name: "guest"),
      configuration: configuration)
  }
}

extension Machine {
  /// What two machines in the same state agree on.
  var parts: [String] { partDigests().map { "\($0.name) \(String($0.digest, radix: 16))" } }
}
