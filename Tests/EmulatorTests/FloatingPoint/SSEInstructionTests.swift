import Emulator
import Testing

/// SSE, MMX and FXSAVE as instructions: availability, alignment, exceptions, layouts.
@Suite struct SSEInstructionTests {
  private static let data: UInt64 = 0x2_8000

  private func xmm(_ machine: CPUFixture, _ number: Int) -> [UInt64] {
    [machine.state.pointee.xmm[number * 2], machine.state.pointee.xmm[number * 2 + 1]]
  }

  private func setXMM(_ machine: CPUFixture, _ number: Int, _ low: UInt64, _ high: UInt64) {
    machine.state.pointee.xmm[number * 2] = low
    machine.state.pointee.xmm[number * 2 + 1] = high
  }

  @Test func availabilityFollowsControlRegisters() throws {
    let machine = try #require(CPUFixture())
    let addps: [UInt8] = [0x0F, 0x58, 0xC1]
    let paddbMMX: [UInt8] = [0x0F, 0xFC, 0xC1]
    #expect(machine.execute(addps) == nil)
    let (cr0, cr4) = (machine.state.pointee.cr0, machine.state.pointee.cr4)
    machine.state.pointee.cr0 = cr0 | 8
    #expect(machine.execute(addps) == Raised(7))
    #expect(machine.execute(paddbMMX) == Raised(7))
    machine.state.pointee.cr0 = cr0 | 4
    #expect(machine.execute(addps) == Raised(6))
    #expect(machine.execute(paddbMMX) == Raised(6))
    machine.state.pointee.cr0 = cr0
    machine.state.pointee.cr4 = cr4 & ~0x200
    #expect(machine.execute(addps) == Raised(6))
    #expect(machine.execute(paddbMMX) == nil)
  }

