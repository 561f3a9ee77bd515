extension CPU {
  /// Moves, exchanges, stack, conversions and flag bits.
  func executeTransfer(_ i: borrowing Instruction) throws(Exception) {
    switch i.mnemonic {
    case .mov, .movnti: try write(i.operand0, i, try readSource(i.operand1, i))
    case .movzx: try write(i.operand0, i, try read(i.operand1, i))
    case .movsx, .movsxd:
      let value = signExtended(try read(i.operand1, i), size: i.operand1.size)
      try write(i.operand0, i, UInt64(bitPattern: value))
    case .movbe:
      let value = try read(i.operand1, i)
      try write(i.operand0, i, byteSwapped(value, size: i.operand1.size))
    case .lea: writeRegister(i.operand0.index, size: i.operand0.size, effectiveAddress(i))
    case .cmovcc: try conditionalMove(i)
    case .setcc: try write(i.operand0, i, condition(i.condition) ? 1 : 0)
    case .cbw: convertToDouble(i)
    case .cwd: convertIntoDX(i)
    case .xlat:
      let offset = truncate(self[.rbx] &+ self[.rax] & 0xFF, toSize: i.addressSize)
      let address = try linearAddress(i.segment, offset: offset, size: 1, access: .read)
      writeRegister(0, size: 1, try load(address, size: 1))
    case .xchg, .xadd, .cmpxchg, .cmpxchg8b, .cmpxchg16b: try executeExchange(i)
    case .push, .pop, .pusha, .popa, .pushf, .popf, .enter, .leave: try executeStack(i)
    default: try executeFlags(i)
    }
  }

  private func executeFlags(_ i: borrowing Instruction) throws(Exception) {
    let kept = StatusFlags.all & ~StatusFlags.overflow
    let flags = state.pointee.rflags
    switch i.mnemonic {
    case .lahf:
      let low = flags & kept | RFLAGS.alwaysOne.rawValue
      self[.rax] = self[.rax] & ~0xFF00 | low << 8
    case .sahf: state.pointee.rflags = flags & ~kept | self[.rax] >> 8 & kept
    case .salc: writeRegister(0, size: 1, flags & 1 != 0 ? 0xFF : 0)
    case .cmc: state.pointee.rflags = flags ^ RFLAGS.carry.rawValue
    case .clc: state.pointee.rflags = flags & ~RFLAGS.carry.rawValue
    case .stc: state.pointee.rflags = flags | RFLAGS.carry.rawValue
    case .cld: state.pointee.rflags = flags & ~RFLAGS.direction.rawValue
    case .std: state.pointee.rflags = flags | RFLAGS.direction.rawValue
    default: throw .invalidOpcode
    }
  }

  /// CMOVcc: the source is read whatever the condition, and a 32-bit destination is always
  /// zero-extended.
  private func conditionalMove(_ i: borrowing Instruction) throws(Exception) {
    let source = try read(i.operand1, i)
    let old = try read(i.operand0, i)
    try write(i.operand0, i, condition(i.condition) ? source : old)
  }

  /// CBW, CWDE, CDQE: sign-extends the lower half of the accumulator into all of it.
  private func convertToDouble(_ i: borrowing Instruction) {
    let value = signExtended(self[.rax], size: i.operandSize / 2)
    writeRegister(Register.rax.rawValue, size: i.operandSize, UInt64(bitPattern: value))
  }

  /// CWD, CDQ, CQO: fills rDX with the sign of rAX.
  private func convertIntoDX(_ i: borrowing Instruction) {
    let isNegative = signExtended(self[.rax], size: i.operandSize) < 0
    writeRegister(Register.rdx.rawValue, size: i.operandSize, isNegative ? .max : 0)
  }
}
