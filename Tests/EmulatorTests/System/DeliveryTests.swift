import Emulator
import Testing

private typealias Address = CPUFixture.Address
private typealias Selector = CPUFixture.Selector

/// Delivery through 64-bit gates, and what happens when it fails.
@Suite struct DeliveryTests {
  @Test func aFaultFromRing3SwitchesStacksAndPushesTheWholeFrame() throws {
    let machine = try #require(CPUFixture())
    machine.enterUserMode()
    machine.cpu.rflags = [.alwaysOne, .interruptEnable, .carry]
    #expect(machine.execute([0x0F, 0x0B]) == Raised(6))
    #expect(machine.cpu.cpl == 0)
    #expect(machine.state.pointee.rip == machine.handler(6))
    #expect(machine.cpu[.rsp] == Address.stack0 - 40)
    #expect(machine.stack(0) == Address.code)
    #expect(machine.stack(1) == UInt64(Selector.userCode64))
    #expect(machine.stack(2) == 0x1_0203)
    #expect(machine.stack(3) == Address.userStack)
    #expect(machine.stack(4) == UInt64(Selector.userData))
    #expect(machine.cpu[.ss].selector == 0)
    #expect(!machine.cpu.rflags.contains(.interruptEnable))
  }

  @Test func anInterruptStackIsUsedWithoutAPrivilegeChangeAndAligned() throws {
    let machine = try #require(CPUFixture())
    machine.setGate(13, ist: 1)
    machine.store(Address.interruptStack + 8, at: Address.tss + 0x24)
    machine.cpu[.rcx] = 0x1234_5678
    #expect(machine.execute([0x0F, 0x32]) == Raised(13, 0))
    #expect(machine.cpu[.rsp] == Address.interruptStack - 48)
    #expect(machine.stack(0) == 0)
    #expect(machine.stack(1) == Address.code)
    #expect(machine.stack(4) == 0x1_8000)
    #expect(machine.cpu[.ss].selector == Selector.data)
  }

  @Test func withoutAStackSwitchTheStackIsAlignedAndRestoredByIRET() throws {
    let machine = try #require(CPUFixture())
    machine.cpu[.rsp] = 0x1_8007
    #expect(machine.execute([0xCD, 0x21]) == Raised(0x21))
    #expect(machine.cpu[.rsp] == 0x1_8000 - 40)
    #expect(machine.execute([0x48, 0xCF], at: machine.handler(0x21)) == nil)
    #expect(machine.cpu[.rsp] == 0x1_8007)
    #expect(machine.state.pointee.rip == Address.code + 2)
  }