  @Test func whatIsNoInstructionIsUndefined() throws {
    let machine = try #require(CPUFixture())
    let wrong: [[UInt8]] = [
      [0xF2, 0x0F, 0x16, 0xC1], [0xF3, 0x0F, 0x7C, 0xC1], [0x0F, 0xD0, 0xC1],
      [0xF2, 0x0F, 0xF0, 0xC1], [0xF3, 0x0F, 0x28, 0xC1], [0x66, 0x0F, 0x12, 0xC1],
      [0x0F, 0x6C, 0xC1], [0xD9, 0x0F], [0x66, 0x0F, 0x38, 0x2A, 0xC1],
      [0xF3, 0x0F, 0x38, 0x00, 0xC1], [0x0F, 0x38, 0x40, 0xC1], [0x66, 0x0F, 0x38, 0xC8, 0xC1],
      [0x0F, 0x3A, 0x0E, 0xC1, 0], [0x66, 0x0F, 0x3A, 0xCC, 0xC1, 0], [0xF2, 0x0F, 0x79, 0xC1],
    ]
    for bytes in wrong { #expect(machine.execute(bytes) == Raised(6)) }
  }

  @Test func alignmentIsCheckedWhereTheManualSays() throws {
    let machine = try #require(CPUFixture())
    machine.cpu[.rdi] = Self.data + 8
    machine.store(UInt64(0x1122_3344_5566_7788), at: Self.data + 8)
    machine.store(UInt64(0x99AA_BBCC_DDEE_FF00), at: Self.data + 16)
    let fault = Raised(13, 0)
    for bytes: [UInt8] in [
      [0x0F, 0x28, 0x07], [0x0F, 0x29, 0x07], [0x66, 0x0F, 0x6F, 0x07], [0x66, 0x0F, 0x7F, 0x07],
      [0x0F, 0x58, 0x07], [0x66, 0x0F, 0xEF, 0x07], [0x0F, 0x2B, 0x07], [0x0F, 0xAE, 0x07],
      [0x0F, 0xAE, 0x0F], [0x66, 0x0F, 0x60, 0x07], [0x0F, 0x14, 0x07],
    ] { #expect(machine.execute(bytes) == fault) }
    for bytes: [UInt8] in [
      [0x0F, 0x10, 0x07], [0x66, 0x0F, 0x10, 0x07], [0xF3, 0x0F, 0x6F, 0x07],
    ] {
      #expect(machine.execute(bytes) == nil)
      #expect(xmm(machine, 0) == [0x1122_3344_5566_7788, 0x99AA_BBCC_DDEE_FF00])
    }
    #expect(machine.execute([0xF3, 0x0F, 0x10, 0x07]) == nil)
    #expect(xmm(machine, 0) == [0x5566_7788, 0])
    machine.cpu[.rdi] = Self.data + 1
    #expect(machine.execute([0xF3, 0x0F, 0x5A, 0x07]) == nil)
  }

  @Test func unmaskedExceptionsLeaveTheDestination() throws {
    let machine = try #require(CPUFixture())
    let divps: [UInt8] = [0x0F, 0x5E, 0xC1]
    let one: UInt64 = 0x3F80_0000_3F80_0000
    setXMM(machine, 0, one, one)
    setXMM(machine, 1, 0x4040_0000_0000_0000, one)
    machine.state.pointee.mxcsr = 0x1F80 & ~0x200
    machine.state.pointee.cr4 &= ~0x400
    #expect(machine.execute(divps) == Raised(6))
    machine.state.pointee.cr4 |= 0x400
    machine.state.pointee.mxcsr = 0x1F80 & ~0x200
    #expect(machine.execute(divps) == Raised(19))
    #expect(xmm(machine, 0) == [one, one])
    // ZE is found before computing, and keeps the PE of 1 ÷ 3 from coming about.
    #expect(machine.state.pointee.mxcsr == 0x1D84)
    machine.state.pointee.mxcsr = 0x1F80
    #expect(machine.execute(divps) == nil)
    #expect(xmm(machine, 0) == [0x3EAA_AAAB_7F80_0000, one])
    #expect(machine.state.pointee.mxcsr == 0x1FA4)
  }

  @Test func comparisonSetsFlags() throws {
    let machine = try #require(CPUFixture())
    let (one, two, nan) = (Double(1).bitPattern, Double(2).bitPattern, UInt64(0x7FF8) << 48)
    for (a, b, flags) in [(one, two, 1), (two, one, 0), (one, one, 0x40), (one, nan, 0x45)] {
      setXMM(machine, 0, a, 0)
      setXMM(machine, 1, b, 0)
      machine.state.pointee.mxcsr = 0x1F80
      machine.cpu.rflags = RFLAGS(rawValue: 0x8D7)
      #expect(machine.execute([0x66, 0x0F, 0x2E, 0xC1]) == nil)
      #expect(machine.cpu.rflags.rawValue & 0x8D5 == UInt64(flags))
      #expect(machine.state.pointee.mxcsr == 0x1F80)
      #expect(machine.execute([0x66, 0x0F, 0x2F, 0xC1]) == nil)
      #expect(machine.state.pointee.mxcsr == (b == nan ? 0x1F81 : 0x1F80))
    }
  }

  @Test func fxsaveRestoresWhatItSaved() throws {
    let machine = try #require(CPUFixture())
    for k in 0..<16 { setXMM(machine, k, UInt64(k) * 0x0101, ~UInt64(k)) }
    machine.state.pointee.mxcsr = 0x1FBF
    // FLDPI; FLD1; FXSAVE64 [RDI]
    machine.cpu[.rdi] = Self.data
    #expect(machine.execute([0xDB, 0xE3]) == nil)
    #expect(machine.execute([0xD9, 0xEB]) == nil)
    #expect(machine.execute([0xD9, 0xE8]) == nil)
    #expect(machine.execute([0x48, 0x0F, 0xAE, 0x07]) == nil)
    #expect(machine.load(Self.data, as: UInt16.self) == 0x37F)
    #expect(machine.load(Self.data + 2, as: UInt16.self) == 0x3000)
    #expect(machine.load(Self.data + 4, as: UInt8.self) == 0xC0)
    #expect(machine.load(Self.data + 6, as: UInt16.self) == 0x1E8)
    #expect(machine.load(Self.data + 8, as: UInt64.self) == CPUFixture.Address.code)
    #expect(machine.load(Self.data + 24, as: UInt32.self) == 0x1FBF)
    #expect(machine.load(Self.data + 28, as: UInt32.self) == 0xFFFF)
    #expect(machine.load(Self.data + 32, as: UInt64.self) == 1 << 63)
    #expect(machine.load(Self.data + 48, as: UInt64.self) == 0xC90F_DAA2_2168_C235)
    #expect(machine.load(Self.data + 160 + 15 * 16, as: UInt64.self) == 0x0F0F)
    for k in 0..<16 { setXMM(machine, k, 0, 0) }
    #expect(machine.execute([0xDB, 0xE3]) == nil)
    machine.state.pointee.mxcsr = 0x1F80
    #expect(machine.execute([0x48, 0x0F, 0xAE, 0x0F]) == nil)
    for k in 0..<16 { #expect(xmm(machine, k) == [UInt64(k) * 0x0101, ~UInt64(k)]) }
    #expect(machine.state.pointee.mxcsr == 0x1FBF)
    #expect(machine.state.pointee.x87Status == 0x3000)
    machine.store(UInt32(0x1_0000), at: Self.data + 24)
    #expect(machine.execute([0x0F, 0xAE, 0x0F]) == Raised(13, 0))
    #expect(machine.state.pointee.mxcsr == 0x1FBF)
  }

  @Test func fxsaveThatCrossesIntoAnAbsentPageStoresNothing() throws {
    let machine = try #require(CPUFixture())
    machine.store(UInt64(0), at: 0x3000 + 8)
    machine.cpu[.rdi] = 0x1F_FF00
    machine.store(UInt64(0x5555), at: 0x1F_FF00)
    #expect(machine.execute([0x0F, 0xAE, 0x07]) == Raised(14, 2))
    #expect(machine.state.pointee.cr2 == 0x20_0000)
    #expect(machine.load(0x1F_FF00, as: UInt64.self) == 0x5555)
  }

  @Test func ldmxcsrRefusesReservedBits() throws {
    let machine = try #require(CPUFixture())
    machine.cpu[.rdi] = Self.data
    machine.store(UInt32(0x1_1F80), at: Self.data)
    #expect(machine.execute([0x0F, 0xAE, 0x17]) == Raised(13, 0))
    machine.store(UInt32(0x5FC5), at: Self.data)
    #expect(machine.execute([0x0F, 0xAE, 0x17]) == nil)
    machine.cpu[.rdi] = Self.data + 4
    #expect(machine.execute([0x0F, 0xAE, 0x1F]) == nil)
    #expect(machine.load(Self.data + 4, as: UInt32.self) == 0x5FC5)
  }

  @Test func mmxRegistersAreX87Significands() throws {
    let machine = try #require(CPUFixture())
    machine.cpu[.rax] = 0x0102_0304
    #expect(machine.execute([0xDB, 0xE3]) == nil)
    #expect(machine.execute([0xD9, 0xE8]) == nil)
    // MOVD mm3, eax; PADDB mm3, mm3
    #expect(machine.execute([0x0F, 0x6E, 0xD8]) == nil)
    #expect(machine.execute([0x0F, 0xFC, 0xDB]) == nil)
    #expect(machine.state.pointee.x87Significands[3] == 0x0204_0608)
    #expect(machine.state.pointee.x87Exponents[3] == 0xFFFF)
    #expect(machine.state.pointee.x87Tags == 0)
    #expect(machine.state.pointee.x87Status & 0x3800 == 0)
    #expect(machine.execute([0x0F, 0x77]) == nil)
    #expect(machine.state.pointee.x87Tags == 0xFFFF)
  }

  @Test func maskedStoreWritesOnlyChosenBytes() throws {
    let machine = try #require(CPUFixture())
    machine.cpu[.rdi] = Self.data + 3
    for k in 0..<4 { machine.store(UInt64.max, at: Self.data + UInt64(k) * 8) }
    setXMM(machine, 0, 0x0706_0504_0302_0100, 0x0F0E_0D0C_0B0A_0908)
    setXMM(machine, 1, 0x80_0000_0000_0080, 0x8000_0000_0000_0000)
    #expect(machine.execute([0x66, 0x0F, 0xF7, 0xC1]) == nil)
    #expect(machine.load(Self.data + 3, as: UInt64.self) == 0xFF06_FFFF_FFFF_FF00)
    #expect(machine.load(Self.data + 11, as: UInt64.self) == 0x0FFF_FFFF_FFFF_FFFF)
  }

  @Test func approximationsStayWithinTheirBound() throws {
    let machine = try #require(CPUFixture())
    var operands = OperandGenerator(seed: 12)
    for _ in 0..<2000 {
      let x = Float(bitPattern: 0x0100_0000 + UInt32(operands.next() % 0x7C00_0000))
      setXMM(machine, 1, UInt64(x.bitPattern), 0)
      #expect(machine.execute([0xF3, 0x0F, 0x53, 0xC1]) == nil)
      let reciprocal = Float(bitPattern: UInt32(truncatingIfNeeded: xmm(machine, 0)[0]))
      #expect(abs(Double(reciprocal) * Double(x) - 1) <= 1.5 / 4096)
      #expect(machine.execute([0xF3, 0x0F, 0x52, 0xC1]) == nil)
      let root = Float(bitPattern: UInt32(truncatingIfNeeded: xmm(machine, 0)[0]))
      #expect(abs(Double(root) * Double(x).squareRoot() - 1) <= 1.5 / 4096)
    }
    #expect(machine.state.pointee.mxcsr == 0x1F80)
  }
}
