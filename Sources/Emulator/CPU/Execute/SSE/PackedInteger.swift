/// A packed operation DEST := f(DEST, SRC) on integers, by its opcode in the 0F or 0F 38 map.
struct PackedOperation {
  private let opcode: UInt8
  private let isMMX: Bool
  private let isSupplemental: Bool

  /// Nil where no instruction is.
  @inline(__always) init?(_ opcode: UInt8, isMMX: Bool) {
    isSupplemental = false
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

  /// Whether it is a shift, whose source is a count.
  @inline(__always) var isShift: Bool {
    switch opcode {
    case 0xD1, 0xD2, 0xD3, 0xE1, 0xE2, 0xF1, 0xF2, 0xF3: !isSupplemental
    default: false
    }
  }

  /// Of the 0F 38 map, by prefix 66 or, in its MMX form, none.
  init?(supplemental opcode: UInt8, isMMX: Bool) {
    isSupplemental = true
    switch opcode {
    case 0x00...0x0B, 0x1C...0x1E: break
    case 0x28, 0x29, 0x2B, 0x37...0x41, 0xDB...0xDF: if isMMX { return nil }
    default: return nil
    }
    self.opcode = opcode
    self.isMMX = isMMX
  }

  /// Whether DEST is not a source: PABS, PHMINPOSUW and AESIMC.
  var isUnary: Bool {
    isSupplemental && (0x1C...0x1E ~= opcode || opcode == 0x41 || opcode == 0xDB)
  }

  /// f(DEST, SRC); of an MMX operation the low half counts.
  func apply(_ a: UInt128, _ b: UInt128) -> UInt128 {
    if isSupplemental {
      return switch opcode {
      case 0x00...0x1E: PackedInteger.supplemental(opcode, a, b, isMMX: isMMX)
      case 0xDB...0xDF: AES.apply(opcode, a, b)
      default: PackedInteger.wide(opcode, a, b)
      }
    }
    return applyBasic(a, b)
  }

  @inline(__always) private func applyBasic(_ a: UInt128, _ b: UInt128) -> UInt128 {
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
  static func logic(_ opcode: UInt8, _ a: UInt128, _ b: UInt128) -> UInt128 {
    switch opcode {
    case 0xDB: a & b
    case 0xDF: ~a & b
    case 0xEB: a | b
    default: a ^ b
    }
  }

  /// PADDB, PADDW, PADDD, PADDQ, PADDSB, PADDSW, PADDUSB, PADDUSW.
  @inline(__always)
  static func add(_ opcode: UInt8, _ a: UInt128, _ b: UInt128) -> UInt128 {
    switch opcode {
    case 0xFC: a.combining(b, as: Bytes.self, &+)
    case 0xFD: a.combining(b, as: Words.self, &+)
    case 0xFE: a.combining(b, as: Doublewords.self, &+)
    case 0xD4: a.combining(b, as: Quadwords.self, &+)
    case 0xEC: saturatingAdd(a.elements(SignedBytes.self), b.elements(SignedBytes.self))
    case 0xED: saturatingAdd(a.elements(SignedWords.self), b.elements(SignedWords.self))
    case 0xDC: saturatingAddUnsigned(a.elements(Bytes.self), b.elements(Bytes.self))
    default: saturatingAddUnsigned(a.elements(Words.self), b.elements(Words.self))
    }
  }

  /// PSUBB, PSUBW, PSUBD, PSUBQ, PSUBSB, PSUBSW, PSUBUSB, PSUBUSW.
  @inline(__always)
  static func subtract(_ opcode: UInt8, _ a: UInt128, _ b: UInt128) -> UInt128 {
    switch opcode {
    case 0xF8: a.combining(b, as: Bytes.self, &-)
    case 0xF9: a.combining(b, as: Words.self, &-)
    case 0xFA: a.combining(b, as: Doublewords.self, &-)
    case 0xFB: a.combining(b, as: Quadwords.self, &-)
    case 0xE8: saturatingSubtract(a.elements(SignedBytes.self), b.elements(SignedBytes.self))
    case 0xE9: saturatingSubtract(a.elements(SignedWords.self), b.elements(SignedWords.self))
    case 0xD8: saturatingSubtractUnsigned(a.elements(Bytes.self), b.elements(Bytes.self))
    default: saturatingSubtractUnsigned(a.elements(Words.self), b.elements(Words.self))
    }
  }

  /// PCMPGTB, PCMPGTW, PCMPGTD, PCMPEQB, PCMPEQW, PCMPEQD.
  @inline(__always)
  static func compare(_ opcode: UInt8, _ a: UInt128, _ b: UInt128) -> UInt128 {
    switch opcode {
    case 0x64: mask(a.elements(SignedBytes.self) .> b.elements(SignedBytes.self))
    case 0x65: mask(a.elements(SignedWords.self) .> b.elements(SignedWords.self))
    case 0x66: mask(a.elements(SignedDoublewords.self) .> b.elements(SignedDoublewords.self))
    case 0x74: mask(a.elements(SignedBytes.self) .== b.elements(SignedBytes.self))
    case 0x75: mask(a.elements(SignedWords.self) .== b.elements(SignedWords.self))
    default: mask(a.elements(SignedDoublewords.self) .== b.elements(SignedDoublewords.self))
    }
  }

  /// All ones where the comparison holds, else zeros.
  @inline(__always)
  private static func mask<V: SIMD>(_ comparison: SIMDMask<V>) -> UInt128
  where V.MaskStorage == V, V.Scalar: FixedWidthInteger & SignedInteger {
    UInt128(elements: V(repeating: 0).replacing(with: V(repeating: -1), where: comparison))
  }

  /// PMINUB, PMAXUB, PMINSW, PMAXSW, PAVGB, PAVGW.
  @inline(__always)
  static func select(_ opcode: UInt8, _ a: UInt128, _ b: UInt128) -> UInt128 {
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
  static func multiply(_ opcode: UInt8, _ a: UInt128, _ b: UInt128) -> UInt128 {
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
  @inline(__always)
  private static func sumOfDifferences(_ a: UInt128, _ b: UInt128) -> UInt128 {
    let (x, y) = (a.elements(Bytes.self), b.elements(Bytes.self))
    let differences = UInt128(elements: pointwiseMax(x, y) &- pointwiseMin(x, y))
    return UInt128(low: sumOfBytes(differences.low), high: sumOfBytes(differences.high))
  }

  /// The sum of eight bytes, found in pairs: four words, whose sum a multiplication brings to the
  /// top one.
  @inline(__always) private static func sumOfBytes(_ bytes: UInt64) -> UInt64 {
    let even: UInt64 = 0x00FF_00FF_00FF_00FF
    return (((bytes & even) &+ (bytes >> 8 & even)) &* 0x0001_0001_0001_0001) >> 48
  }

  /// PSRLW, PSRLD, PSRLQ, PSRAW, PSRAD, PSLLW, PSLLD, PSLLQ.
  @inline(__always)
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
  @inline(__always)
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
    case 0x60, 0x68: interleave(a.low, b.low, distance: 8) { spreadBytes(spreadWords($0)) }
    case 0x61, 0x69: interleave(a.low, b.low, distance: 16, spreadWords)
    case 0x62, 0x6A: interleave(a.low, b.low, distance: 32) { $0 }
    default: UInt128(low: a.low, high: b.low)
    }
  }

  /// Eight bytes each of `a` and `b`, alternating in elements of `distance` bits.
  @inline(__always) private static func interleave(
    _ a: UInt64, _ b: UInt64, distance: UInt64, _ spread: (UInt64) -> UInt64
  ) -> UInt128 {
    UInt128(
      low: spread(a & 0xFFFF_FFFF) | spread(b & 0xFFFF_FFFF) &<< distance,
      high: spread(a >> 32) | spread(b >> 32) &<< distance)
  }

  /// Moves two words apart to the low halves of doublewords.
  @inline(__always) private static func spreadWords(_ x: UInt64) -> UInt64 {
    (x | x << 16) & 0x0000_FFFF_0000_FFFF
  }

  /// Moves the bytes of two words apart to the low halves of words.
  @inline(__always) private static func spreadBytes(_ x: UInt64) -> UInt64 {
    (x | x << 8) & 0x00FF_00FF_00FF_00FF
  }

  /// PACKSSWB, PACKUSWB, PACKSSDW; 64-bit operands when `isMMX`.
  @inline(__always)
  static func pack(_ opcode: UInt8, _ a: UInt128, _ b: UInt128, isMMX: Bool) -> UInt128 {
    let a = isMMX ? UInt128(low: a.low, high: b.low) : a
    return switch opcode {
    case 0x63: UInt128(low: packWords(a, -128, 127), high: packWords(b, -128, 127))
    case 0x67: UInt128(low: packWords(a, 0, 255), high: packWords(b, 0, 255))
    default: UInt128(low: packDoublewords(a), high: packDoublewords(b))
    }
  }

  /// Narrows eight words to bytes, saturated to the bounds.
  @inline(__always) private static func packWords(
    _ a: UInt128, _ lower: Int16, _ upper: Int16
  ) -> UInt64 {
    let clamped = a.elements(SignedWords.self)
      .clamped(lowerBound: .init(repeating: lower), upperBound: .init(repeating: upper))
    let words = UInt128(elements: clamped)
    return gatherWords(gatherBytes(words.low)) | gatherWords(gatherBytes(words.high)) << 32
  }

  /// Narrows four doublewords to words, saturated.
  @inline(__always) private static func packDoublewords(_ a: UInt128) -> UInt64 {
    let clamped = a.elements(SignedDoublewords.self)
      .clamped(lowerBound: .init(repeating: -32768), upperBound: .init(repeating: 32767))
    let doublewords = UInt128(elements: clamped)
    return gatherWords(doublewords.low) | gatherWords(doublewords.high) << 32
  }

  /// Brings the low bytes of the words of each doubleword together.
  @inline(__always) private static func gatherBytes(_ x: UInt64) -> UInt64 {
    let low = x & 0x00FF_00FF_00FF_00FF
    return (low | low >> 8) & 0x0000_FFFF_0000_FFFF
  }

  /// Brings the low words of two doublewords together.
  @inline(__always) private static func gatherWords(_ x: UInt64) -> UInt64 {
    let low = x & 0x0000_FFFF_0000_FFFF
    return (low | low >> 16) & 0xFFFF_FFFF
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
  @inline(__always) static func signMask(_ a: UInt128) -> UInt64 {
    signs(a.low) | signs(a.high) << 8
  }

  /// The sign bits of eight bytes: the multiplication brings each to a place of its own in the top
  /// byte.
  @inline(__always) private static func signs(_ bytes: UInt64) -> UInt64 {
    ((bytes & 0x8080_8080_8080_8080) &* 0x0002_0408_1020_4081) >> 56
  }
}
