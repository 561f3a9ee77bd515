/// A packed operation DEST := f(DEST, SRC) on integers, by its opcode in the 0F map.
struct PackedOperation {
  private let opcode: UInt8
  private let isMMX: Bool

  /// Nil where no instruction is.
  @inline(__always) init?(_ opcode: UInt8, isMMX: Bool) {
    switch opcode {
    case 0x60...0x6B, 0x74...0x76, 0xD1...0xD5, 0xD8...0xE5, 0xE8...0xEF, 0xF1...0xF6,
      0xF8...0xFE:
      break
    case 0x6C, 0x6D: if isMMX { return nil }
    default: return nil
    }
    self.opcode = opcode
    self.isMMX = isMMX
  }

  /// f(DEST, SRC); of an MMX operation the low half counts.
  func apply(_ a: UInt128, _ b: UInt128) -> UInt128 {
    switch opcode {
    case 0xDB, 0xDF, 0xEB, 0xEF: PackedInteger.logic(opcode, a, b)
    case 0xFC, 0xFD, 0xFE, 0xD4, 0xEC, 0xED, 0xDC, 0xDD: PackedInteger.add(opcode, a, b)
    case 0xF8, 0xF9, 0xFA, 0xFB, 0xE8, 0xE9, 0xD8, 0xD9: PackedInteger.subtract(opcode, a, b)
    case 0x64, 0x65, 0x66, 0x74, 0x75, 0x76: PackedInteger.compare(opcode, a, b)
    case 0xDA, 0xDE, 0xEA, 0xEE, 0xE0, 0xE3: PackedInteger.select(opcode, a, b)
    case 0xD5, 0xE4, 0xE5, 0xF4, 0xF5, 0xF6: PackedInteger.multiply(opcode, a, b)
    case 0x63, 0x67, 0x6B: PackedInteger.pack(opcode, a, b, isMMX: isMMX)
    case 0x60, 0x61, 0x62, 0x68, 0x69, 0x6A, 0x6C, 0x6D:
      PackedInteger.unpack(opcode, a, b, isMMX: isMMX)
    default: PackedInteger.shift(opcode, a, count: b.low)
    }
  }
}

/// The packed integer operations, on 128 bits.
///
/// MMX uses them too: an operation on elements gives the 64-bit result in the low half; those that
/// mix elements say how.
///
/// SDM volume 2, the *Operation* section of each instruction.
enum PackedInteger {
  typealias Bytes = SIMD16<UInt8>
  typealias SignedBytes = SIMD16<Int8>
  typealias Words = SIMD8<UInt16>
  typealias SignedWords = SIMD8<Int16>
  typealias Doublewords = SIMD4<UInt32>
  typealias SignedDoublewords = SIMD4<Int32>
  typealias Quadwords = SIMD2<UInt64>

  /// PAND, PANDN, POR, PXOR.
  @inline(__always)
  fileprivate static func logic(_ opcode: UInt8, _ a: UInt128, _ b: UInt128) -> UInt128 {
    switch opcode {
    case 0xDB: a & b
    case 0xDF: ~a & b
    case 0xEB: a | b
    default: a ^ b
    }
  }

  /// PADDB, PADDW, PADDD, PADDQ, PADDSB, PADDSW, PADDUSB, PADDUSW.
  @inline(__always)
  fileprivate static func add(_ opcode: UInt8, _ a: UInt128, _ b: UInt128) -> UInt128 {
    switch opcode {
    case 0xFC: a.combining(b, as: Bytes.self, &+)
    case 0xFD: a.combining(b, as: Words.self, &+)
    case 0xFE: a.combining(b, as: Doublewords.self, &+)
    case 0xD4: a.combining(b, as: Quadwords.self, &+)
    case 0xEC: a.combining(b, as: SignedBytes.self) { $0.saturatingAdd($1) }
    case 0xED: a.combining(b, as: SignedWords.self) { $0.saturatingAdd($1) }
    case 0xDC: a.combining(b, as: Bytes.self) { $0.saturatingAdd($1) }
    default: a.combining(b, as: Words.self) { $0.saturatingAdd($1) }
    }
  }

