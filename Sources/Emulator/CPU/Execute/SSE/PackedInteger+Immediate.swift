/// A packed operation DEST := f(DEST, SRC, imm8), by its opcode in the 0F 3A map.
struct ImmediateOperation {
  private let opcode: UInt8

  /// Nil where no such instruction is.
  init?(_ opcode: UInt8) {
    switch opcode {
    case 0x0C...0x0F, 0x42, 0x44, 0xDF: self.opcode = opcode
    default: return nil
    }
  }

  /// Whether DEST is not a source: AESKEYGENASSIST.
  var isUnary: Bool { opcode == 0xDF }

  /// f(DEST, SRC, imm8) of one 128-bit lane.
  func apply(_ a: UInt128, _ b: UInt128, _ immediate: UInt8) -> UInt128 {
    switch opcode {
    case 0x0C: PackedInteger.blend(a, b, as: PackedInteger.Doublewords.self, choice: immediate)
    case 0x0D: PackedInteger.blend(a, b, as: PackedInteger.Quadwords.self, choice: immediate)
    case 0x0E: PackedInteger.blend(a, b, as: PackedInteger.Words.self, choice: immediate)
    case 0x0F: PackedInteger.align(a, b, count: immediate)
    case 0x42: PackedInteger.sumsOfDifferences(a, b, blocks: immediate)
    case 0x44: CarrylessProduct.of(a, b, halves: immediate)
    default: AES.assistKeyGeneration(b, constant: immediate)
    }
  }

  /// The immediate for the upper lane of a 256-bit operation.
  func upperImmediate(_ immediate: UInt8) -> UInt8 {
    switch opcode {
    case 0x0C: immediate >> 4
    case 0x0D: immediate >> 2
    case 0x42: immediate >> 3
    default: immediate
    }
  }
}

/// SSE4.1 with an immediate: BLENDPS, BLENDPD, PBLENDW, MPSADBW, INSERTPS.
///
/// SDM volume 2, the *Operation* section of each instruction.
extension PackedInteger {
  /// Elements of `b` where a bit of `choice` is set, else of `a`.
  fileprivate static func blend<V: SIMD>(
    _ a: UInt128, _ b: UInt128, as type: V.Type, choice: UInt8
  ) -> UInt128 {
    var result = a.elements(V.self)
    let other = b.elements(V.self)
    for k in 0..<V.scalarCount where choice >> UInt8(k) & 1 != 0 { result[k] = other[k] }
    return UInt128(elements: result)
  }

  /// MPSADBW: eight sums of four absolute differences, of a block of `b` and the eight blocks of
  /// `a` that begin one byte apart.
  fileprivate static func sumsOfDifferences(
    _ a: UInt128, _ b: UInt128, blocks: UInt8
  ) -> UInt128 {
    let (x, y) = (a.elements(Bytes.self), b.elements(Bytes.self))
    let first = Int(blocks >> 2 & 1) &* 4
    let fixed = Int(blocks & 3) &* 4
    var sums = Words()
    for k in 0..<8 {
      for n in 0..<4 {
        let (p, q) = (x[first &+ k &+ n], y[fixed &+ n])
        sums[k] &+= UInt16(p > q ? p &- q : q &- p)
      }
    }
    return UInt128(elements: sums)
  }

  /// INSERTPS: `element` into the place that bits 5:4 name, then zeros where bits 3:0 are set.
  static func insert(_ element: UInt32, into a: UInt128, _ immediate: UInt8) -> UInt128 {
    var result = a.elements(Doublewords.self)
    result[Int(immediate >> 4 & 3)] = element
    for k in 0..<4 where immediate >> UInt8(k) & 1 != 0 { result[k] = 0 }
    return UInt128(elements: result)
  }

  /// PINSRB, PINSRD, PINSRQ: the low `size` bytes of `source` into the place that `index` names.
  static func insert(
    _ source: UInt64, size: UInt8, at index: UInt8, into a: UInt128
  ) -> UInt128 {
    let shift = UInt128(index & (16 / size &- 1)) &* UInt128(size) &* 8
    let ones = (1 as UInt128) &<< (UInt128(size) &* 8) &- 1
    return a & ~(ones &<< shift) | (UInt128(source) & ones) &<< shift
  }
}