  @Test func softwareInterruptsRespectTheGatesPrivilege() throws {
    let machine = try #require(CPUFixture())
    machine.enterUserMode()
    machine.execute([0xCD, 0x21])
    #expect(machine.vectors == [0x21, 13])
    #expect(machine.processor.recorder.deliveries.last?.errorCode == UInt32(0x10A))
    #expect(
      machine.processor.recorder.deliveries.first?.outcome
        == .failed(
          .generalProtection(errorCode: 0x21 << 3 | 2),
          reason: .gatePrivilege(vector: 0x21, dpl: 0)))
    machine.setGate(3, attributes: 0xEE)
    machine.enterUserMode()
    #expect(machine.execute([0xCC]) == Raised(3))
    #expect(machine.stack(0) == Address.code + 1)
  }

  @Test func aFaultWhileDeliveringAContributoryExceptionIsADoubleFault() throws {
    let machine = try #require(CPUFixture())
    machine.setGate(13, attributes: 0x0E)
    machine.cpu[.rcx] = 0x1234_5678
    machine.execute([0x0F, 0x32])
    #expect(machine.vectors == [13, 8])
    #expect(machine.stack(0) == 0)
    #expect(machine.state.pointee.rip == machine.handler(8))
  }

  @Test func withoutAnIDTTheProcessorShutsDownAndTheRecorderKnowsWhy() throws {
    let machine = try #require(CPUFixture())
    machine.state.pointee.idtr = DescriptorTableRegister(base: 0, limit: 0)
    machine.execute([0x0F, 0x0B])
    #expect(machine.vectors == [6, 13, 8])
    #expect(machine.state.pointee.activity == Activity.shutdown.rawValue)
    #expect(machine.state.pointee.rip == Address.code)
    #expect(
      machine.processor.recorder.deliveries.last?.outcome
        == .failed(
          .generalProtection(errorCode: 8 << 3 | 3),
          reason: .gateBeyondLimit(vector: 8, idtLimit: 0)))
  }

  @Test func aNonCanonicalInterruptStackIsAStackFault() throws {
    let machine = try #require(CPUFixture())
    machine.setGate(6, ist: 1)
    machine.store(UInt64(0x8000_0000_0000), at: Address.tss + 0x24)
    machine.execute([0x0F, 0x0B])
    #expect(machine.vectors == [6, 12])
    #expect(machine.stack(0) == 1)
  }

  @Test func aTaskStateSegmentThatIsTooSmallIsNamed() throws {
    let machine = try #require(CPUFixture())
    machine.enterUserMode()
    machine.cpu[.tr].limit = 10
    machine.execute([0x0F, 0x0B])
    // #UD cannot be delivered, nor can #TS, nor #DF.
    #expect(machine.vectors == [6, 10, 8])
    #expect(
      machine.processor.recorder.deliveries.first?.outcome
        == .failed(
          .invalidTSS(errorCode: UInt32(Selector.task) | 1),
          reason: .tssTooSmall(offset: 4, limit: 10)))
  }

  @Test func codeSelectorsOfGatesAreChecked() throws {
    let machine = try #require(CPUFixture())
    for (selector, code, vector) in [
      (UInt16(0), UInt32(1), UInt8(13)), (0x100, 0x101, 13), (Selector.data, 0x11, 13),
      (Selector.code32, 0x41, 13), (Selector.userCode64, 0x29, 13),
    ] {
      machine.setGate(6, selector: selector)
      machine.execute([0x0F, 0x0B])
      #expect(machine.vectors == [6, vector])
      #expect(machine.stack(0) == UInt64(code))
    }
  }

  @Test func aPageFaultLoadsCR2AndItsCode() throws {
    let machine = try #require(CPUFixture())
    machine.cpu[.rax] = 0x4000_0000
    #expect(machine.execute([0x88, 0x00]) == Raised(14, 2))
    #expect(machine.state.pointee.cr2 == 0x4000_0000)
  }

  @Test func nonmaskableInterruptsAreBlockedUntilIRET() throws {
    let machine = try #require(CPUFixture())
    machine.state.pointee.rip = Address.code
    machine.cpu.deliverNMI()
    #expect(machine.state.pointee.nmiBlocked)
    #expect(machine.stack(0) == Address.code)
    #expect(machine.execute([0x48, 0xCF], at: machine.handler(2)) == nil)
    #expect(!machine.state.pointee.nmiBlocked)
  }

  @Test func aSingleStepTrapComesBehindTheInstruction() throws {
    let machine = try #require(CPUFixture())
    machine.cpu.rflags = [.alwaysOne, .trap]
    #expect(machine.execute([0x90]) == Raised(1))
    #expect(machine.stack(0) == Address.code + 1)
    #expect(machine.stack(2) == 0x102)
    #expect(machine.state.pointee.debugRegisters[6] & 0x4000 != 0)
    machine.cpu.rflags = [.alwaysOne, .trap]
    machine.execute([0xCD, 0x21])
    #expect(machine.vectors == [0x21])
  }

  @Test func dataAndInstructionBreakpointsAreMet() throws {
    let machine = try #require(CPUFixture())
    machine.cpu[.rax] = 0x9000
    machine.cpu[.rbx] = 0xD_0401
    #expect(machine.execute([0x0F, 0x23, 0xC0]) == nil)
    #expect(machine.execute([0x0F, 0x23, 0xFB]) == nil)
    machine.cpu[.rax] = 0x9003
    #expect(machine.execute([0x88, 0x00]) == Raised(1))
    #expect(machine.state.pointee.debugRegisters[6] & 0xF == 1)
    #expect(machine.stack(0) == Address.code + 2)
    #expect(machine.execute([0x8A, 0x00]) == nil)
    machine.cpu[.rax] = Address.code
    machine.execute([0x0F, 0x23, 0xC0])
    machine.cpu[.rbx] = 0x401
    machine.execute([0x0F, 0x23, 0xFB], at: 0x1_1000)
    #expect(machine.execute([0x90]) == Raised(1))
    #expect(machine.stack(0) == Address.code)
  }
}

