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
