/// Moves of some elements of a vector: memory of the others is not touched and cannot fault.
extension CPU {
  /// VMASKMOVPS, VMASKMOVPD, VPMASKMOVD, VPMASKMOVQ: the sign bits of vvvv choose the elements.
  func maskedMove(_ i: borrowing Instruction) throws(Exception) {
    try checkAVX()
    let opcode = i.opcode
    let isDouble = opcode >= 0x8C ? i.prefixes.contains(.rexW) : opcode & 1 != 0
    let isStore = opcode == 0x8E || opcode == 0x2E || opcode == 0x2F
    let size: UInt8 = isDouble ? 8 : 4
    let mask = Self.signs(vector(i.vvvv), isDouble: isDouble)
    let count = Int(i.vectorLength / size)
    if isStore { return try storeElements(i, mask: mask, count: count, size: size) }
    var result = Vector()
    for k in 0..<count where mask >> UInt64(k) & 1 != 0 {
      let address = try elementAddress(i, k, size: size, access: .read)
      // Byte by byte where accesses are watched: these instructions never raise #AC.
      guard isWatching else {
        result.setElement(k, size: size, try load(address, size: size))
        continue
      }
      var value: UInt64 = 0
      for byte in 0..<UInt64(size) {
        value |= try load(address + byte, size: 1) &<< (byte &* 8)
      }
      result.setElement(k, size: size, value)
    }
    setVector(i, result)
  }

  private func elementAddress(
    _ i: borrowing Instruction, _ k: Int, size: UInt8, access: Access
  ) throws(Exception) -> LinearAddress {
    let offset = truncate(effectiveAddress(i) &+ UInt64(k) &* UInt64(size), toSize: i.addressSize)
    return try linearAddress(i.segment, offset: offset, size: UInt64(size), access: access)
  }

  /// Stores elements of reg, once it is known that none of them faults.
  private func storeElements(
    _ i: borrowing Instruction, mask: UInt64, count: Int, size: UInt8
  ) throws(Exception) {
    for k in 0..<count where mask >> UInt64(k) & 1 != 0 {
      let address = try elementAddress(i, k, size: size, access: .write)
      try probe(address, count: UInt64(size), access: .write)
    }
    let source = vector(i.reg)
    for k in 0..<count where mask >> UInt64(k) & 1 != 0 {
      let address = try elementAddress(i, k, size: size, access: .write)
      let value = source.element(k, size: size)
      guard isWatching else {
        try store(value, at: address, size: size)
        continue
      }
      for byte in 0..<UInt64(size) {
        try store(value &>> (byte &* 8), at: address + byte, size: 1)
      }
    }
  }

  /// The sign bits of the elements of a vector.
  static func signs(_ vector: Vector, isDouble: Bool) -> UInt64 {
    signs(vector.low, isDouble: isDouble)
      | signs(vector.high, isDouble: isDouble) << (isDouble ? 2 : 4)
  }

  /// VGATHERDPS, VGATHERDPD, VGATHERQPS, VGATHERQPD, VPGATHERDD, VPGATHERDQ, VPGATHERQD,
  /// VPGATHERQQ.
  ///
  /// Elements are loaded in order, and the mask of each that was is cleared, so that the
  /// instruction goes on behind them after a fault. The masks of the others stay whole, as AMD's
  /// processors leave them; the SDM has their sign bits spread, which are all that counts.
  func gather(_ i: borrowing Instruction) throws(Exception) {
    try checkAVX()
    let size: UInt8 = i.prefixes.contains(.rexW) ? 8 : 4
    let indexSize: UInt8 = i.opcode & 1 == 0 ? 4 : 8
    let count = Int(i.vectorLength / max(size, indexSize))
    let indices = vector(i.operand1.index)
    var result = vector(i.reg)
    var mask = vector(i.vvvv)
    let wanted = Self.signs(mask, isDouble: size == 8)
    do {
      for k in 0..<count {
        guard wanted >> UInt64(k) & 1 != 0 else {
          mask.setElement(k, size: size, 0)
          continue
        }
        let index = signExtended(indices.element(k, size: indexSize), size: indexSize)
        let offset = truncate(
          effectiveAddress(i) &+ UInt64(bitPattern: index) &<< UInt64(i.scale),
          toSize: i.addressSize)
        let address = try linearAddress(
          i.segment, offset: offset, size: UInt64(size), access: .read)
        result.setElement(k, size: size, try load(address, size: size))
        mask.setElement(k, size: size, 0)
      }
    } catch {
      setVector(i.reg, result)
      setVector(i.vvvv, mask)
      throw error
    }
    // Only `count` elements are left, which may be half of the vector length.
    setVector(i.reg, result.keeping(count &* Int(size)))
    setVector(i.vvvv, Vector())
  }
}

extension Vector {
  /// Element `k` of 1, 2, 4 or 8 bytes, zero-extended.
  @inline(__always) func element(_ k: Int, size: UInt8) -> UInt64 {
    let bit = k &* Int(size) &* 8
    let value = (self[bit &>> 7] &>> UInt128(bit & 127)).low
    return size == 8 ? value : value & (1 &<< (UInt64(size) &* 8) &- 1)
  }

  /// Sets element `k`, of 4 or 8 bytes.
  @inline(__always) mutating func setElement(_ k: Int, size: UInt8, _ value: UInt64) {
    let bit = k &* Int(size) &* 8
    let mask: UInt128 = (1 &<< (UInt128(size) &* 8) &- 1) &<< UInt128(bit & 127)
    let old = self[bit &>> 7]
    self[bit &>> 7] = old & ~mask | UInt128(value) &<< UInt128(bit & 127) & mask
  }

  /// The low `bytes` (8, 16 or 32) bytes; zeros above.
  func keeping(_ bytes: Int) -> Vector {
    switch bytes {
    case 8: Vector(low: UInt128(low.low))
    case 16: Vector(low: low)
    default: self
    }
  }
}
