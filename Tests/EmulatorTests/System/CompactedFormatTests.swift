import Emulator
import Testing

/// XSAVEC, XSAVES and XRSTORS: where components lie in the compacted format, what the header says,
/// what is left out, and what may not be.
///
/// SDM volume 1, "Compacted Format of the Extended Region of an XSAVE Area", "Operation of XSAVEC",
/// "Operation of XSAVES", "Operation of XRSTORS".
@Suite struct CompactedFormatTests {
  private static let area: UInt64 = 0x9000
  private static let compacted: UInt64 = 1 << 63
  private static let (x87, sse, avx, pkru): (UInt64, UInt64, UInt64, UInt64) = (1, 2, 4, 1 << 9)

  private static let xsavec: (UInt8, UInt8) = (0xC7, 4)
  private static let xsaves: (UInt8, UInt8) = (0xC7, 5)
  private static let xrstors: (UInt8, UInt8) = (0xC7, 3)
  private static let xrstor: (UInt8, UInt8) = (0xAE, 5)

  /// A processor with every component enabled and in use, and RDI at an area of 5Ah bytes.
  private func machine() throws -> CPUFixture {
    let machine = try #require(CPUFixture())
    machine.state.pointee.cr4 |= CR4.osXSAVE.rawValue | CR4.protectionKeyEnable.rawValue
    machine.state.pointee.xcr0 = Self.x87 | Self.sse | Self.avx | Self.pkru
    machine.processor.stateWasReplaced()
    fill(machine)
    machine.cpu[.rdi] = Self.area
    for offset in stride(from: UInt64(0), to: 4096, by: 8) {
      machine.store(UInt64(0x5A5A_5A5A_5A5A_5A5A), at: Self.area + offset)
    }
    return machine
  }

  private func fill(_ machine: CPUFixture) {
    for number in UInt8(0)..<16 {
      machine.cpu.setXMM(number, UInt128(number) << 64 | 0x1000)
      machine.cpu.setYMMHigh(number, UInt128(number) << 64 | 0x2000)
    }
    machine.state.pointee.mxcsr = 0x1FA0
    machine.state.pointee.x87Control = 0x27F
    machine.state.pointee.pkru = 0x30
    machine.processor.stateWasReplaced()
  }

  private func run(
    _ machine: CPUFixture, _ instruction: (UInt8, UInt8), _ mask: UInt64
  ) -> Raised? {
    machine.cpu[.rax] = mask & 0xFFFF_FFFF
    machine.cpu[.rdx] = mask >> 32
    return machine.execute([0x48, 0x0F, instruction.0, instruction.1 << 3 | 7])
  }

  private func quadword(_ machine: CPUFixture, _ offset: UInt64) -> UInt64? {
    machine.load(Self.area + offset, as: UInt64.self)
  }

  private func isUntouched(_ machine: CPUFixture, _ offsets: Range<UInt64>) -> Bool {
    stride(from: offsets.lowerBound, to: offsets.upperBound, by: 8).allSatisfy {
      quadword(machine, $0) == 0x5A5A_5A5A_5A5A_5A5A
    }
  }

