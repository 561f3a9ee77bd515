import Emulator
import Testing

/// XCR0, the XSAVE family and CPUID leaf 0DH.
///
/// SDM volume 1, "Managing State Using the XSAVE Feature Set".
@Suite struct ExtendedStateTests {
  private static let area: UInt64 = 0x9000

  /// A processor with OSXSAVE and `xcr0`, and RDI at an area of zeros.
  private func machine(xcr0: UInt64 = 7) throws -> CPUFixture {
    let machine = try #require(CPUFixture())
    machine.state.pointee.cr4 |= CR4.osXSAVE.rawValue
    machine.state.pointee.xcr0 = xcr0
    machine.cpu[.rdi] = Self.area
    return machine
  }

  private func setMask(_ machine: CPUFixture, _ mask: UInt64) {
    machine.cpu[.rax] = mask & 0xFFFF_FFFF
    machine.cpu[.rdx] = mask >> 32
  }

  private func xsetbv(_ machine: CPUFixture, _ value: UInt64, index: UInt64 = 0) -> Raised? {
    setMask(machine, value)
    machine.cpu[.rcx] = index
    return machine.execute([0x0F, 0x01, 0xD1])
  }

  /// Memory forms with RDI: the opcode's last byte and the reg field.
  private func run(
    _ machine: CPUFixture, _ opcode: UInt8, _ digit: UInt8, mask: UInt64 = .max
  ) -> Raised? {
    setMask(machine, mask)
    return machine.execute([0x48, 0x0F, opcode, digit << 3 | 7])
  }

  private func xsave(_ m: CPUFixture, _ mask: UInt64 = .max) -> Raised? {
    run(m, 0xAE, 4, mask: mask)
  }
  private func xrstor(_ m: CPUFixture, _ mask: UInt64 = .max) -> Raised? {
    run(m, 0xAE, 5, mask: mask)
  }
  private func xsavec(_ m: CPUFixture, _ mask: UInt64 = .max) -> Raised? {
    run(m, 0xC7, 4, mask: mask)
  }

  private func quadword(_ machine: CPUFixture, _ offset: UInt64) -> UInt64? {
    machine.load(Self.area + offset, as: UInt64.self)
  }

  @Test func xcr0TakesWhatExists() throws {
    let machine = try machine(xcr0: 1)
    let refused = Raised(13, 0)
    for value: UInt64 in [0, 2, 4, 5, 6, 1 << 3 | 1, 1 << 63 | 7] {
      #expect(xsetbv(machine, value) == refused, "\(value)")
    }
    #expect(xsetbv(machine, 7, index: 1) == refused)
    #expect(xsetbv(machine, 3) == nil)
    #expect(xsetbv(machine, 7) == nil)
    #expect(machine.state.pointee.xcr0 == 7)
    machine.cpu[.rcx] = 0
    #expect(machine.execute([0x0F, 0x01, 0xD0]) == nil)
    #expect(machine.cpu[.rax] == 7 && machine.cpu[.rdx] == 0)
    machine.enterUserMode()
    #expect(xsetbv(machine, 7) == refused)
  }

  @Test func nothingWorksWithoutOSXSAVE() throws {
    let machine = try machine()
    machine.state.pointee.cr4 &= ~CR4.osXSAVE.rawValue
    let invalid = Raised(6)
    #expect(xsave(machine) == invalid)
    #expect(xsetbv(machine, 7) == invalid)
    #expect(machine.execute([0xC5, 0xFC, 0x58, 0xC1]) == invalid)
    machine.state.pointee.cr4 |= CR4.osXSAVE.rawValue
    #expect(machine.execute([0xC5, 0xFC, 0x58, 0xC1]) == nil)
    machine.state.pointee.xcr0 = 3
    #expect(machine.execute([0xC5, 0xFC, 0x58, 0xC1]) == invalid)
    machine.state.pointee.xcr0 = 7
    machine.state.pointee.cr0 |= CR0.taskSwitched.rawValue
    #expect(machine.execute([0xC5, 0xFC, 0x58, 0xC1]) == Raised(7))
    #expect(xsave(machine) == Raised(7))
  }

  @Test func standardFormatKeepsWhatWasNotAskedFor() throws {
    let machine = try machine()
    machine.cpu.setXMM(3, 0x1111)
    machine.cpu.setYMMHigh(15, UInt128(0x2222) << 64)
    machine.store(UInt64(0xF000), at: Self.area + 512)
    machine.store(UInt64(0xDEAD), at: Self.area + 0)
    #expect(xsave(machine, 6) == nil)
    // XSTATE_BV: what was asked for follows what is in use, the rest stays.
    #expect(quadword(machine, 512) == 0xF006)
    #expect(quadword(machine, 0) == 0xDEAD)
    #expect(quadword(machine, 160 + 3 * 16) == 0x1111)
    #expect(quadword(machine, 576 + 15 * 16 + 8) == 0x2222)
    #expect(quadword(machine, 24).map { $0 & 0xFFFF_FFFF } == 0x1F80)
    machine.cpu.setYMMHigh(15, 0)
    #expect(xsave(machine, 4) == nil)
    #expect(quadword(machine, 512) == 0xF002)
    machine.cpu[.rdi] = Self.area + 32
    #expect(xsave(machine) == Raised(13, 0))
  }