  /// PSUBB, PSUBW, PSUBD, PSUBQ, PSUBSB, PSUBSW, PSUBUSB, PSUBUSW.
  @inline(__always)
  fileprivate static func subtract(_ opcode: UInt8, _ a: UInt128, _ b: UInt128) -> UInt128 {
    switch opcode {
    case 0xF8: a.combining(b, as: Bytes.self, &-)
    case 0xF9: a.combining(b, as: Words.self, &-)
    case 0xFA: a.combining(b, as: Doublewords.self, &-)
    case 0xFB: a.combining(b, as: Quadwords.self, &-)
    case 0xE8: a.combining(b, as: SignedBytes.self) { $0.saturatingSubtract($1) }
    case 0xE9: a.combining(b, as: SignedWords.self) { $0.saturatingSubtract($1) }
    case 0xD8: a.combining(b, as: Bytes.self) { $0.saturatingSubtract($1) }
    default: a.combining(b, as: Words.self) { $0.saturatingSubtract($1) }
    }
  }

  /// PCMPGTB, PCMPGTW, PCMPGTD, PCMPEQB, PCMPEQW, PCMPEQD.
  @inline(__always)
  fileprivate static func compare(_ opcode: UInt8, _ a: UInt128, _ b: UInt128) -> UInt128 {
    switch opcode {
    case 0x64: a.combining(b, as: SignedBytes.self) { $0 > $1 ? -1 : 0 }
    case 0x65: a.combining(b, as: SignedWords.self) { $0 > $1 ? -1 : 0 }
    case 0x66: a.combining(b, as: SignedDoublewords.self) { $0 > $1 ? -1 : 0 }
    case 0x74: a.combining(b, as: SignedBytes.self) { $0 == $1 ? -1 : 0 }
    case 0x75: a.combining(b, as: SignedWords.self) { $0 == $1 ? -1 : 0 }
    default: a.combining(b, as: SignedDoublewords.self) { $0 == $1 ? -1 : 0 }
    }
  }

  /// PMINUB, PMAXUB, PMINSW, PMAXSW, PAVGB, PAVGW.
  @inline(__always)
  fileprivate static func select(_ opcode: UInt8, _ a: UInt128, _ b: UInt128) -> UInt128 {
    switch opcode {
    case 0xDA: a.combining(b, as: Bytes.self, min)
    case 0xDE: a.combining(b, as: Bytes.self, max)
    case 0xEA: a.combining(b, as: SignedWords.self, min)
    case 0xEE: a.combining(b, as: SignedWords.self, max)
    case 0xE0: a.combining(b, as: Bytes.self) { ($0 | $1) &- ($0 ^ $1) &>> 1 }
    default: a.combining(b, as: Words.self) { ($0 | $1) &- ($0 ^ $1) &>> 1 }
    }
  }

  /// PMULLW, PMULHUW, PMULHW, PMULUDQ, PMADDWD, PSADBW.
  @inline(__always)
  fileprivate static func multiply(_ opcode: UInt8, _ a: UInt128, _ b: UInt128) -> UInt128 {
    switch opcode {
    case 0xD5: a.combining(b, as: Words.self, &*)
    case 0xE4:
      a.combining(b, as: Words.self) {
        UInt16(truncatingIfNeeded: (UInt32($0) &* UInt32($1)) &>> 16)
      }
    case 0xE5:
      a.combining(b, as: SignedWords.self) {
        Int16(truncatingIfNeeded: (Int32($0) &* Int32($1)) &>> 16)
      }
    case 0xF4:
      a.combining(b, as: Quadwords.self) { ($0 & 0xFFFF_FFFF) &* ($1 & 0xFFFF_FFFF) }
    case 0xF5:
      a.combining(b, as: SignedDoublewords.self) {
        let low = Int32(Int16(truncatingIfNeeded: $0)) &* Int32(Int16(truncatingIfNeeded: $1))
        return low &+ ($0 &>> 16) &* ($1 &>> 16)
      }
    default: sumOfDifferences(a, b)
    }
  }

