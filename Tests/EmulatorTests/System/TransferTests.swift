import Emulator
import Testing

private typealias Address = CPUFixture.Address
private typealias Selector = CPUFixture.Selector

/// IRET, SYSCALL, SYSENTER, far transfers and segment loads.
@Suite struct TransferTests {
  private func push(_ machine: CPUFixture, _ values: UInt64...) {
    for value in values {
      machine.cpu[.rsp] -= 8
      machine.store(value, at: machine.cpu[.rsp])
    }
  }

  @Test func interruptReturnToRing3DropsSegmentsAndChecksItsFrame() throws {
    let machine = try #require(CPUFixture())
    machine.cpu[.fs] = SegmentRegister(selector: 0, attributes: 0, limit: 0, base: 0x1234)
    push(machine, UInt64(Selector.userData), 0x5000, 0x202, UInt64(Selector.userCode64), 0x7000)
    #expect(machine.execute([0x48, 0xCF]) == nil)
    #expect(machine.cpu.cpl == 3)
    #expect(machine.state.pointee.rip == 0x7000)
    #expect(machine.cpu[.rsp] == 0x5000)
    #expect(machine.cpu.rflags == [.alwaysOne, .interruptEnable])
    #expect(machine.cpu[.ds].selector == 0)
    #expect(machine.cpu[.fs].base == 0x1234)
  }

  @Test func interruptReturnRefusesBadFrames() throws {
    let machine = try #require(CPUFixture())
    let data = UInt64(Selector.userData)
    let code = UInt64(Selector.userCode64)
    let cases: [(cs: UInt64, ss: UInt64, rip: UInt64, code: UInt32)] = [
      (0, data, 0, 0), (0x103, data, 0, 0x100), (0x23, data, 0, 0x20), (code & ~3, data, 0, 0x28),
      (code, 0, 0, 0), (code, 0x10, 0, 0x10), (code, 0x2B, 0, 0x28),
      (code, data, 0x8000_0000_0000, 0),
    ]
    for item in cases {
      push(machine, item.ss, 0x5000, 0x202, item.cs, item.rip)
      #expect(machine.execute([0x48, 0xCF]) == Raised(13, item.code))
      #expect(machine.cpu.cpl == 0)
    }
    machine.cpu.rflags = [.alwaysOne, .nestedTask]
    #expect(machine.execute([0x48, 0xCF]) == Raised(13, 0))
  }

  @Test func interruptReturnToCompatibilityMode() throws {
    let machine = try #require(CPUFixture())
    push(
      machine, UInt64(Selector.userData), 0xFFFF_5000, 2, UInt64(Selector.userCode32), 0x7000)
    #expect(machine.execute([0x48, 0xCF]) == nil)
    #expect(!machine.cpu.isLongMode)
    #expect(machine.cpu.isIA32e)
    #expect(machine.cpu[.rsp] == 0xFFFF_5000)
  }

  @Test func systemCallAndItsReturn() throws {
    let machine = try #require(CPUFixture())
    machine.state.pointee.star = 0x0018_0008_0000_0000
    machine.state.pointee.lstar = 0xFFFF_8000_0000_1000
    machine.state.pointee.fmask = 0x200
    machine.enterUserMode()
    machine.cpu.rflags = [.alwaysOne, .interruptEnable]
    #expect(machine.execute([0x0F, 0x05]) == nil)
    #expect(machine.state.pointee.rip == 0xFFFF_8000_0000_1000)
    #expect(machine.cpu[.rcx] == Address.code + 2)
    #expect(machine.cpu[.r11] == 0x202)
    #expect(machine.cpu.cpl == 0)
    #expect(machine.cpu[.cs].selector == Selector.code64)
    #expect(machine.cpu[.ss].selector == Selector.data)
    #expect(!machine.cpu.rflags.contains(.interruptEnable))
    #expect(machine.execute([0x48, 0x0F, 0x07]) == nil)
    #expect(machine.state.pointee.rip == Address.code + 2)
    #expect(machine.cpu[.cs].selector == Selector.userCode64)
    #expect(machine.cpu[.ss].selector == Selector.userData)
    #expect(machine.cpu.rflags.contains(.interruptEnable))
    #expect(machine.cpu.cpl == 3)
  }

  @Test func systemReturnChecksItsTargetInRing0() throws {
    let machine = try #require(CPUFixture())
    machine.cpu[.rcx] = 0x8000_0000_0000
    #expect(machine.execute([0x48, 0x0F, 0x07]) == Raised(13, 0))
    machine.state.pointee.efer &= ~1
    #expect(machine.execute([0x0F, 0x05]) == Raised(6))
    machine.enterUserMode()
    machine.state.pointee.efer |= 1
    #expect(machine.execute([0x48, 0x0F, 0x07]) == Raised(13, 0))
  }

