extension CPU {
  /// BT, BTS, BTR and BTC: CF := Bit(BitBase, BitOffset), then the bit is changed.
  ///
  /// The other flags stay.
  func testBit(_ i: borrowing Instruction) throws(Exception) {
    let width = UInt64(i.operand0.size) &* 8
    let isImmediate = i.operand1.kind == .immediate
    let offset = isImmediate ? i.immediate : try read(i.operand1, i)
    let mask: UInt64 = 1 &<< (offset & (width &- 1))
    let writes = i.mnemonic != .bt
    guard i.operand0.kind == .memory else {
      let value = try read(i.operand0, i)
      if writes { try write(i.operand0, i, changed(value, mask, i.mnemonic)) }
      return setCarry(value & mask != 0)
    }
    let size = i.operand0.size
    let access: Access = writes ? .write : .read
    var at = effectiveAddress(i)
    if !isImmediate {
      let unit = UInt64(bitPattern: signExtended(offset, size: size) >> bitShift(of: size))
      at = truncate(at &+ unit &* UInt64(size), toSize: i.addressSize)
    }
    let address = try linearAddress(i.segment, offset: at, size: UInt64(size), access: access)
    let value = try load(address, size: size, access: access)
    if writes { try store(changed(value, mask, i.mnemonic), at: address, size: size) }
    setCarry(value & mask != 0)
  }

  private func changed(_ value: UInt64, _ mask: UInt64, _ mnemonic: Mnemonic) -> UInt64 {
    switch mnemonic {
    case .bts: value | mask
    case .btr: value & ~mask
    default: value ^ mask
    }
  }

  /// The binary logarithm of an operand's width in bits.
  private func bitShift(of size: UInt8) -> Int64 { size == 2 ? 4 : (size == 4 ? 5 : 6) }

  /// A value of `size` bytes, sign-extended.
  @inline(__always) func signExtended(_ value: UInt64, size: UInt8) -> Int64 {
    switch size {
    case 1: Int64(Int8(truncatingIfNeeded: value))
    case 2: Int64(Int16(truncatingIfNeeded: value))
    case 4: Int64(Int32(truncatingIfNeeded: value))
    default: Int64(bitPattern: value)
    }
  }

  /// BSF and BSR: the index of the first or last one.
  ///
  /// A source of zero sets ZF and leaves the destination, upper half included; PF follows ZF and
  /// the other flags are cleared.
  func scanBits(_ i: borrowing Instruction) throws(Exception) {
    let source = try read(i.operand1, i)
    guard source != 0 else { return setStatusFlags(StatusFlags.zero | StatusFlags.parity) }
    let index =
      i.mnemonic == .bsf ? source.trailingZeroBitCount : 63 &- source.leadingZeroBitCount
    try write(i.operand0, i, UInt64(truncatingIfNeeded: index))
    setStatusFlags(0)
  }

  /// TZCNT and LZCNT: CF is set if the source is zero, ZF if the result is; OF stays, the others
  /// are cleared.
  func countZeros(_ i: borrowing Instruction) throws(Exception) {
    let size = i.operand0.size
    let source = truncate(try read(i.operand1, i), toSize: size)
    let width = Int(size) &* 8
    let count =
      if i.mnemonic == .tzcnt {
        source == 0 ? width : source.trailingZeroBitCount
      } else {
        source.leadingZeroBitCount &- (64 &- width)
      }
    try write(i.operand0, i, UInt64(truncatingIfNeeded: count))
    setStatusFlags(
      state.pointee.rflags & StatusFlags.overflow | (source == 0 ? StatusFlags.carry : 0)
        | (count == 0 ? StatusFlags.zero : 0))
  }

  /// POPCNT: ZF is set if the source is zero, the others are cleared.
  func countOnes(_ i: borrowing Instruction) throws(Exception) {
    let source = try read(i.operand1, i)
    try write(i.operand0, i, UInt64(truncatingIfNeeded: source.nonzeroBitCount))
    setStatusFlags(source == 0 ? StatusFlags.zero : 0)
  }

  /// BSWAP; with a 16-bit operand, undefined, the result is zero.
  func swapBytes(_ i: borrowing Instruction) throws(Exception) {
    let value = try read(i.operand0, i)
    let size = i.operand0.size
    try write(i.operand0, i, size == 2 ? 0 : byteSwapped(value, size: size))
  }

  /// The low `size` bytes in the opposite order.
  func byteSwapped(_ value: UInt64, size: UInt8) -> UInt64 {
    value.byteSwapped &>> (64 &- UInt64(size) &* 8)
  }
}