/// Delivery in the older modes, and the resume flag.
@Suite struct OldModeDeliveryTests {
  @Test func realModeUsesTheVectorTable() throws {
    let machine = try #require(CPUFixture())
    machine.state.pointee.cr0 = 0x10
    machine.state.pointee.efer = 0
    machine.state.pointee.cr4 = 0
    machine.state.pointee.idtr = DescriptorTableRegister(base: 0, limit: 0x3FF)
    machine.cpu[.cs] = SegmentRegister(
      selector: 0x800, attributes: 0x9B, limit: 0xFFFF, base: 0x8000)
    machine.cpu[.ss] = SegmentRegister(
      selector: 0x900, attributes: 0x93, limit: 0xFFFF, base: 0x9000)
    machine.cpu.updateMode()
    machine.cpu[.rsp] = 0x100
    machine.cpu.rflags = [.alwaysOne, .interruptEnable]
    machine.store(UInt32(0x0C00_0123), at: 0x21 * 4)
    machine.store(UInt16(0x21CD), at: 0x8010)
    machine.state.pointee.rip = 0x10
    machine.cpu.step()
    #expect(machine.cpu[.cs].base == 0xC000)
    #expect(machine.state.pointee.rip == 0x123)
    #expect(machine.cpu[.rsp] == 0xFA)
    #expect(machine.load(0x90FA, as: UInt16.self) == 0x12)
    #expect(machine.load(0x90FC, as: UInt16.self) == 0x800)
    #expect(machine.load(0x90FE, as: UInt16.self) == 0x202)
    machine.store(UInt8(0xCF), at: 0xC123)
    machine.cpu.step()
    #expect(machine.cpu[.cs].base == 0x8000)
    #expect(machine.state.pointee.rip == 0x12)
    #expect(machine.cpu.rflags.contains(.interruptEnable))
  }

  @Test func aVirtual8086TaskIsEnteredAndLeft() throws {
    let machine = try #require(CPUFixture())
    machine.enterProtectedMode()
    machine.store(UInt32(0x2_0000), at: CPUFixture.Address.tss + 4)
    machine.store(CPUFixture.Selector.data, at: CPUFixture.Address.tss + 8)
    let frame: [UInt32] = [0x20, 0x900, 0x2_0202, 0x100, 0xA00, 0xB00, 0xC00, 0xD00, 0xE00]
    machine.cpu[.rsp] = 0x1_8000
    for (index, value) in frame.enumerated() {
      machine.store(value, at: 0x1_8000 + UInt64(index) * 4)
    }
    #expect(machine.execute([0xCF]) == nil)
    #expect(machine.cpu.mode.contains(.virtual8086))
    #expect(machine.cpu.cpl == 3)
    #expect(machine.cpu[.cs].base == 0x9000)
    #expect(machine.cpu[.ss].base == 0xA000)
    #expect(machine.cpu[.gs].selector == 0xE00)
    machine.store(UInt16(0x0B0F), at: 0x9020)
    machine.cpu.step()
    #expect(machine.cpu.cpl == 0)
    #expect(!machine.cpu.mode.contains(.virtual8086))
    #expect(machine.cpu[.rsp] == 0x2_0000 - 36)
    let pushed = (0..<9).map { machine.load(0x2_0000 - 36 + UInt64($0) * 4, as: UInt32.self) }
    #expect(pushed == [0x20, 0x900, 0x3_0202, 0x100, 0xA00, 0xB00, 0xC00, 0xD00, 0xE00])
    #expect(machine.cpu[.ds].selector == 0)
  }

  @Test func theResumeFlagIsPushedBetweenIterations() throws {
    let machine = try #require(CPUFixture())
    machine.cpu[.rcx] = 3
    machine.cpu[.rdi] = 0x9000
    machine.cpu.rflags = [.alwaysOne, .trap]
    #expect(machine.execute([0xF3, 0xAA]) == Raised(1))
    #expect(machine.stack(0) == CPUFixture.Address.code)
    #expect(machine.stack(2) == 0x1_0102)
    #expect(machine.cpu[.rcx] == 2)
  }

  @Test func invalidationTakesEffect() throws {
    let machine = try #require(CPUFixture())
    machine.cpu[.rax] = 0x40_0000
    #expect(machine.execute([0x8A, 0x18]) == nil)
    machine.store(UInt64(0), at: 0x3010)
    #expect(machine.execute([0x0F, 0x01, 0x38]) == nil)
    #expect(machine.execute([0x8A, 0x18]) == Raised(14, 0))
    machine.cpu[.rcx] = 4
    machine.cpu[.rax] = 0x9000
    #expect(machine.execute([0x66, 0x0F, 0x38, 0x82, 0x08]) == Raised(13, 0))
    machine.cpu[.rcx] = 2
    #expect(machine.execute([0x66, 0x0F, 0x38, 0x82, 0x08]) == nil)
    machine.store(UInt64(5), at: 0x9000)
    machine.cpu[.rcx] = 1
    #expect(machine.execute([0x66, 0x0F, 0x38, 0x82, 0x08]) == Raised(13, 0))
  }
}
