extension CPU {
  /// BMI1 and BMI2, but for TZCNT.
  func executeBMI(_ i: borrowing Instruction) throws(Exception) {
    switch i.mnemonic {
    case .andn, .blsi, .blsmsk, .blsr, .bextr, .bzhi: try bitField(i)
    case .mulx: try mulx(i)
    case .pdep, .pext: try depositOrExtract(i)
    default: try shiftWithoutFlags(i)
    }
  }

  /// ANDN, BLSI, BLSMSK, BLSR, BEXTR, BZHI: SF and ZF follow the result, OF is cleared; AF and PF,
  /// which the manual leaves undefined, too.
  private func bitField(_ i: borrowing Instruction) throws(Exception) {
    let size = i.operandSize
    let width = UInt64(size) &* 8
    let source = try read(i.operand1, i)
    let result: UInt64
    var carry = false
    switch i.mnemonic {
    case .andn: result = ~source & (try read(i.operand2, i))
    case .blsi:
      result = source & (0 &- source)
      carry = source != 0
    case .blsmsk:
      result = source ^ (source &- 1)
      carry = source == 0
    case .blsr:
      result = source & (source &- 1)
      carry = source == 0
    case .bextr:
      let control = try read(i.operand2, i)
      let length = control >> 8 & 0xFF
      result = source >> (control & 0xFF) & (1 << length &- 1)
    default:
      let index = try read(i.operand2, i) & 0xFF
      result = index < width ? source & (1 &<< index &- 1) : source
      carry = index >= width
    }
    let value = truncate(result, toSize: size)
    writeRegister(i.operand0.index, size: size, value)
    setStatusFlags(
      (carry ? StatusFlags.carry : 0) | (value == 0 ? StatusFlags.zero : 0)
        | (value >> (width &- 1) != 0 ? StatusFlags.sign : 0))
  }

  /// MULX: the product of RDX and the source; if both halves go to one register, it gets the high
  /// one.
  private func mulx(_ i: borrowing Instruction) throws(Exception) {
    let size = i.operandSize
    let a = truncate(self[.rdx], toSize: size)
    let product = a.multipliedFullWidth(by: try read(i.operand2, i))
    let high = size == 8 ? product.high : product.low >> 32
    writeRegister(i.operand1.index, size: size, product.low)
    writeRegister(i.operand0.index, size: size, high)
  }

  /// PDEP and PEXT.
  private func depositOrExtract(_ i: borrowing Instruction) throws(Exception) {
    let source = try read(i.operand1, i)
    var mask = try read(i.operand2, i)
    var result: UInt64 = 0
    var position: UInt64 = 0
    while mask != 0 {
      let lowest = mask & (0 &- mask)
      if i.mnemonic == .pdep {
        if source &>> position & 1 != 0 { result |= lowest }
      } else if source & lowest != 0 {
        result |= 1 &<< position
      }
      position &+= 1
      mask &= mask &- 1
    }
    writeRegister(i.operand0.index, size: i.operandSize, result)
  }

  /// RORX, SARX, SHLX, SHRX.
  private func shiftWithoutFlags(_ i: borrowing Instruction) throws(Exception) {
    let size = i.operandSize
    let width = UInt64(size) &* 8
    let source = try read(i.operand1, i)
    let count = try read(i.operand2, i) & (width &- 1)
    let result: UInt64 =
      switch i.mnemonic {
      case .rorx: source &>> count | (count == 0 ? 0 : source &<< (width &- count))
      case .shlx: source &<< count
      case .shrx: source &>> count
      default: UInt64(bitPattern: signExtended(source, size: size) &>> Int64(count))
      }
    writeRegister(i.operand0.index, size: size, result)
  }
}
