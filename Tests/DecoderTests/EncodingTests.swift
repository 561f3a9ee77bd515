import Emulator
import Testing

/// Encodings that were decoded wrongly once, or that invite it.
@Suite("Encodings")
struct EncodingTests {
  private static let long: ExecutionMode = [.long, .bigStack, .flat]
  private static let compatibility: ExecutionMode = [.big, .bigStack, .flat]

  private func decode(_ bytes: [UInt8], _ mode: ExecutionMode = Self.long) throws -> Instruction {
    try #require(Decoder.instruction(bytes, mode: mode))
  }

  @Test("Ports are at most 32 bits wide, also with REX.W")
  func ports() throws {
    for opcode: UInt8 in [0x6D, 0x6F, 0xED, 0xEF] {
      #expect(try decode([0x48, opcode]).operandSize == 4)
      #expect(try decode([0x66, 0x48, opcode]).operandSize == 4)
      #expect(try decode([0x66, opcode]).operandSize == 2)
    }
    #expect(try decode([0x48, 0xE5, 0x10]).operand0 == Operand(.register, index: 0, size: 4))
    #expect(try decode([0xE6, 0x10]).operandSize == 1)
    #expect(try decode([0xEE]).operandSize == 1)
  }

  @Test("System registers are moved whole")
  func systemRegisters() throws {
    for opcode: UInt8 in 0x20...0x23 {
      #expect(try decode([0x0F, opcode, 0xC0]).operandSize == 8)
      #expect(try decode([0x66, 0x0F, opcode, 0xC0]).operandSize == 8)
      #expect(try decode([0x0F, opcode, 0xC0], Self.compatibility).operandSize == 4)
      #expect(try decode([0x0F, opcode, 0xC0], []).operandSize == 4)
      // mod is ignored: no displacement follows.
      #expect(try decode([0x0F, opcode, 0x85]).length == 3)
    }
    #expect(try decode([0x66, 0x0F, 0x38, 0x82, 0x00]).operand0.size == 8)
    #expect(try decode([0x66, 0x0F, 0x38, 0x82, 0x00], Self.compatibility).operand0.size == 4)
    #expect(try decode([0x66, 0x0F, 0x01, 0x10]).operandSize == 8)
  }

  @Test("SYSCALL and SYSRET are for 64-bit mode only")
  func systemCalls() throws {
    #expect(try decode([0x0F, 0x05]).mnemonic == .syscall)
    #expect(try decode([0x48, 0x0F, 0x07]).mnemonic == .sysret)
    #expect(try decode([0x0F, 0x05], Self.compatibility).mnemonic == .invalid)
    #expect(try decode([0x0F, 0x07], Self.compatibility).mnemonic == .invalid)
  }

  @Test("REX counts only right before the opcode")
  func rex() throws {
    #expect(try decode([0x48, 0x66, 0x89, 0xC8]).operandSize == 2)
    #expect(try decode([0x66, 0x48, 0x89, 0xC8]).operandSize == 8)
    #expect(try decode([0x41, 0x90]).mnemonic == .xchg)
    #expect(try decode([0xF3, 0x41, 0x90]).mnemonic == .xchg)
    #expect(try decode([0xF3, 0x90]).mnemonic == .pause)
    #expect(try decode([0x41, 0x40, 0x90]).mnemonic == .nop)
  }

  @Test("A near branch ignores the operand-size prefix in 64-bit mode only")
  func nearBranches() throws {
    let bytes: [UInt8] = [0x66, 0xE8, 0xFE, 0xFF, 0xFF, 0xFF]
    let long = try decode(bytes)
    #expect(long.length == 6 && long.operandSize == 8)
    let compatibility = try decode(bytes, Self.compatibility)
    #expect(compatibility.length == 4 && compatibility.operandSize == 2)
    #expect(Int64(bitPattern: compatibility.immediate) == -2)
  }

  @Test("Fifteen bytes are an instruction, sixteen are not")
  func lengths() throws {
    let prefixes = [UInt8](repeating: 0x3E, count: 13)
    #expect(try decode(prefixes + [0x89, 0xC8]).length == 15)
    #expect(Decoder.instruction(prefixes + [0x3E, 0x89, 0xC8], mode: Self.long) == nil)
  }
}