  @Test func fastSystemCallsOfIntel() throws {
    let machine = try #require(CPUFixture())
    #expect(machine.execute([0x0F, 0x34]) == Raised(13, 0))
    machine.state.pointee.sysenterCS = UInt64(Selector.code64)
    machine.state.pointee.sysenterEIP = 0x7000
    machine.state.pointee.sysenterESP = 0x8000
    machine.enterUserMode()
    #expect(machine.execute([0x0F, 0x34]) == nil)
    #expect(machine.cpu.cpl == 0)
    #expect(machine.cpu.isLongMode)
    #expect(machine.cpu[.rsp] == 0x8000)
    machine.cpu[.rcx] = 0x9000
    machine.cpu[.rdx] = 0xA000
    #expect(machine.execute([0x48, 0x0F, 0x35]) == nil)
    #expect(machine.cpu[.cs].selector == 0x2B)
    #expect(machine.cpu[.ss].selector == 0x33)
    #expect(machine.state.pointee.rip == 0xA000)
  }

  @Test func swapGSAndBases() throws {
    let machine = try #require(CPUFixture())
    machine.state.pointee.kernelGSBase = 0xFFFF_8000_0000_0000
    #expect(machine.execute([0x0F, 0x01, 0xF8]) == nil)
    #expect(machine.cpu[.gs].base == 0xFFFF_8000_0000_0000)
    #expect(machine.execute([0xF3, 0x48, 0x0F, 0xAE, 0xC8]) == Raised(6))
    machine.state.pointee.cr4 |= CR4.fsgsbase.rawValue
    #expect(machine.execute([0xF3, 0x48, 0x0F, 0xAE, 0xC8]) == nil)
    #expect(machine.cpu[.rax] == 0xFFFF_8000_0000_0000)
    machine.cpu[.rax] = 0x0100_0000_0000_0000
    #expect(machine.execute([0xF3, 0x48, 0x0F, 0xAE, 0xD8]) == Raised(13, 0))
    machine.enterUserMode()
    #expect(machine.execute([0x0F, 0x01, 0xF8]) == Raised(13, 0))
  }

  @Test func segmentLoadsAreChecked() throws {
    let machine = try #require(CPUFixture())
    let loadDS: [UInt8] = [0x8E, 0xD8]
    let loadSS: [UInt8] = [0x8E, 0xD0]
    let cases: [(bytes: [UInt8], selector: UInt16, raised: Raised?)] = [
      (loadDS, 0, nil), (loadDS, Selector.data, nil), (loadDS, 0x100, Raised(13, 0x100)),
      (loadDS, Selector.absentData, Raised(11, 0x48)), (loadDS, Selector.task, Raised(13, 0x30)),
      (loadDS, 0x14, Raised(13, 0x14)), (loadDS, Selector.data | 3, Raised(13, 0x10)),
      (loadDS, Selector.conforming | 3, nil), (loadSS, 0, nil), (loadSS, 1, Raised(13, 0)),
      (loadSS, Selector.userData, Raised(13, 0x20)), (loadSS, Selector.readOnly, Raised(13, 0x58)),
      (loadSS, Selector.absentData, Raised(12, 0x48)),
    ]
    for item in cases {
      machine.cpu[.rax] = UInt64(item.selector)
      #expect(machine.execute(item.bytes) == item.raised)
    }
    #expect(machine.execute([0x8E, 0xC8]) == Raised(6))
  }

  @Test func loadingASegmentSetsItsAccessedFlag() throws {
    let machine = try #require(CPUFixture())
    machine.setDescriptor(0x60, attributes: 0xC092)
    machine.cpu[.rax] = 0x60
    #expect(machine.execute([0x8E, 0xD8]) == nil)
    #expect(machine.cpu[.ds].type == 3)
    #expect(machine.load(Address.gdt + 0x65, as: UInt8.self) == 0x93)
  }

  @Test func farReturnAndFarCallThroughA64BitGate() throws {
    let machine = try #require(CPUFixture())
    push(machine, UInt64(Selector.userData), 0x4_0000, UInt64(Selector.userCode64), 0x7000)
    #expect(machine.execute([0x48, 0xCB]) == nil)
    #expect(machine.cpu.cpl == 3)
    #expect(machine.state.pointee.rip == 0x7000)
    machine.store(UInt64(0x0000_EC00_0008_7700), at: Address.gdt + 0x70)
    machine.store(UInt64(0), at: Address.gdt + 0x78)
    machine.store(UInt32(0xDEAD_BEEF), at: 0x9000)
    machine.store(Selector.gate | 3, at: 0x9004)
    machine.cpu[.rax] = 0x9000
    #expect(machine.execute([0xFF, 0x18]) == nil)
    #expect(machine.cpu.cpl == 0)
    #expect(machine.state.pointee.rip == 0x7700)
    #expect(machine.cpu[.rsp] == Address.stack0 - 32)
    #expect(machine.stack(0) == Address.code + 2)
    #expect(machine.stack(1) == UInt64(Selector.userCode64))
    #expect(machine.stack(2) == 0x4_0000)
    #expect(machine.stack(3) == UInt64(Selector.userData))
  }