  @Test func compactedFormatHoldsWhatIsInUse() throws {
    let machine = try machine()
    machine.cpu.setYMMHigh(0, 0x3333)
    #expect(xsavec(machine, 4) == nil)
    #expect(quadword(machine, 512) == 4)
    #expect(quadword(machine, 520) == 0x8000_0000_0000_0004)
    #expect(quadword(machine, 576) == 0x3333)
    // MXCSR counts as SSE state here, unlike for XSAVEOPT.
    machine.state.pointee.mxcsr = 0x1FA0
    #expect(xsavec(machine, 2) == nil)
    #expect(quadword(machine, 512) == 2)
    machine.cpu.setYMMHigh(0, 0x4444)
    machine.state.pointee.mxcsr = 0x1F80
    #expect(xsavec(machine, 4) == nil)
    machine.cpu.setYMMHigh(0, 0)
    machine.cpu.setXMM(1, 5)
    #expect(xrstor(machine) == nil)
    #expect(machine.cpu.ymmHigh(0) == 0x4444)
    #expect(machine.cpu.xmm(1) == 0)
  }

  @Test func restoringInitializesWhatTheImageLacks() throws {
    let machine = try machine()
    machine.cpu.setXMM(1, 5)
    machine.cpu.setYMMHigh(1, 6)
    machine.store(UInt32(0x1FBF), at: Self.area + 24)
    #expect(xrstor(machine, 2) == nil)
    #expect(machine.cpu.xmm(1) == 0)
    #expect(machine.cpu.ymmHigh(1) == 6)
    // The standard form loads MXCSR in any case.
    #expect(machine.state.pointee.mxcsr == 0x1FBF)
    #expect(xrstor(machine, 4) == nil)
    #expect(machine.cpu.ymmHigh(1) == 0)
    #expect(xrstor(machine, 1) == nil)
    #expect(machine.state.pointee.x87Control == 0x37F)
    machine.store(UInt32(0x1_1F80), at: Self.area + 24)
    #expect(xrstor(machine, 4) == Raised(13, 0))
    #expect(xrstor(machine, 1) == nil)
  }

  @Test func restoringRefusesHeadersThatNobodyWrote() throws {
    let machine = try machine()
    machine.store(UInt32(0x1F80), at: Self.area + 24)
    let refused = Raised(13, 0)
    func check(_ present: UInt64, _ layout: UInt64, _ reserved: UInt64, _ expected: Raised?) {
      machine.store(present, at: Self.area + 512)
      machine.store(layout, at: Self.area + 520)
      machine.store(reserved, at: Self.area + 528)
      #expect(xrstor(machine) == expected, "\(present) \(layout) \(reserved)")
    }
    check(8, 0, 0, refused)
    check(0, 1, 0, refused)
    check(0, 0, 1, refused)
    check(4, 1 << 63 | 2, 0, refused)
    check(0, 1 << 63 | 8, 0, refused)
    check(0, 1 << 63 | 7, 1, refused)
    check(0, 1 << 63 | 7, 0, nil)
    // XRSTORS takes the compacted format only.
    #expect(run(machine, 0xC7, 3) == nil)
    machine.store(UInt64(0), at: Self.area + 520)
    #expect(run(machine, 0xC7, 3) == refused)
    machine.enterUserMode()
    #expect(run(machine, 0xC7, 5) == refused)
  }

  @Test func optimizedSavesLeaveInitialStateOut() throws {
    let machine = try machine()
    machine.store(UInt64(0xAAAA), at: Self.area + 576)
    machine.store(UInt64(7), at: Self.area + 512)
    #expect(run(machine, 0xAE, 6, mask: 6) == nil)
    #expect(quadword(machine, 512) == 1)
    #expect(quadword(machine, 576) == 0xAAAA)
    machine.cpu[.rcx] = 1
    #expect(machine.execute([0x0F, 0x01, 0xD0]) == nil)
    #expect(machine.cpu[.rax] & 6 == 0)
  }

  @Test func supervisorStatesAreNone() throws {
    let machine = try machine()
    machine.cpu[.rcx] = 0xDA0
    setMask(machine, 0)
    #expect(machine.execute([0x0F, 0x30]) == nil)
    #expect(machine.execute([0x0F, 0x32]) == nil)
    #expect(machine.cpu[.rax] == 0)
    setMask(machine, 1 << 8)
    #expect(machine.execute([0x0F, 0x30]) == Raised(13, 0))
  }

  @Test func leaf0DHFollowsXCR0() throws {
    let machine = try machine(xcr0: 3)
    func leaf(_ index: UInt64) -> [UInt64] {
      machine.cpu[.rax] = 0xD
      machine.cpu[.rcx] = index
      machine.execute([0x0F, 0xA2])
      return [machine.cpu[.rax], machine.cpu[.rbx], machine.cpu[.rcx], machine.cpu[.rdx]]
    }
    #expect(leaf(0)[0] & 7 == 7)
    #expect(leaf(0)[1] == 576)
    #expect(leaf(1) == [0xF, 576, 0, 0])
    machine.state.pointee.xcr0 = 7
    #expect(leaf(0)[1] == 832)
    #expect(leaf(2) == [256, 576, 0, 0])
    #expect(leaf(3) == [0, 0, 0, 0])
    machine.cpu[.rax] = 1
    machine.execute([0x0F, 0xA2])
    #expect(machine.cpu[.rcx] & 1 << 27 != 0)
  }
}
