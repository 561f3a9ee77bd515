import Emulator
import Foundation
import TestImages

/// Machines that these tests run.
enum Guests {
  private static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// The released kernel.
  static func kernel(_ commandLine: String = "") throws -> Machine {
    try Machine(
      image: .file(root.appending(path: "Images/kernel.elf").path),
      configuration: MachineConfiguration(memory: 64 << 20, commandLine: commandLine))
  }

  /// Code at `ELFBuilder`'s address on a machine with little memory.
  static func bare(_ code: [UInt8], symbols: [(String, UInt64, UInt64)] = []) throws -> Machine {
    var builder = ELFBuilder(code: code)
    builder.symbols = symbols
    return try Machine(
      image: KernelImage(builder.build(), name: "test"),
      configuration: MachineConfiguration(memory: 16 << 20))
  }

  /// Prints a text, then does something.
  static func printing(_ text: String, then code: [UInt8]) throws -> Machine {
    try bare(TestCode.print(text, at: 0x10_0000) + code)
  }
}
