extension CPU {
  /// INVLPG m.
  func invlpg(_ i: borrowing Instruction) throws(Exception) {
    try requireRing0()
    let segment = i.segment
    var address = LinearAddress(effectiveAddress(i))
    if isLongMode {
      if segment == .fs || segment == .gs { address = address + self[segment].base }
      // A non-canonical address is no error, and no page has one.
      guard isCanonical(address) else { return }
    } else {
      address = LinearAddress((address.value &+ self[segment].base) & 0xFFFF_FFFF)
    }
    flushTLB(page: address)
  }

  /// INVPCID r, m128.
  func invpcid(_ i: borrowing Instruction) throws(Exception) {
    let fault = Exception.generalProtection(errorCode: 0)
    try requireRing0()
    let type = truncate(self[Int(i.operand0.index)], toSize: isLongMode ? 8 : 4)
    let at = try linearAddress(i, size: 16, access: .read)
    let pcid = try load(at, as: UInt64.self)
    let address = LinearAddress(try load(at + 8, as: UInt64.self))
    guard type <= 3, pcid & ~0xFFF == 0 else { throw fault }
    if type < 2 && pcid != 0 && !cr4.contains(.pcidEnable) { throw fault }
    switch type {
    case 0:
      guard isCanonicalBase(address.value) else { throw fault }
      flushTLB(page: address)
    case 1, 3: flushNonGlobalTLB()
    default: flushTLB()
    }
  }
}
