/// PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM: strings of up to sixteen bytes or eight words.
///
/// SDM volume 2, "Imm8 Control Byte Operation for PCMPESTRI / PCMPESTRM / PCMPISTRI / PCMPISTRM".
struct StringComparison {
  /// The operand that a comparison looks in, or for.
  typealias Elements = InlineArray<16, Int32>

  /// IntRes2: a bit for each element of the second operand.
  let mask: UInt32
  /// Elements of an operand.
  let count: Int
  /// CF, ZF, SF and OF; AF and PF are clear.
  let flags: UInt64
  private let control: UInt8

  /// Compares the first `lengthA` elements of `a` with the first `lengthB` of `b`.
  ///
  /// Without lengths each operand ends before its first zero.
  init(_ a: UInt128, _ b: UInt128, control: UInt8, lengths: (a: UInt64, b: UInt64)? = nil) {
    self.control = control
    let count = control & 1 == 0 ? 16 : 8
    self.count = count
    let (x, y) = (Self.elements(a, control), Self.elements(b, control))
    let n = lengths.map { Int(min($0.a, UInt64(count))) } ?? Self.length(x, count)
    let m = lengths.map { Int(min($0.b, UInt64(count))) } ?? Self.length(y, count)
    let all = UInt32(1) &<< UInt32(count) &- 1
    var result: UInt32 =
      switch control >> 2 & 3 {
      case 0: Self.equalAny(x, n, y, m)
      case 1: Self.ranges(x, n, y, m)
      case 2: Self.equalEach(x, n, y, m, count)
      default: Self.equalOrdered(x, n, y, m, count)
      }
    if control & 0x10 != 0 {
      result ^= control & 0x20 == 0 ? all : UInt32(1) &<< UInt32(m) &- 1
    }
    mask = result
    flags =
      (result != 0 ? StatusFlags.carry : 0) | (m < count ? StatusFlags.zero : 0)
      | (n < count ? StatusFlags.sign : 0) | (result & 1 != 0 ? StatusFlags.overflow : 0)
  }

  /// What goes to ECX: the first or the last place set, or how many there are if none is.
  var index: UInt64 {
    if mask == 0 { return UInt64(count) }
    return UInt64(
      control & 0x40 == 0 ? mask.trailingZeroBitCount : 31 &- mask.leadingZeroBitCount)
  }

  /// What goes to XMM0: a bit or all bits of an element for each place set.
  var expandedMask: UInt128 {
    if control & 0x40 == 0 { return UInt128(mask) }
    let width = 128 / count
    var result: UInt128 = 0
    for k in 0..<count where mask >> UInt32(k) & 1 != 0 {
      result |= ((1 as UInt128) &<< UInt128(width) &- 1) &<< UInt128(k &* width)
    }
    return result
  }

  /// Bytes or words, signed or not.
  private static func elements(_ a: UInt128, _ control: UInt8) -> Elements {
    var result = Elements(repeating: 0)
    let (bytes, words) = (
      a.elements(PackedInteger.Bytes.self), a.elements(PackedInteger.Words.self)
    )
    for k in 0..<(control & 1 == 0 ? 16 : 8) {
      result[k] =
        switch control & 3 {
        case 0: Int32(bytes[k])
        case 1: Int32(words[k])
        case 2: Int32(Int8(bitPattern: bytes[k]))
        default: Int32(Int16(bitPattern: words[k]))
        }
    }
    return result
  }

  private static func length(_ a: Elements, _ count: Int) -> Int {
    for k in 0..<count where a[k] == 0 { return k }
    return count
  }

  /// Which elements of `b` occur in `a`.
  private static func equalAny(_ a: Elements, _ n: Int, _ b: Elements, _ m: Int) -> UInt32 {
    var result: UInt32 = 0
    for j in 0..<m {
      for i in 0..<n where a[i] == b[j] { result |= 1 &<< UInt32(j) }
    }
    return result
  }

  /// Which elements of `b` lie in one of the ranges whose bounds are the pairs in `a`.
  private static func ranges(_ a: Elements, _ n: Int, _ b: Elements, _ m: Int) -> UInt32 {
    var result: UInt32 = 0
    for j in 0..<m {
      for i in stride(from: 0, to: n &- 1, by: 2) where a[i] <= b[j] && b[j] <= a[i &+ 1] {
        result |= 1 &<< UInt32(j)
      }
    }
    return result
  }

  /// Where both have equal elements, or both have none.
  private static func equalEach(
    _ a: Elements, _ n: Int, _ b: Elements, _ m: Int, _ count: Int
  ) -> UInt32 {
    var result: UInt32 = 0
    for k in 0..<count {
      let holds = k < n && k < m ? a[k] == b[k] : k >= n && k >= m
      if holds { result |= 1 &<< UInt32(k) }
    }
    return result
  }

  /// Where in `b` the string `a` begins, or what of it would still fit.
  private static func equalOrdered(
    _ a: Elements, _ n: Int, _ b: Elements, _ m: Int, _ count: Int
  ) -> UInt32 {
    var result: UInt32 = 0
    for j in 0..<count {
      var holds = true
      for i in 0..<min(n, count &- j) where j &+ i >= m || a[i] != b[j &+ i] { holds = false }
      if holds { result |= 1 &<< UInt32(j) }
    }
    return result
  }
}
