import Emulator
import Testing

private typealias Address = CPUFixture.Address
private typealias Selector = CPUFixture.Selector

/// Control, debug and model-specific registers, CPUID, and the I/O permission map.
@Suite struct SystemRegisterTests {
  /// Executes MOV CRn, RAX.
  private func writeControl(_ machine: CPUFixture, _ number: UInt8, _ value: UInt64) -> Raised? {
    machine.cpu[.rax] = value
    if number == 8 { return machine.execute([0x44, 0x0F, 0x22, 0xC0]) }
    return machine.execute([0x0F, 0x22, 0xC0 | number << 3])
  }

  private func writeMSR(_ machine: CPUFixture, _ index: UInt64, _ value: UInt64) -> Raised? {
    machine.cpu[.rcx] = index
    machine.cpu[.rax] = value & 0xFFFF_FFFF
    machine.cpu[.rdx] = value >> 32
    return machine.execute([0x0F, 0x30])
  }

  @Test func controlRegistersRefuseWhatTheyMust() throws {
    let machine = try #require(CPUFixture())
    let refused = Raised(13, 0)
    let cr0 = machine.state.pointee.cr0
    for value in [cr0 | 1 << 32, cr0 & ~1, cr0 | 1 << 29, cr0 & ~(1 << 31)] {
      #expect(writeControl(machine, 0, value) == refused)
    }
    let cr4 = machine.state.pointee.cr4
    for value in [cr4 & ~0x20, cr4 | 1 << 13, cr4 | 1 << 40] {
      #expect(writeControl(machine, 4, value) == refused)
    }
    #expect(writeControl(machine, 3, 1 << 40) == refused)
    #expect(writeControl(machine, 3, 1 << 63 | 0x1000) == refused)
    machine.state.pointee.cr3 = 0x1018
    #expect(writeControl(machine, 4, cr4 | 1 << 17) == refused)
    #expect(writeControl(machine, 3, 0x1000) == nil)
    #expect(writeControl(machine, 4, cr4 | 1 << 17) == nil)
    #expect(writeControl(machine, 3, 1 << 63 | 0x1005) == nil)
    #expect(machine.state.pointee.cr3 == 0x1005)
    #expect(writeControl(machine, 8, 0x10) == refused)
    #expect(writeControl(machine, 8, 0xF) == nil)
    #expect(machine.interrupts.taskPriorityClass == 15)
    #expect(writeControl(machine, 1, 0) == Raised(6))
    machine.enterUserMode()
    #expect(writeControl(machine, 0, cr0) == refused)
  }

  @Test func pagingWithLongModeEnableActivatesIA32eMode() throws {
    let machine = try #require(CPUFixture())
    machine.enterProtectedMode()
    #expect(writeControl(machine, 4, 0) == nil)
    #expect(writeMSR(machine, 0xC000_0080, 0x100) == nil)
    #expect(writeControl(machine, 0, 0x8000_0033) == Raised(13, 0))
    #expect(writeControl(machine, 4, 0x20) == nil)
    #expect(writeControl(machine, 0, 0x8000_0033) == nil)
    #expect(machine.state.pointee.efer == 0x500)
    #expect(!machine.cpu.isLongMode)
    #expect(writeMSR(machine, 0xC000_0080, 0) == Raised(13, 0))
    machine.cpu[.rsp] = 0x1_8000
    #expect(machine.execute([0xEA, 0, 1, 1, 0, 8, 0]) == nil)
    #expect(machine.cpu.isLongMode)
    #expect(machine.state.pointee.rip == 0x1_0100)
  }

  @Test func physicalAddressExtensionLoadsItsPointersWithCR3() throws {
    let machine = try #require(CPUFixture())
    machine.enterProtectedMode()
    machine.store(UInt64(0x3001), at: 0x8000)
    #expect(writeControl(machine, 4, 0x20) == nil)
    #expect(writeControl(machine, 3, 0x8000) == nil)
    #expect(writeControl(machine, 0, 0x8000_0033) == nil)
    #expect(machine.state.pointee.pdpte[0] == 0x3001)
    machine.store(UInt64(0x3003), at: 0x8000)
    #expect(writeControl(machine, 3, 0x8000) == Raised(13, 0))
  }

