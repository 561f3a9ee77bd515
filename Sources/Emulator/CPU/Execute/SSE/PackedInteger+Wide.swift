/// SSE4.1 and SSE4.2 on integers: wider elements, other signs, blends and sums.
///
/// SDM volume 2, the *Operation* section of each instruction.
extension PackedInteger {
  typealias SignedQuadwords = SIMD2<Int64>

  /// What the opcodes 28 to 41 of the 0F 38 map do.
  @inline(__always) static func wide(_ opcode: UInt8, _ a: UInt128, _ b: UInt128) -> UInt128 {
    switch opcode {
    case 0x28: a.combining(b, as: SignedQuadwords.self, multiplyDoublewords)
    case 0x29: a.combining(b, as: Quadwords.self) { $0 == $1 ? .max : 0 }
    case 0x2B: UInt128(low: packUnsigned(a), high: packUnsigned(b))
    case 0x37: a.combining(b, as: SignedQuadwords.self) { $0 > $1 ? -1 : 0 }
    case 0x38: a.combining(b, as: SignedBytes.self, min)
    case 0x39: a.combining(b, as: SignedDoublewords.self, min)
    case 0x3A: a.combining(b, as: Words.self, min)
    case 0x3B: a.combining(b, as: Doublewords.self, min)
    case 0x3C: a.combining(b, as: SignedBytes.self, max)
    case 0x3D: a.combining(b, as: SignedDoublewords.self, max)
    case 0x3E: a.combining(b, as: Words.self, max)
    case 0x3F: a.combining(b, as: Doublewords.self, max)
    case 0x40: a.combining(b, as: Doublewords.self, &*)
    default: leastWord(b)
    }
  }

  /// PMULDQ: the product of the low doublewords, signed.
  private static func multiplyDoublewords(_ a: Int64, _ b: Int64) -> Int64 {
    Int64(Int32(truncatingIfNeeded: a)) &* Int64(Int32(truncatingIfNeeded: b))
  }

  /// PACKUSDW: narrows four signed doublewords to unsigned words, saturated.
  private static func packUnsigned(_ a: UInt128) -> UInt64 {
    let source = a.elements(SignedDoublewords.self)
    var result: UInt64 = 0
    for k in 0..<4 {
      result |= UInt64(UInt16(clamping: source[k])) &<< UInt64(k &* 16)
    }
    return result
  }

  /// PHMINPOSUW: the least word, and behind it the index of the first such.
  private static func leastWord(_ a: UInt128) -> UInt128 {
    let words = a.elements(Words.self)
    var index = 0
    for k in 1..<8 where words[k] < words[index] { index = k }
    return UInt128(words[index]) | UInt128(index) &<< 16
  }

  /// PMOVSX and PMOVZX, opcodes 20 to 25 and 30 to 35 of the 0F 38 map: 128 bits of elements from
  /// the low bits of `source`.
  static func extend(_ opcode: UInt8, _ source: UInt64) -> UInt128 {
    switch opcode {
    case 0x20: widen(source, from: Int8.self, as: SignedWords.self)
    case 0x21: widen(source, from: Int8.self, as: SignedDoublewords.self)
    case 0x22: widen(source, from: Int8.self, as: SignedQuadwords.self)
    case 0x23: widen(source, from: Int16.self, as: SignedDoublewords.self)
    case 0x24: widen(source, from: Int16.self, as: SignedQuadwords.self)
    case 0x25: widen(source, from: Int32.self, as: SignedQuadwords.self)
    case 0x30: widen(source, from: UInt8.self, as: Words.self)
    case 0x31: widen(source, from: UInt8.self, as: Doublewords.self)
    case 0x32: widen(source, from: UInt8.self, as: Quadwords.self)
    case 0x33: widen(source, from: UInt16.self, as: Doublewords.self)
    case 0x34: widen(source, from: UInt16.self, as: Quadwords.self)
    default: widen(source, from: UInt32.self, as: Quadwords.self)
    }
  }

  /// Bytes of source that `extend` takes for 128 bits.
  static func extensionSourceSize(_ opcode: UInt8) -> UInt8 {
    switch opcode & 0xF {
    case 0, 3, 5: 8
    case 1, 4: 4
    default: 2
    }
  }

  @inline(__always)
  private static func widen<T: FixedWidthInteger, V: SIMD>(
    _ source: UInt64, from type: T.Type, as: V.Type
  ) -> UInt128 where V.Scalar: FixedWidthInteger {
    var result = V()
    for k in 0..<V.scalarCount {
      result[k] = V.Scalar(
        truncatingIfNeeded: T(truncatingIfNeeded: source &>> UInt64(k &* T.bitWidth)))
    }
    return UInt128(elements: result)
  }

  /// PBLENDVB, BLENDVPS and BLENDVPD: elements of `b` where the top bit of the mask's is set, else
  /// of `a`; opcodes 10, 14 and 15 of the 0F 38 map.
  static func blend(_ opcode: UInt8, _ a: UInt128, _ b: UInt128, mask: UInt128) -> UInt128 {
    let chosen =
      switch opcode {
      case 0x10: mask.mapping(as: SignedBytes.self) { $0 &>> 7 }
      case 0x14: mask.mapping(as: SignedDoublewords.self) { $0 &>> 31 }
      default: mask.mapping(as: SignedQuadwords.self) { $0 &>> 63 }
      }
    return a & ~chosen | b & chosen
  }

  /// MOVSLDUP and MOVSHDUP: the even or the odd elements, each twice.
  @inline(__always)
  static func duplicate(_ source: Doublewords, odd: Bool) -> Doublewords {
    odd
      ? Doublewords(source[1], source[1], source[3], source[3])
      : Doublewords(source[0], source[0], source[2], source[2])
  }
}
