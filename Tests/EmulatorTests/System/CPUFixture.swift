import Emulator

/// A bus that remembers the last port write and answers reads with ones.
final class PortBus: Bus {
  var written: [UInt16: UInt64] = [:]
  func readPort(_ port: UInt16, size: AccessSize) -> UInt64 { size.mask }
  func writePort(_ port: UInt16, size: AccessSize, value: UInt64) { written[port] = value }
  func readMMIO(_ address: PhysicalAddress, size: AccessSize) -> UInt64 { size.mask }
  func writeMMIO(_ address: PhysicalAddress, size: AccessSize, value: UInt64) {}
}

/// An interrupt source that tests set by hand.
final class ManualInterrupts: InterruptSource {
  var hasPendingInterrupt = false
  var hasPendingNMI = false
  var taskPriorityClass: UInt8 = 0
  var mmioBase: UInt64? { nil }
  func acknowledgeInterrupt() -> UInt8 { 0x40 }
  func acknowledgeNMI() { hasPendingNMI = false }
  func readMSR(_ index: UInt32) -> UInt64? { index == 0x1B ? 0xFEE0_0900 : nil }
  func writeMSR(_ index: UInt32, _ value: UInt64) -> Bool { false }
}

final class ManualClock: CPUClock {
  var now: UInt64 = 0
}

/// A vector and its error code, as they were raised.
struct Raised: Equatable {
  var vector: UInt8
  var code: UInt32?
  init(_ vector: UInt8, _ code: UInt32? = nil) {
    self.vector = vector
    self.code = code
  }
}

/// One processor in 64-bit mode, ring 0, with a GDT, an IDT and a TSS; memory maps to itself.
final class CPUFixture {
  enum Address {
    static let gdt: UInt64 = 0x4000
    static let idt: UInt64 = 0x5000
    static let tss: UInt64 = 0x6000
    static let protectedIDT: UInt64 = 0x7000
    static let code: UInt64 = 0x1_0000
    static let handlers: UInt64 = 0x1_2000
    static let stack0: UInt64 = 0x2_0000
    static let interruptStack: UInt64 = 0x3_0000
    static let userStack: UInt64 = 0x4_0000
  }

  enum Selector {
    static let code64: UInt16 = 0x08
    static let data: UInt16 = 0x10
    static let userCode32: UInt16 = 0x1B
    static let userData: UInt16 = 0x23
    static let userCode64: UInt16 = 0x2B
    static let task: UInt16 = 0x30
    static let code32: UInt16 = 0x40
    static let absentData: UInt16 = 0x48
    static let conforming: UInt16 = 0x50
    static let readOnly: UInt16 = 0x58
    static let code16: UInt16 = 0x60
    static let gate: UInt16 = 0x70
    static let task2: UInt16 = 0x80
    static let taskGate: UInt16 = 0x90
  }

  let memory: PhysicalMemory
  let bus = PortBus()
  let interrupts = ManualInterrupts()
  let clock = ManualClock()
  let processor: Processor
  var cpu: CPU { processor.cpu }
  var state: UnsafeMutablePointer<CPUState> { processor.cpu.state }

  init?(model: ProcessorModel = .max) {
    guard let memory = PhysicalMemory(size: 16 << 20) else { return nil }
    self.memory = memory
    processor = Processor(
      memory: memory, bus: bus, interrupts: interrupts, clock: clock,
      identification: ProcessorIdentification(model: model))
    writeTables()
    enterLongMode()
  }

  func store<T>(_ value: T, at address: UInt64) {
    withUnsafeBytes(of: value) { _ = memory.write(PhysicalAddress(address), $0) }
  }

  func load<T>(_ address: UInt64, as type: T.Type) -> T? {
    memory.read(PhysicalAddress(address), count: MemoryLayout<T>.size)?.withUnsafeBytes {
      $0.loadUnaligned(as: type)
    }
  }

  /// Writes a descriptor of 64-bit mode or of any other.
  func setDescriptor(
    _ selector: UInt16, attributes: UInt16, base: UInt64 = 0, limit: UInt64 = 0xF_FFFF
  ) {
    let low =
      limit & 0xFFFF | (base & 0xFF_FFFF) << 16 | UInt64(attributes & 0xF0FF) << 40
      | (limit >> 16 & 0xF) << 48 | (base >> 24 & 0xFF) << 56
    store(low, at: Address.gdt + UInt64(selector & 0xFFF8))
  }