  @Test func modelSpecificRegistersRefuseWhatTheyMust() throws {
    let machine = try #require(CPUFixture())
    let refused = Raised(13, 0)
    let nonCanonical: UInt64 = 0x0100_0000_0000_0000
    for index: UInt64 in [
      0xC000_0082, 0xC000_0083, 0xC000_0100, 0xC000_0101, 0xC000_0102, 0x175, 0x176,
    ] {
      #expect(writeMSR(machine, index, nonCanonical) == refused)
      #expect(writeMSR(machine, index, 0xFFFF_8000_0000_0000) == nil)
      machine.execute([0x0F, 0x32])
      #expect(machine.cpu[.rdx] == 0xFFFF_8000)
    }
    #expect(writeMSR(machine, 0x277, 0x0007_0406_0007_0402) == refused)
    #expect(writeMSR(machine, 0x277, 0x0007_0406_0007_0105) == nil)
    #expect(writeMSR(machine, 0xC000_0080, 0xD02) == refused)
    #expect(writeMSR(machine, 0x200, 2) == refused)
    #expect(writeMSR(machine, 0x268, 0x0606_0606_0606_0607) == refused)
    #expect(writeMSR(machine, 0xFE, 0) == refused)
    #expect(writeMSR(machine, 0xC000_0103, 1 << 32) == refused)
    #expect(writeMSR(machine, 0x1234, 0) == refused)
  }

  @Test func theTimeStampCounterMoves() throws {
    let machine = try #require(CPUFixture())
    #expect(writeMSR(machine, 0x10, 1_000_000) == nil)
    #expect(machine.execute([0x0F, 0x31]) == nil)
    #expect((1_000_000..<1_000_010).contains(machine.cpu[.rax]))
    machine.state.pointee.cr4 |= CR4.timeStampDisable.rawValue
    machine.enterUserMode()
    #expect(machine.execute([0x0F, 0x31]) == Raised(13, 0))
  }

  @Test func debugRegisters() throws {
    let machine = try #require(CPUFixture())
    machine.cpu[.rax] = 1 << 32
    #expect(machine.execute([0x0F, 0x23, 0xF0]) == Raised(13, 0))
    machine.cpu[.rax] = 0
    #expect(machine.execute([0x0F, 0x23, 0xF0]) == nil)
    #expect(machine.execute([0x0F, 0x21, 0xE3]) == nil)
    #expect(machine.cpu[.rbx] == 0xFFFF_0FF0)
    machine.state.pointee.cr4 |= CR4.debuggingExtensions.rawValue
    #expect(machine.execute([0x0F, 0x21, 0xE3]) == Raised(6))
    machine.state.pointee.debugRegisters[7] |= 1 << 13
    #expect(machine.execute([0x0F, 0x21, 0xC3]) == Raised(1))
    #expect(machine.state.pointee.debugRegisters[6] & 1 << 13 != 0)
    #expect(machine.state.pointee.debugRegisters[7] & 1 << 13 == 0)
    #expect(machine.stack(2).map { $0 & 1 << 16 } == 1 << 16)
  }

  @Test func thePermissionMapDecidesOnPorts() throws {
    let machine = try #require(CPUFixture())
    machine.cpu[.tr].limit = 0x67 + 0x81
    machine.store(UInt8(0b1111_1011), at: Address.tss + 0x68 + 0x10)
    machine.enterUserMode()
    #expect(machine.execute([0xE6, 0x82]) == nil)
    #expect(machine.execute([0xE6, 0x81]) == Raised(13, 0))
    machine.enterUserMode()
    #expect(machine.execute([0x66, 0xE7, 0x82]) == Raised(13, 0))
    machine.enterUserMode()
    machine.cpu[.rdx] = 0x408
    #expect(machine.execute([0xEE]) == Raised(13, 0))
    machine.enterUserMode()
    machine.cpu.rflags = [.alwaysOne, .ioPrivilegeLevel]
    machine.cpu.updateMode()
    #expect(machine.execute([0xEE]) == nil)
    #expect(machine.bus.written.keys.sorted() == [0x82, 0x408])
  }