  /// PSADBW.
  private static func sumOfDifferences(_ a: UInt128, _ b: UInt128) -> UInt128 {
    let (x, y) = (a.elements(Bytes.self), b.elements(Bytes.self))
    var sums = Quadwords()
    for k in 0..<16 {
      sums[k &>> 3] &+= UInt64(x[k] > y[k] ? x[k] &- y[k] : y[k] &- x[k])
    }
    return UInt128(elements: sums)
  }

  /// PSRLW, PSRLD, PSRLQ, PSRAW, PSRAD, PSLLW, PSLLD, PSLLQ.
  static func shift(_ opcode: UInt8, _ a: UInt128, count: UInt64) -> UInt128 {
    let n = UInt8(truncatingIfNeeded: min(count, 64))
    return switch opcode {
    case 0xD1: a.mapping(as: Words.self) { $0 >> n }
    case 0xD2: a.mapping(as: Doublewords.self) { $0 >> n }
    case 0xD3: a.mapping(as: Quadwords.self) { $0 >> n }
    case 0xE1: a.mapping(as: SignedWords.self) { $0 >> n }
    case 0xE2: a.mapping(as: SignedDoublewords.self) { $0 >> n }
    case 0xF1: a.mapping(as: Words.self) { $0 << n }
    case 0xF2: a.mapping(as: Doublewords.self) { $0 << n }
    default: a.mapping(as: Quadwords.self) { $0 << n }
    }
  }

  /// PUNPCKL and PUNPCKH of bytes, words, doublewords and quadwords; 64-bit operands when `isMMX`.
  static func unpack(_ opcode: UInt8, _ a: UInt128, _ b: UInt128, isMMX: Bool) -> UInt128 {
    let isHigh = opcode >= 0x68 && opcode != 0x6C
    if isHigh && !isMMX {
      return interleave(opcode, a &>> 64, b &>> 64)
    }
    let result = interleave(opcode, a, b)
    return isHigh ? result &>> 64 : result
  }

  @inline(__always)
  private static func interleave(_ opcode: UInt8, _ a: UInt128, _ b: UInt128) -> UInt128 {
    switch opcode {
    case 0x60, 0x68: a.interleavingLow(b, as: Bytes.self)
    case 0x61, 0x69: a.interleavingLow(b, as: Words.self)
    case 0x62, 0x6A: a.interleavingLow(b, as: Doublewords.self)
    default: UInt128(low: a.low, high: b.low)
    }
  }

  /// PACKSSWB, PACKUSWB, PACKSSDW; 64-bit operands when `isMMX`.
  static func pack(_ opcode: UInt8, _ a: UInt128, _ b: UInt128, isMMX: Bool) -> UInt128 {
    let a = isMMX ? UInt128(low: a.low, high: b.low) : a
    return switch opcode {
    case 0x63: a.packing(b, from: SignedWords.self, to: SignedBytes.self)
    case 0x67: a.packing(b, from: SignedWords.self, to: Bytes.self)
    default: a.packing(b, from: SignedDoublewords.self, to: SignedWords.self)
    }
  }

  /// Four elements of `source` chosen by two bits each of `order`; the selection of PSHUFD,
  /// PSHUFW, PSHUFLW and PSHUFHW.
  @inline(__always)
  static func shuffle<V: SIMD>(_ source: V, order: UInt8, from first: Int = 0) -> V {
    var result = source
    for k in 0..<4 {
      result[first &+ k] = source[first &+ Int(order &>> UInt8(2 &* k) & 3)]
    }
    return result
  }

  /// The sign bits of sixteen bytes.
  static func signMask(_ a: UInt128) -> UInt64 {
    let bytes = a.elements(SignedBytes.self)
    var mask: UInt64 = 0
    for k in 0..<16 where bytes[k] < 0 { mask |= 1 &<< UInt64(k) }
    return mask
  }
}