  @Test func farCallThroughA32BitGateCopiesParameters() throws {
    let machine = try #require(CPUFixture())
    machine.enterProtectedMode()
    machine.store(UInt32(0x2_0000), at: Address.tss + 4)
    machine.store(UInt16(Selector.data), at: Address.tss + 8)
    machine.store(UInt64(0x0000_EC02_0040_7700), at: Address.gdt + 0x70)
    machine.cpu[.cs] = SegmentRegister(
      selector: Selector.userCode32, attributes: 0xC0FB, limit: .max, base: 0)
    machine.cpu[.ss] = SegmentRegister(
      selector: Selector.userData, attributes: 0xC0F3, limit: .max, base: 0)
    machine.state.pointee.cpl = 3
    machine.cpu.updateMode()
    machine.cpu[.rsp] = 0x4_0000
    machine.store(UInt64(0x2222_2222_1111_1111), at: 0x4_0000)
    #expect(machine.execute([0x9A, 0, 0, 0, 0, 0x73, 0]) == nil)
    #expect(machine.cpu.cpl == 0)
    #expect(machine.cpu[.rsp] == 0x2_0000 - 24)
    let frame = (0..<6).map { machine.load(0x2_0000 - 24 + UInt64($0) * 4, as: UInt32.self) }
    #expect(
      frame == [
        UInt32(Address.code) + 7, UInt32(Selector.userCode32), 0x1111_1111, 0x2222_2222,
        0x4_0000, UInt32(Selector.userData),
      ])
    #expect(machine.execute([0xCA, 8, 0]) == nil)
    #expect(machine.cpu.cpl == 3)
    #expect(machine.cpu[.rsp] == 0x4_0008)
  }

  @Test func protectedModeGatesPushDoublewords() throws {
    let machine = try #require(CPUFixture())
    machine.enterProtectedMode()
    #expect(machine.execute([0x0F, 0x0B]) == Raised(6))
    #expect(machine.state.pointee.rip == machine.handler(6))
    #expect(machine.cpu[.rsp] == 0x1_8000 - 12)
    #expect(machine.load(0x1_8000 - 12, as: UInt32.self) == UInt32(Address.code))
    #expect(machine.load(0x1_8000 - 8, as: UInt32.self) == UInt32(Selector.code32))
    #expect(machine.execute([0xCF], at: machine.handler(6)) == nil)
    #expect(machine.state.pointee.rip == Address.code)
  }

  @Test func limitsAndRightsOfSelectors() throws {
    let machine = try #require(CPUFixture())
    machine.cpu[.rax] = UInt64(Selector.data)
    #expect(machine.execute([0x0F, 0x03, 0xD8]) == nil)
    #expect(machine.cpu[.rbx] == 0xFFFF_FFFF)
    #expect(machine.cpu.rflags.contains(.zero))
    #expect(machine.execute([0x0F, 0x02, 0xD8]) == nil)
    #expect(machine.cpu[.rbx] == 0xCF_9300)
    machine.cpu[.rax] = 0x100
    #expect(machine.execute([0x0F, 0x02, 0xD8]) == nil)
    #expect(!machine.cpu.rflags.contains(.zero))
    machine.cpu[.rax] = UInt64(Selector.readOnly)
    machine.execute([0x0F, 0x00, 0xE0])
    #expect(machine.cpu.rflags.contains(.zero))
    machine.execute([0x0F, 0x00, 0xE8])
    #expect(!machine.cpu.rflags.contains(.zero))
  }

  @Test func taskRegisterLoadsMarkTheirSegmentBusy() throws {
    let machine = try #require(CPUFixture())
    machine.cpu[.rax] = UInt64(Selector.task)
    #expect(machine.execute([0x0F, 0x00, 0xD8]) == Raised(13, 0x30))
    machine.setDescriptor(Selector.task, attributes: 0x89, base: Address.tss, limit: 0x67)
    #expect(machine.execute([0x0F, 0x00, 0xD8]) == nil)
    #expect(machine.load(Address.gdt + 0x35, as: UInt8.self) == 0x8B)
    machine.cpu[.rax] = 0
    #expect(machine.execute([0x0F, 0x00, 0xD8]) == Raised(13, 0))
    #expect(machine.execute([0x0F, 0x00, 0xD0]) == nil)
  }
}
