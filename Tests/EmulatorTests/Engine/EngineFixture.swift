import Emulator

/// A bus on which nobody answers.
final class EmptyBus: Bus {
  func readPort(_ port: UInt16, size: AccessSize) -> UInt64 { size.mask }
  func writePort(_ port: UInt16, size: AccessSize, value: UInt64) {}
  func readMMIO(_ address: PhysicalAddress, size: AccessSize) -> UInt64 { size.mask }
  func writeMMIO(_ address: PhysicalAddress, size: AccessSize, value: UInt64) {}
}

/// A clock that only the processor moves.
final class FreeClock: CPUClock { var now: UInt64 = 0 }

/// No interrupts.
final class QuietInterrupts: InterruptSource {
  var hasPendingInterrupt: Bool { false }
  func acknowledgeInterrupt() -> UInt8 { 0xFF }
  var hasPendingNMI: Bool { false }
  func acknowledgeNMI() {}
  var taskPriorityClass: UInt8 = 0
  func readMSR(_ index: UInt32) -> UInt64? { nil }
  func writeMSR(_ index: UInt32, _ value: UInt64) -> Bool { false }
  var mmioBase: UInt64? { nil }
}

/// A processor in 64-bit mode, ring 0, with its first 2 MiB mapped one to one.
struct EngineFixture {
  static let code: UInt64 = 0x10000
  static let stack: UInt64 = 0x80000

  let memory: PhysicalMemory
  let processor: Processor
  var cpu: CPU { processor.cpu }

  init?(_ bytes: [UInt8], at address: UInt64 = code, stepsOnly: Bool = false) {
    guard let memory = PhysicalMemory(size: 2 << 20) else { return nil }
    self.memory = memory
    processor = Processor(
      memory: memory, bus: EmptyBus(), interrupts: QuietInterrupts(), clock: FreeClock(),
      identification: ProcessorIdentification())
    processor.stepsOnly = stepsOnly
    write(0x1000, quadword: 0x2003)
    write(0x2000, quadword: 0x3003)
    write(0x3000, quadword: 0x83)
    write(address, bytes)
    enterLongMode()
    cpu.state.pointee.rip = address
    cpu[.rsp] = Self.stack
  }

  private func enterLongMode() {
    let state = cpu.state
    state.pointee.cr0 = 0x8001_0011
    state.pointee.cr3 = 0x1000
    state.pointee.cr4 = CR4.physicalAddressExtension.rawValue
    state.pointee.efer = EFER([.longModeEnable, .longModeActive]).rawValue
    cpu[.cs] = SegmentRegister(selector: 8, attributes: 0xA09B, limit: .max, base: 0)
    for name in [SegmentName.ss, .ds, .es] {
      cpu[name] = SegmentRegister(selector: 16, attributes: 0xC093, limit: .max, base: 0)
    }
    cpu.updateMode()
  }

  func write(_ address: UInt64, _ bytes: [UInt8]) {
    bytes.withUnsafeBytes { _ = memory.write(PhysicalAddress(address), $0) }
  }

  func write(_ address: UInt64, quadword: UInt64) {
    withUnsafeBytes(of: quadword) { _ = memory.write(PhysicalAddress(address), $0) }
  }

  /// Runs until `count` instructions have retired.
  func run(_ count: UInt64) {
    while processor.cpu.instructionCount < count {
      if case .limit = processor.run(until: count) { return }
      if case .shutdown = processor.cpu.activityForTests { return }
    }
  }

  /// Every register and the exact flags, for comparison.
  var registers: [UInt64] {
    let flags = cpu.rflags.rawValue
    return (0..<16).map { cpu[$0] } + [cpu.state.pointee.rip, flags]
  }
}

extension CPU {
  /// What the processor is doing.
  var activityForTests: Activity { Activity(rawValue: state.pointee.activity) ?? .running }
}
