import Emulator
import Testing

/// RDRAND, RDSEED and RDPID.
@Suite struct RandomNumberTests {
  private static let rdrand: [UInt8] = [0x48, 0x0F, 0xC7, 0xF0]
  private static let rdseed: [UInt8] = [0x48, 0x0F, 0xC7, 0xF8]

  @Test func numbersFollowFromTheSeed() throws {
    var expected = SeededNumbers(seed: 42)
    let machine = try #require(CPUFixture())
    machine.state.pointee.randomNumbers = SeededNumbers(seed: 42)
    for bytes in [Self.rdrand, Self.rdseed, Self.rdrand] {
      machine.cpu.rflags = RFLAGS(rawValue: 0x8D6)
      #expect(machine.execute(bytes) == nil)
      #expect(machine.cpu[.rax] == expected.next())
      #expect(machine.cpu.rflags.rawValue & RFLAGS.status.rawValue == RFLAGS.carry.rawValue)
    }
  }

  @Test func theOperandSizeDecidesHowMuchIsWritten() throws {
    let machine = try #require(CPUFixture())
    machine.cpu[.rax] = .max
    #expect(machine.execute([0x66, 0x0F, 0xC7, 0xF0]) == nil)
    #expect(machine.cpu[.rax] >> 16 == .max >> 16)
    #expect(machine.execute([0x0F, 0xC7, 0xF0]) == nil)
    #expect(machine.cpu[.rax] >> 32 == 0)
  }

  @Test func theProcessorNumberIsTheAuxiliaryCounterOne() throws {
    let machine = try #require(CPUFixture())
    machine.state.pointee.tscAux = 0x1234_5678
    machine.cpu[.rax] = .max
    #expect(machine.execute([0xF3, 0x0F, 0xC7, 0xF8]) == nil)
    #expect(machine.cpu[.rax] == 0x1234_5678)
    // F3 makes no RDRAND, and memory none of them.
    #expect(machine.execute([0xF3, 0x0F, 0xC7, 0xF0]) == Raised(6))
    #expect(machine.execute([0x0F, 0xC7, 0x30]) == Raised(6))
  }
}
