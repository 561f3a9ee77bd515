extension CPU {
  /// The width of the base in the memory image of GDTR and IDTR.
  private var tableBaseSize: UInt8 { isLongMode ? 8 : 4 }

  /// LGDT and LIDT.
  private func loadTableRegister(
    _ i: borrowing Instruction
  ) throws(Exception) -> DescriptorTableRegister {
    try requireRing0()
    let size = tableBaseSize
    let start = effectiveAddress(i)
    let limit = try load(
      try linearAddress(i.segment, offset: start, size: 2, access: .read), as: UInt16.self)
    let second = truncate(start &+ 2, toSize: i.addressSize)
    var base = try load(
      try linearAddress(i.segment, offset: second, size: UInt64(size), access: .read),
      size: size)
    if isLongMode {
      guard isCanonicalBase(base) else { throw .generalProtection(errorCode: 0) }
    } else if i.operandSize == 2 {
      base &= 0xFF_FFFF
    }
    return DescriptorTableRegister(base: base, limit: limit)
  }

  /// LGDT m.
  func lgdt(_ i: borrowing Instruction) throws(Exception) {
    state.pointee.gdtr = try loadTableRegister(i)
  }

  /// LIDT m.
  func lidt(_ i: borrowing Instruction) throws(Exception) {
    state.pointee.idtr = try loadTableRegister(i)
  }

  /// SGDT and SIDT m.
  func storeTableRegister(
    _ table: DescriptorTableRegister, _ i: borrowing Instruction
  ) throws(Exception) {
    let size = tableBaseSize
    let start = effectiveAddress(i)
    let second = truncate(start &+ 2, toSize: i.addressSize)
    let limitAddress = try linearAddress(i.segment, offset: start, size: 2, access: .write)
    let baseAddress = try linearAddress(
      i.segment, offset: second, size: UInt64(size), access: .write)
    try probe(baseAddress, count: UInt64(size), access: .write)
    try store(table.limit, at: limitAddress)
    try store(table.base, at: baseAddress, size: size)
  }
}
