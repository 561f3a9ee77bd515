import Emulator
import Testing

/// The models: what CPUID reports is there, what it does not raises #UD.
@Suite struct ProcessorModelTests {
  /// An instruction of each feature that a level of the psABI brings, with registers only.
  private static let instructions: [(ProcessorFeature, [UInt8])] = [
    (.cmpxchg16b, [0x48, 0x0F, 0xC7, 0x0F]), (.popcnt, [0xF3, 0x0F, 0xB8, 0xC1]),
    (.sse3, [0xF2, 0x0F, 0x7C, 0xC1]), (.ssse3, [0x66, 0x0F, 0x38, 0x00, 0xC1]),
    (.sse41, [0x66, 0x0F, 0x38, 0x17, 0xC1]), (.sse42, [0x66, 0x0F, 0x38, 0x37, 0xC1]),
    (.lahf, [0x9F]), (.avx, [0xC5, 0xFC, 0x58, 0xC1]), (.avx2, [0xC4, 0xE2, 0x7D, 0x78, 0xC1]),
    (.bmi1, [0xC4, 0xE2, 0x78, 0xF2, 0xC1]), (.bmi2, [0xC4, 0xE2, 0x78, 0xF5, 0xC1]),
    (.f16c, [0xC4, 0xE2, 0x79, 0x13, 0xC1]), (.fma, [0xC4, 0xE2, 0x71, 0x98, 0xC1]),
    (.movbe, [0x0F, 0x38, 0xF0, 0x07]), (.xsave, [0x0F, 0x01, 0xD0]),
    (.fsgsbase, [0xF3, 0x0F, 0xAE, 0xC0]), (.rdtscp, [0x0F, 0x01, 0xF9]),
    (.xsavec, [0x0F, 0xC7, 0x27]),
  ]

  @Test(arguments: ProcessorModel.allCases)
  func instructionsFollowFeatures(_ model: ProcessorModel) throws {
    let machine = try #require(CPUFixture(model: model))
    let features = ProcessorFeatures(of: model)
    machine.state.pointee.cr4 |= CR4.osXSAVE.rawValue | CR4.fsgsbase.rawValue
    machine.state.pointee.xcr0 = 7
    for (feature, bytes) in Self.instructions {
      machine.cpu[.rdi] = 0x9000
      machine.cpu[.rcx] = 0
      let raised = machine.execute(bytes)
      #expect(raised == (features.contains(feature) ? nil : Raised(6)), "\(feature)")
    }
  }

  @Test func levelsAreThoseOfThePsABI() {
    func brought(_ model: ProcessorModel, over lower: ProcessorModel) -> Set<ProcessorFeature> {
      let (new, old) = (ProcessorFeatures(of: model), ProcessorFeatures(of: lower))
      return Set(ProcessorFeature.allCases.filter { new.contains($0) && !old.contains($0) })
    }
    #expect(
      brought(.v2, over: .v1)
        == [.cmpxchg16b, .lahf, .popcnt, .sse3, .sse41, .sse42, .ssse3])
    #expect(
      brought(.v3, over: .v2)
        == [.avx, .avx2, .bmi1, .bmi2, .f16c, .fma, .lzcnt, .movbe, .xsave])
  }

  @Test func countsOfZerosFallBackToScans() throws {
    // F3 0F BC and F3 0F BD of 8, whose first one is the fourth bit.
    for (model, trailing, leading): (ProcessorModel, UInt64, UInt64) in [
      (.v2, 3, 3), (.v3, 3, 28),
    ] {
      let machine = try #require(CPUFixture(model: model))
      machine.cpu[.rcx] = 8
      #expect(machine.execute([0xF3, 0x0F, 0xBC, 0xC1]) == nil)
      #expect(machine.cpu[.rax] == trailing)
      #expect(machine.execute([0xF3, 0x0F, 0xBD, 0xC1]) == nil)
      #expect(machine.cpu[.rax] == leading)
      machine.cpu[.rcx] = 0
      machine.cpu[.rax] = 77
      #expect(machine.execute([0xF3, 0x0F, 0xBC, 0xC1]) == nil)
      #expect(machine.cpu[.rax] == (model == .v2 ? 77 : 32))
    }
  }

  @Test func featureBitsAreNotReportedTwice() {
    let rows = ProcessorFeature.rows
    #expect(Set(rows.map(\.feature)).count == rows.count)
    #expect(Set(rows.map { "\($0.register) \($0.bit)" }).count == rows.count)
  }
}
