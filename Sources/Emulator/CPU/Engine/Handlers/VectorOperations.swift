// The operations that fast vector handlers specialise: names for what `PackedInteger` computes, by
// opcode, so that each handler has only its own.

/// PAND, PANDN, POR, PXOR, and their floating-point twins.
enum PackedLogic<let opcode: Int>: VectorOperation {
  @inline(__always) static func apply(_ a: UInt128, _ b: UInt128) -> UInt128 {
    PackedInteger.logic(UInt8(truncatingIfNeeded: opcode), a, b)
  }
}

/// PADDB to PADDUSW.
enum PackedSum<let opcode: Int>: VectorOperation {
  @inline(__always) static func apply(_ a: UInt128, _ b: UInt128) -> UInt128 {
    PackedInteger.add(UInt8(truncatingIfNeeded: opcode), a, b)
  }
}

/// PSUBB to PSUBUSW.
enum PackedDifference<let opcode: Int>: VectorOperation {
  @inline(__always) static func apply(_ a: UInt128, _ b: UInt128) -> UInt128 {
    PackedInteger.subtract(UInt8(truncatingIfNeeded: opcode), a, b)
  }
}

/// PCMPEQB to PCMPGTD.
enum PackedComparison<let opcode: Int>: VectorOperation {
  @inline(__always) static func apply(_ a: UInt128, _ b: UInt128) -> UInt128 {
    PackedInteger.compare(UInt8(truncatingIfNeeded: opcode), a, b)
  }
}

/// PMINUB to PAVGW.
enum PackedSelection<let opcode: Int>: VectorOperation {
  @inline(__always) static func apply(_ a: UInt128, _ b: UInt128) -> UInt128 {
    PackedInteger.select(UInt8(truncatingIfNeeded: opcode), a, b)
  }
}

/// PMULLW to PSADBW.
enum PackedProduct<let opcode: Int>: VectorOperation {
  @inline(__always) static func apply(_ a: UInt128, _ b: UInt128) -> UInt128 {
    PackedInteger.multiply(UInt8(truncatingIfNeeded: opcode), a, b)
  }
}

/// PACKSSWB, PACKUSWB, PACKSSDW.
enum PackedNarrowing<let opcode: Int>: VectorOperation {
  @inline(__always) static func apply(_ a: UInt128, _ b: UInt128) -> UInt128 {
    PackedInteger.pack(UInt8(truncatingIfNeeded: opcode), a, b, isMMX: false)
  }
}

/// PUNPCKLBW to PUNPCKHQDQ, UNPCKLPS to UNPCKHPD.
enum PackedInterleaving<let opcode: Int>: VectorOperation {
  @inline(__always) static func apply(_ a: UInt128, _ b: UInt128) -> UInt128 {
    PackedInteger.unpack(UInt8(truncatingIfNeeded: opcode), a, b, isMMX: false)
  }
}

/// PCMPEQQ, PCMPGTQ, PMINSB to PMAXUD, PMULLD.
enum PackedWide<let opcode: Int>: VectorOperation {
  @inline(__always) static func apply(_ a: UInt128, _ b: UInt128) -> UInt128 {
    PackedInteger.wide(UInt8(truncatingIfNeeded: opcode), a, b)
  }
}

/// PSHUFB.
enum ByteShuffle: VectorOperation {
  @inline(__always) static func apply(_ a: UInt128, _ b: UInt128) -> UInt128 {
    PackedInteger.shuffleBytes(a, by: b)
  }
}

/// PSRLW to PSLLQ by an immediate count, by the opcode of the shift by a register.
enum PackedShift<let opcode: Int>: ImmediateVectorOperation {
  @inline(__always)
  static func apply(_ a: UInt128, _ b: UInt128, _ immediate: UInt8) -> UInt128 {
    PackedInteger.shift(UInt8(truncatingIfNeeded: opcode), b, count: UInt64(immediate))
  }
}

/// PSRLDQ.
enum ByteShiftRight: ImmediateVectorOperation {
  @inline(__always)
  static func apply(_ a: UInt128, _ b: UInt128, _ immediate: UInt8) -> UInt128 {
    b >> (UInt64(immediate) &* 8)
  }
}

/// PSLLDQ.
enum ByteShiftLeft: ImmediateVectorOperation {
  @inline(__always)
  static func apply(_ a: UInt128, _ b: UInt128, _ immediate: UInt8) -> UInt128 {
    b << (UInt64(immediate) &* 8)
  }
}

/// PALIGNR.
enum ByteAlignment: ImmediateVectorOperation {
  @inline(__always)
  static func apply(_ a: UInt128, _ b: UInt128, _ immediate: UInt8) -> UInt128 {
    PackedInteger.align(a, b, count: immediate)
  }
}

/// PSHUFD.
enum DoublewordShuffle: ImmediateVectorOperation {
  @inline(__always)
  static func apply(_ a: UInt128, _ b: UInt128, _ immediate: UInt8) -> UInt128 {
    UInt128(
      elements: PackedInteger.shuffle(b.elements(PackedInteger.Doublewords.self), order: immediate))
  }
}

/// SHUFPS.
enum SingleShuffle: ImmediateVectorOperation {
  @inline(__always)
  static func apply(_ a: UInt128, _ b: UInt128, _ immediate: UInt8) -> UInt128 {
    CPU.shufp(a, b, order: UInt64(immediate), isDouble: false)
  }
}