  /// Writes a gate of the IDT in IA-32e mode.
  func setGate(
    _ vector: UInt8, attributes: UInt64 = 0x8E, ist: UInt64 = 0,
    selector: UInt16 = Selector.code64
  ) {
    let offset = handler(vector)
    let low =
      offset & 0xFFFF | UInt64(selector) << 16 | ist << 32 | attributes << 40
      | (offset >> 16 & 0xFFFF) << 48
    store(low, at: Address.idt + UInt64(vector) * 16)
    store(offset >> 32, at: Address.idt + UInt64(vector) * 16 + 8)
  }

  func handler(_ vector: UInt8) -> UInt64 { Address.handlers + UInt64(vector) * 16 }

  private func writeTables() {
    store(UInt64(0x2007), at: 0x1000)
    store(UInt64(0x3007), at: 0x2000)
    for page in UInt64(0)..<8 { store(page << 21 | 0x87, at: 0x3000 + page * 8) }
    setDescriptor(Selector.code64, attributes: 0xA09B)
    setDescriptor(Selector.data, attributes: 0xC093)
    setDescriptor(Selector.userCode32, attributes: 0xC0FB)
    setDescriptor(Selector.userData, attributes: 0xC0F3)
    setDescriptor(Selector.userCode64, attributes: 0xA0FB)
    setDescriptor(Selector.task, attributes: 0x8B, base: Address.tss, limit: 0x67)
    setDescriptor(Selector.code32, attributes: 0xC09B)
    setDescriptor(Selector.absentData, attributes: 0xC013)
    setDescriptor(Selector.conforming, attributes: 0xC09F)
    setDescriptor(Selector.readOnly, attributes: 0xC091)
    for vector in UInt8(0)..<64 { setGate(vector) }
    store(Address.stack0, at: Address.tss + 4)
    store(Address.interruptStack, at: Address.tss + 0x24)
    store(UInt16(0x68), at: Address.tss + 0x66)
  }

  private func enterLongMode() {
    state.pointee.cr0 = 0x8001_0033
    state.pointee.cr3 = 0x1000
    state.pointee.cr4 = 0x620
    state.pointee.efer = 0xD01
    state.pointee.gdtr = DescriptorTableRegister(base: Address.gdt, limit: 0xFF)
    state.pointee.idtr = DescriptorTableRegister(base: Address.idt, limit: 0x3FF)
    cpu[.cs] = SegmentRegister(
      selector: Selector.code64, attributes: 0xA09B, limit: .max, base: 0)
    for name in [SegmentName.ss, .ds, .es] {
      cpu[name] = SegmentRegister(
        selector: Selector.data, attributes: 0xC093, limit: .max, base: 0)
    }
    cpu[.tr] = SegmentRegister(
      selector: Selector.task, attributes: 0x8B, limit: 0x67, base: Address.tss)
    state.pointee.cpl = 0
    cpu[.rsp] = 0x1_8000
    cpu.updateMode()
  }

  /// Goes to ring 3, 64-bit.
  func enterUserMode() {
    cpu[.cs] = SegmentRegister(
      selector: Selector.userCode64, attributes: 0xA0FB, limit: .max, base: 0)
    cpu[.ss] = SegmentRegister(
      selector: Selector.userData, attributes: 0xC0F3, limit: .max, base: 0)
    state.pointee.cpl = 3
    cpu[.rsp] = Address.userStack
    cpu.updateMode()
  }

  /// Goes to 32-bit protected mode without paging, ring 0.
  func enterProtectedMode() {
    for vector in UInt8(0)..<64 {
      let offset = handler(vector)
      let low = offset & 0xFFFF | UInt64(Selector.code32) << 16 | 0x8E << 40
      store(low | (offset >> 16) << 48, at: Address.protectedIDT + UInt64(vector) * 8)
    }
    state.pointee.idtr = DescriptorTableRegister(base: Address.protectedIDT, limit: 0x1FF)
    state.pointee.cr0 = 0x33
    state.pointee.efer = 0
    state.pointee.cr4 = 0
    cpu[.cs] = SegmentRegister(
      selector: Selector.code32, attributes: 0xC09B, limit: .max, base: 0)
    cpu.updateMode()
  }

  /// Executes one instruction at `Address.code`; gives what was raised, if anything.
  @discardableResult
  func execute(_ bytes: [UInt8], at address: UInt64 = Address.code) -> Raised? {
    for (index, byte) in bytes.enumerated() { store(byte, at: address + UInt64(index)) }
    state.pointee.rip = address
    processor.recorder.removeAll()
    cpu.step()
    guard let first = processor.recorder.deliveries.first else { return nil }
    return Raised(first.vector, first.errorCode)
  }

  /// The vectors of all deliveries of the last instruction.
  var vectors: [UInt8] { processor.recorder.deliveries.map(\.vector) }

  /// A quadword of the stack.
  func stack(_ index: UInt64) -> UInt64? { load(cpu[.rsp] + index * 8, as: UInt64.self) }
}
