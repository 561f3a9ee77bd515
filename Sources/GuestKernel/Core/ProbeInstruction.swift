/// Which instruction begins a function, as far as a probe must know: its length, if it does the same
/// wherever it lies in memory.
///
/// A probe executes a copy of the instruction elsewhere, so jumps, calls and addresses relative to RIP
/// will not do. Compilers begin nearly all functions with one of these.
package enum ProbeInstruction {
  /// The length of the instruction that `bytes` begin with, or nil for one that cannot be moved.
  package static func length(_ bytes: [UInt8]) -> Int? {
    guard bytes.count >= 8 else { return nil }
    switch bytes[0] {
    case 0x50...0x57, 0x90: return 1  // push r, nop
    case 0x41 where (0x50...0x57).contains(bytes[1]): return 2  // push r8-r15
    case 0xf3 where bytes[1] == 0x0f && bytes[2] == 0x1e && bytes[3] == 0xfa: return 4  // endbr64
    case 0x31, 0x33, 0x85, 0x89, 0x8b:  // xor, test, mov between registers
      return bytes[1] >> 6 == 3 ? 2 : nil
    case 0xb8...0xbf: return 5  // mov r32, imm32
    case 0x48, 0x49, 0x4c, 0x4d, 0x45, 0x44:
      return withPrefix(bytes)
    default: return nil
    }
  }

  private static func withPrefix(_ bytes: [UInt8]) -> Int? {
    let isBetweenRegisters = bytes[2] >> 6 == 3
    switch bytes[1] {
    case 0x31, 0x33, 0x85, 0x89, 0x8b: return isBetweenRegisters ? 3 : nil
    case 0x83: return isBetweenRegisters ? 4 : nil  // sub rsp, imm8
    case 0x81: return isBetweenRegisters ? 7 : nil  // sub rsp, imm32
    default: return nil
    }
  }
}
