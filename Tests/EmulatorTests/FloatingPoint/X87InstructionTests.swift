import Emulator
import Testing

/// The x87 as instructions: the stack, exceptions and when they are reported, the images.
@Suite struct X87InstructionTests {
  private static let data: UInt64 = 0x2_8000

  private func makeMachine() throws -> CPUFixture {
    let machine = try #require(CPUFixture())
    machine.cpu[.rdi] = Self.data
    #expect(machine.execute([0xDB, 0xE3]) == nil)
    return machine
  }

  private func run(_ machine: CPUFixture, _ code: [UInt8]...) {
    for bytes in code { #expect(machine.execute(bytes) == nil) }
  }

  private func top(_ machine: CPUFixture, _ i: Int = 0) -> ExtendedPattern {
    let register = (Int(machine.state.pointee.x87Status >> 11 & 7) + i) & 7
    return ExtendedPattern(
      signExponent: machine.state.pointee.x87Exponents[register],
      significand: machine.state.pointee.x87Significands[register])
  }

  private func status(_ machine: CPUFixture) -> UInt16 { machine.state.pointee.x87Status }

  @Test func stackFaultsHaveMaskedResponses() throws {
    let machine = try makeMachine()
    // FADD ST, ST(1) of two empty registers.
    run(machine, [0xD8, 0xC1])
    #expect(status(machine) == 0x41)
    #expect(top(machine) == ExtendedPattern(signExponent: 0xFFFF, significand: 3 << 62))
    run(machine, [0xDB, 0xE2])
    for _ in 0..<7 { run(machine, [0xD9, 0xE8]) }
    #expect(status(machine) & 0xFF == 0)
    run(machine, [0xD9, 0xEB])
    // Overflow sets C1 and pushes the indefinite.
    #expect(status(machine) & 0x2FF == 0x241)
    #expect(top(machine) == ExtendedPattern(signExponent: 0xFFFF, significand: 3 << 62))
  }

  @Test func unmaskedExceptionsWaitForTheNextInstruction() throws {
    let machine = try makeMachine()
    machine.store(UInt16(0x37B), at: Self.data)
    // FLDCW; FLD1; FLDZ; FDIVP: 1 ÷ 0 with ZE unmasked.
    run(machine, [0xD9, 0x2F], [0xD9, 0xE8], [0xD9, 0xEE], [0xDE, 0xF9])
    #expect(status(machine) & 0x80FF == 0x8084)
    #expect(status(machine) >> 11 & 7 == 6)
    #expect(machine.execute([0xD9, 0xE8]) == Raised(16))
    #expect(machine.execute([0x9B]) == Raised(16))
    #expect(machine.execute([0x0F, 0x77]) == Raised(16))
    // FNSTSW and FNCLEX do not wait.
    run(machine, [0xDF, 0xE0], [0xDB, 0xE2], [0x9B], [0xD9, 0xE8])
    #expect(machine.cpu[.rax] & 0xFFFF == 0xB084)
  }

  @Test func availabilityFollowsCR0() throws {
    let machine = try makeMachine()
    let cr0 = machine.state.pointee.cr0
    for bit: UInt64 in [4, 8] {
      machine.state.pointee.cr0 = cr0 | bit
      #expect(machine.execute([0xD9, 0xE8]) == Raised(7))
      #expect(machine.execute([0x0F, 0xAE, 0x07]) == Raised(7))
    }
    machine.state.pointee.cr0 = (cr0 | 8) & ~2
    #expect(machine.execute([0x9B]) == nil)
    machine.state.pointee.cr0 = cr0 | 8 | 2
    #expect(machine.execute([0x9B]) == Raised(7))
    machine.state.pointee.cr0 = cr0 | 8
    #expect(machine.execute([0xD9, 0xD1]) == Raised(6))
  }

  @Test func precisionControlNarrowsArithmetic() throws {
    let machine = try makeMachine()
    for (control, expected): (UInt16, UInt64) in [
      (0x37F, 0xAAAA_AAAA_AAAA_AAAB), (0x27F, 0xAAAA_AAAA_AAAA_A800),
      (0x07F, 0xAAAA_AB00_0000_0000), (0xF7F, 0xAAAA_AAAA_AAAA_AAAA),
    ] {
      run(machine, [0xDB, 0xE3])
      machine.store(control, at: Self.data)
      machine.store(UInt16(3), at: Self.data + 2)
      // FLDCW [RDI]; FLD1; FIDIV m16 [RDI+2]
      run(machine, [0xD9, 0x2F], [0xD9, 0xE8], [0xDE, 0x77, 0x02])
      #expect(top(machine).significand == expected)
      #expect(status(machine) & 0x20 != 0)
      #expect((status(machine) & 0x200 != 0) == (control & 0xC00 == 0 && control != 0x27F))
    }
  }

  @Test func decimalRoundTrip() throws {
    let machine = try makeMachine()
    machine.store(Int64(-123_456_789_012_345_678), at: Self.data)
    // FILD m64; FBSTP [RDI+16]; FBLD [RDI+16]; FISTP m64 [RDI+32]
    run(machine, [0xDF, 0x2F], [0xDF, 0x77, 0x10])
    #expect(machine.load(Self.data + 16, as: UInt64.self) == 0x3456_7890_1234_5678)
    #expect(machine.load(Self.data + 24, as: UInt16.self) == 0x8012)
    run(machine, [0xDF, 0x67, 0x10], [0xDF, 0x7F, 0x20])
    #expect(machine.load(Self.data + 32, as: Int64.self) == -123_456_789_012_345_678)
    #expect(machine.state.pointee.x87Tags == 0xFFFF)
  }

  @Test func environmentImage() throws {
    let machine = try makeMachine()
    machine.store(UInt16(0x37E), at: Self.data)
    run(machine, [0xD9, 0x2F], [0xD9, 0xE8], [0xD9, 0xEE], [0xD9, 0x77, 0x20])
    #expect(machine.load(Self.data + 0x20, as: UInt32.self) == 0xFFFF_037E)
    #expect(machine.load(Self.data + 0x24, as: UInt32.self) == 0xFFFF_3000)
    // R7 holds one (valid), R6 zero, the others are empty.
    #expect(machine.load(Self.data + 0x28, as: UInt32.self) == 0xFFFF_1FFF)
    #expect(machine.load(Self.data + 0x2C, as: UInt32.self) == UInt32(CPUFixture.Address.code))
    #expect(machine.load(Self.data + 0x30, as: UInt32.self) == 0x1EE_0008)
    // FNSTENV masks every exception.
    #expect(machine.state.pointee.x87Control == 0x37F)
    run(machine, [0xD9, 0x67, 0x20])
    #expect(machine.state.pointee.x87Control == 0x37E)
  }

  @Test func saveInitialisesAndRestoreBringsBack() throws {
    let machine = try makeMachine()
    run(machine, [0xD9, 0xEB], [0xD9, 0xE8], [0xDD, 0x77, 0x20])
    #expect(machine.state.pointee.x87Tags == 0xFFFF)
    #expect(machine.load(Self.data + 0x20 + 28 + 10, as: UInt64.self) == 0xC90F_DAA2_2168_C235)
    run(machine, [0xDD, 0x67, 0x20])
    #expect(status(machine) >> 11 & 7 == 6)
    #expect(top(machine).significand == 1 << 63)
    #expect(top(machine, 1).signExponent == 0x4000)
  }

  @Test func remainderReducesInSteps() throws {
    let machine = try makeMachine()
    // 2^100 mod 3 is 1.
    machine.store(Float(3).bitPattern, at: Self.data)
    machine.store(Double(sign: .plus, exponent: 100, significand: 1).bitPattern, at: Self.data + 8)
    run(machine, [0xD9, 0x07], [0xDD, 0x47, 0x08])
    var steps = 0
    repeat {
      run(machine, [0xD9, 0xF8])
      steps += 1
    } while status(machine) & 0x400 != 0 && steps < 8
    #expect(steps == 2)
    #expect(top(machine) == ExtendedPattern(signExponent: 0x3FFF, significand: 1 << 63))
  }

  @Test func sineOfTheConstantShowsThePiOfTheProcessor() throws {
    let machine = try makeMachine()
    // FLDPI; FSIN: what is left of π beyond 64 bits, in the 66 bits that reduction uses.
    run(machine, [0xD9, 0xEB], [0xD9, 0xFE])
    #expect(top(machine) == ExtendedPattern(signExponent: 0xBFBF, significand: 1 << 63))
    machine.store(Double(sign: .plus, exponent: 63, significand: 1).bitPattern, at: Self.data)
    run(machine, [0xDD, 0x07], [0xD9, 0xFE])
    #expect(status(machine) & 0x400 != 0)
    #expect(top(machine) == ExtendedPattern(signExponent: 0x403E, significand: 1 << 63))
  }

  @Test func storesAreAllOrNothing() throws {
    let machine = try makeMachine()
    machine.store(UInt64(0), at: 0x3000 + 8)
    machine.cpu[.rdi] = 0x1F_FFF8
    machine.store(UInt64(0x7777), at: 0x1F_FFF8)
    run(machine, [0xD9, 0xEB])
    #expect(machine.execute([0xDB, 0x3F]) == Raised(14, 2))
    #expect(machine.load(0x1F_FFF8, as: UInt64.self) == 0x7777)
    #expect(status(machine) >> 11 & 7 == 7)
  }
}