  @Test(arguments: [true, false])
  func componentsFollowOneAnother(isSupervisor: Bool) throws {
    let instruction = isSupervisor ? Self.xsaves : Self.xsavec
    // What is asked for, where AVX state and PKRU then lie, and where the area ends.
    let layouts: [(UInt64, UInt64?, UInt64?, UInt64)] = [
      (Self.avx | Self.pkru, 576, 832, 840), (Self.pkru, nil, 576, 584), (Self.avx, 576, nil, 832),
      (Self.x87 | Self.pkru, nil, 576, 584), (Self.x87 | Self.sse, nil, nil, 576),
      (.max, 576, 832, 840),
    ]
    for (asked, avx, pkru, end) in layouts {
      let machine = try machine()
      let known = asked & machine.state.pointee.xcr0
      #expect(run(machine, instruction, asked) == nil)
      #expect(quadword(machine, 512) == known && quadword(machine, 520) == known | Self.compacted)
      if let avx { #expect(quadword(machine, avx + 24) == 1 && quadword(machine, avx) == 0x2000) }
      if let pkru { #expect(quadword(machine, pkru) == 0x30) }
      #expect(isUntouched(machine, end..<4096), "\(asked)")
      // Of the header nothing but the two bitmaps is written.
      #expect(isUntouched(machine, 528..<576))
      #expect(isUntouched(machine, 416..<512))
      if known & Self.sse == 0 { #expect(isUntouched(machine, 160..<416)) }
      if known & Self.x87 == 0 { #expect(isUntouched(machine, 0..<24)) }
    }
  }

  @Test func initialStateIsLeftOut() throws {
    let machine = try machine()
    for number in UInt8(0)..<16 { machine.cpu.setYMMHigh(number, 0) }
    machine.state.pointee.pkru = 0
    #expect(run(machine, Self.xsaves, .max) == nil)
    #expect(quadword(machine, 512) == Self.x87 | Self.sse)
    // The format keeps the place of what is left out.
    #expect(quadword(machine, 520) == machine.state.pointee.xcr0 | Self.compacted)
    #expect(isUntouched(machine, 576..<4096))
    machine.state.pointee.pkru = 0x30
    #expect(run(machine, Self.xsaves, .max) == nil)
    #expect(quadword(machine, 512) == Self.x87 | Self.sse | Self.pkru)
    #expect(isUntouched(machine, 576..<832) && quadword(machine, 832) == 0x30)
  }

  @Test func mxcsrBelongsToSSEState() throws {
    let machine = try machine()
    for number in UInt8(0)..<16 { machine.cpu.setXMM(number, 0) }
    #expect(run(machine, Self.xsavec, .max) == nil)
    #expect(quadword(machine, 512).map { $0 & Self.sse } == Self.sse)
    #expect(machine.load(Self.area + 24, as: UInt32.self) == 0x1FA0)
    machine.store(UInt64(0x5A5A_5A5A_5A5A_5A5A), at: Self.area + 24)
    machine.state.pointee.mxcsr = 0x1F80
    #expect(run(machine, Self.xsavec, .max) == nil)
    #expect(quadword(machine, 512).map { $0 & Self.sse } == 0)
    #expect(isUntouched(machine, 24..<32))
    machine.state.pointee.mxcsr = 0x1FA0
    // AVX state alone does not bring it along, as it does for XSAVE.
    #expect(run(machine, Self.xsavec, Self.avx) == nil)
    #expect(isUntouched(machine, 24..<32))
  }

  @Test(arguments: [true, false])
  func whatWasSavedComesBack(isSupervisor: Bool) throws {
    let (save, restore) =
      isSupervisor ? (Self.xsaves, Self.xrstors) : (Self.xsavec, Self.xrstor)
    let machine = try machine()
    machine.store(UInt64(0), at: Self.area + 528)
    for offset in stride(from: UInt64(528), to: 576, by: 8) {
      machine.store(UInt64(0), at: Self.area + offset)
    }
    #expect(run(machine, save, .max) == nil)
    for number in UInt8(0)..<16 {
      machine.cpu.setXMM(number, 7)
      machine.cpu.setYMMHigh(number, 7)
    }
    machine.state.pointee.mxcsr = 0x1F80
    machine.state.pointee.x87Control = 0x37F
    machine.state.pointee.pkru = 0x55
    #expect(run(machine, restore, Self.avx) == nil)
    #expect(machine.cpu.ymmHigh(9) == UInt128(9) << 64 | 0x2000)
    #expect(machine.cpu.xmm(9) == 7 && machine.state.pointee.pkru == 0x55)
    #expect(machine.state.pointee.mxcsr == 0x1F80)
    #expect(run(machine, restore, .max) == nil)
    #expect(machine.cpu.xmm(9) == UInt128(9) << 64 | 0x1000)
    #expect(machine.state.pointee.mxcsr == 0x1FA0 && machine.state.pointee.pkru == 0x30)
    #expect(machine.state.pointee.x87Control == 0x27F)
  }

  @Test func whatIsNotInTheAreaIsInitialized() throws {
    let machine = try machine()
    for offset in stride(from: UInt64(512), to: 576, by: 8) {
      machine.store(UInt64(0), at: Self.area + offset)
    }
    machine.store(Self.compacted | machine.state.pointee.xcr0, at: Self.area + 520)
    #expect(run(machine, Self.xrstors, Self.sse | Self.pkru) == nil)
    #expect(machine.cpu.xmm(3) == 0 && machine.state.pointee.mxcsr == 0x1F80)
    #expect(machine.state.pointee.pkru == 0)
    #expect(machine.cpu.ymmHigh(3) != 0 && machine.state.pointee.x87Control == 0x27F)
    #expect(run(machine, Self.xrstors, .max) == nil)
    #expect(machine.cpu.ymmHigh(3) == 0 && machine.state.pointee.x87Control == 0x37F)
  }

  @Test func headersThatCannotBeAreRefused() throws {
    let machine = try machine()
    let all = machine.state.pointee.xcr0
    let refused = Raised(13, 0)
    // XSTATE_BV, XCOMP_BV, a quadword of the rest of the header and what it holds.
    let headers: [(UInt64, UInt64, UInt64, UInt64)] = [
      (0, 0, 528, 0), (Self.avx, Self.compacted, 528, 0),
      (Self.avx, Self.compacted | Self.sse, 528, 0),
      (0, Self.compacted | 1 << 3, 528, 0), (0, Self.compacted | 1 << 62, 528, 0),
      (Self.compacted, Self.compacted | all, 528, 0), (0, Self.compacted | all, 528, 1),
      (0, Self.compacted | all, 568, 1 << 63),
    ]
    for (present, layout, offset, value) in headers {
      for other in stride(from: UInt64(512), to: 576, by: 8) {
        machine.store(UInt64(0), at: Self.area + other)
      }
      machine.store(present, at: Self.area + 512)
      machine.store(layout, at: Self.area + 520)
      machine.store(value, at: Self.area + offset)
      #expect(run(machine, Self.xrstors, .max) == refused, "\(present) \(layout)")
      #expect(machine.cpu.xmm(3) == UInt128(3) << 64 | 0x1000)
    }
  }

  @Test func nothingHappensBeforeAFault() throws {
    let machine = try machine()
    // 16 MiB are mapped: the legacy region is, the rest is not.
    let edge: UInt64 = (16 << 20) - 576
    machine.cpu[.rdi] = edge
    machine.store(UInt64(0x77), at: edge + 512)
    #expect(run(machine, Self.xsaves, .max)?.vector == 14)
    #expect(machine.load(edge + 512, as: UInt64.self) == 0x77)
    #expect(run(machine, Self.xsaves, Self.x87 | Self.sse) == nil)
    machine.store(Self.avx, at: edge + 512)
    machine.store(Self.compacted | Self.avx, at: edge + 520)
    #expect(run(machine, Self.xrstors, .max)?.vector == 14)
    #expect(machine.state.pointee.x87Control == 0x27F)
    machine.cpu[.rdi] = Self.area + 8
    #expect(run(machine, Self.xsavec, .max) == Raised(13, 0))
  }

  @Test func onlyRingZeroUsesTheSupervisorForms() throws {
    let machine = try machine()
    machine.enterUserMode()
    #expect(run(machine, Self.xsaves, .max) == Raised(13, 0))
    machine.enterUserMode()
    #expect(run(machine, Self.xrstors, .max) == Raised(13, 0))
    machine.enterUserMode()
    #expect(run(machine, Self.xsavec, .max) == nil)
    let old = try #require(CPUFixture(model: .v3))
    old.state.pointee.cr4 |= CR4.osXSAVE.rawValue
    old.cpu[.rdi] = Self.area
    #expect(run(old, Self.xsaves, .max) == Raised(6))
  }
}
