import Emulator

/// A processor in flat 32-bit protected mode at CPL 0, with RAM and nothing else on its bus.
final class ProtectedModeProcessor {
  static let codeAddress: UInt64 = 0x1000
  let memory: PhysicalMemory
  let processor: Processor
  var cpu: CPU { processor.cpu }

  init?() {
    guard let memory = PhysicalMemory(size: 1 << 20) else { return nil }
    self.memory = memory
    processor = Processor(
      memory: memory, bus: EmptyBus(), interrupts: NoInterrupts(), clock: StoppedClock(),
      identification: ProcessorIdentification())
    cpu.state.pointee.cr0 |= CR0.protectionEnable.rawValue
    for name in [SegmentName.es, .ss, .ds, .fs, .gs] {
      cpu[name] = SegmentRegister(selector: 16, attributes: 0xC093, limit: .max, base: 0)
    }
    cpu[.cs] = SegmentRegister(selector: 8, attributes: 0xC09B, limit: .max, base: 0)
    cpu.updateMode()
  }

  /// Executes `code` from its start until the HLT that is put behind it, at most `limit`
  /// instructions at a time.
  func run(_ code: [UInt8], flags: UInt64 = 2, atMost limit: UInt64 = 1 << 32) -> ProcessorExit {
    store(code + [0xF4], at: Self.codeAddress)
    cpu.state.pointee.activity = Activity.running.rawValue
    cpu.state.pointee.rip = Self.codeAddress
    cpu.rflags = RFLAGS(rawValue: flags)
    while true {
      let exit = processor.run(until: cpu.instructionCount &+ limit)
      switch exit {
      case .limit, .lookup: continue
      default: return exit
      }
    }
  }

  func store(_ bytes: [UInt8], at address: UInt64) {
    bytes.withUnsafeBytes { _ = memory.write(PhysicalAddress(address), $0) }
    // The loader's way in does not tell the processor that code changed.
    cpu.state.pointee.dropsBlocks = true
  }

  func bytes(at address: UInt64, count: Int) -> [UInt8] {
    memory.read(PhysicalAddress(address), count: count) ?? []
  }

  private final class EmptyBus: Bus {
    func readPort(_ port: UInt16, size: AccessSize) -> UInt64 { size.mask }
    func writePort(_ port: UInt16, size: AccessSize, value: UInt64) {}
    func readMMIO(_ address: PhysicalAddress, size: AccessSize) -> UInt64 { size.mask }
    func writeMMIO(_ address: PhysicalAddress, size: AccessSize, value: UInt64) {}
  }

  private final class StoppedClock: CPUClock {
    var now: UInt64 = 0
  }

  private final class NoInterrupts: InterruptSource {
    var hasPendingInterrupt: Bool { false }
    func acknowledgeInterrupt() -> UInt8 { 0 }
    var hasPendingNMI: Bool { false }
    func acknowledgeNMI() {}
    var taskPriorityClass: UInt8 = 0
    func readMSR(_ index: UInt32) -> UInt64? { nil }
    func writeMSR(_ index: UInt32, _ value: UInt64) -> Bool { false }
    var mmioBase: UInt64? { nil }
  }
}
