import Debugger
import Emulator
import TestImages

/// Machines for tests.
enum DebuggedMachine {
  /// A machine with an image, and not much memory.
  static func make(_ image: [UInt8], processors: Int = 1) throws -> Machine {
    var configuration = MachineConfiguration(memory: 16 << 20)
    configuration.processors = processors
    return try Machine(
      image: KernelImage(image, name: "test"), configuration: configuration)
  }

  /// A machine that is in 64-bit mode at `code`.
  static func make(code: [UInt8], processors: Int = 1) throws -> Machine {
    try make(ELFBuilder(code: code).build(), processors: processors)
  }
}