  @Test func privilegedInstructionsNeedRing0() throws {
    let machine = try #require(CPUFixture())
    for bytes: [UInt8] in [
      [0xF4], [0x0F, 0x06], [0x0F, 0x08], [0x0F, 0x09], [0x0F, 0x01, 0x38], [0xFA], [0xFB],
      [0x0F, 0x01, 0x10], [0x0F, 0x01, 0x18], [0x0F, 0x00, 0xD0], [0x0F, 0x21, 0xC0],
      [0x0F, 0x30], [0x0F, 0x01, 0xF0],
    ] {
      machine.enterUserMode()
      machine.cpu[.rax] = 0x9000
      #expect(machine.execute(bytes) == Raised(13, 0), "\(bytes)")
    }
    machine.enterUserMode()
    #expect(machine.execute([0x0F, 0x01, 0xCB]) == Raised(6))
  }

  @Test func descriptorTableRegistersAreStoredAndLoaded() throws {
    let machine = try #require(CPUFixture())
    machine.cpu[.rax] = 0x9000
    machine.store(UInt16(0x1FF), at: 0x9000)
    machine.store(UInt64(0x0100_0000_0000_0000), at: 0x9002)
    #expect(machine.execute([0x0F, 0x01, 0x18]) == Raised(13, 0))
    machine.store(UInt64(0xFFFF_8000_0000_0000), at: 0x9002)
    #expect(machine.execute([0x0F, 0x01, 0x18]) == nil)
    #expect(
      machine.state.pointee.idtr
        == DescriptorTableRegister(base: 0xFFFF_8000_0000_0000, limit: 0x1FF))
    #expect(machine.execute([0x0F, 0x01, 0x00]) == nil)
    #expect(machine.load(0x9002, as: UInt64.self) == Address.gdt)
  }

  @Test func interruptsWaitOneInstructionBehindSTI() throws {
    let machine = try #require(CPUFixture())
    #expect(machine.execute([0xFB]) == nil)
    #expect(machine.state.pointee.shadow == InterruptShadow.sti.rawValue)
    #expect(machine.execute([0xFB]) == nil)
    #expect(machine.state.pointee.shadow == InterruptShadow.none.rawValue)
    machine.cpu[.rax] = UInt64(Selector.data)
    machine.cpu.rflags = [.alwaysOne, .trap]
    #expect(machine.execute([0x8E, 0xD0]) == nil)
    #expect(machine.state.pointee.shadow == InterruptShadow.movSS.rawValue)
    #expect(machine.execute([0x90]) == Raised(1))
  }

  @Test func processorIdentificationIsConsistent() throws {
    let machine = try #require(CPUFixture())
    machine.cpu[.rax] = 0
    #expect(machine.execute([0x0F, 0xA2]) == nil)
    #expect(machine.cpu[.rbx] == 0x756E_6547)
    #expect(machine.cpu[.rdx] == 0x4965_6E69)
    #expect(machine.cpu[.rcx] == 0x6C65_746E)
    machine.cpu[.rax] = 1
    machine.execute([0x0F, 0xA2])
    #expect(machine.cpu[.rdx] & 1 << 9 != 0)
    machine.cpu[.rax] = 0x8000_0001
    machine.execute([0x0F, 0xA2])
    #expect(machine.cpu[.rdx] & 1 << 29 != 0)
    let four = ProcessorIdentification(apicID: 3, processors: 4)
    #expect(four.leaf(0xB, 1).eax == 2)
    #expect(four.leaf(0xB, 1).edx == 3)
    #expect(four.leaf(1).ebx >> 16 & 0xFF == 4)
    #expect(four.leaf(0x4000_0000) == four.leaf(0x1F))
  }
}
