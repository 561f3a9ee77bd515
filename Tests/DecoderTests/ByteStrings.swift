/// A seeded source of byte strings that look like instructions.
///
/// The opcode and the byte after it (ModR/M, where there is one) are counted through, so that every
/// pair of the one-byte, 0F, 0F 38 and 0F 3A maps, and of the last three with a VEX prefix, comes up
/// once in 458752 strings; all else is random.
struct ByteStrings {
  /// More than the 15 bytes an instruction may have, so that none ends within its string.
  static let length = 24

  private static let prefixes: [UInt8] = [
    0x66, 0x66, 0x66, 0x67, 0x67, 0xF2, 0xF2, 0xF3, 0xF3, 0xF0, 0xF0, 0x26, 0x2E, 0x36, 0x3E, 0x64,
    0x65, 0x48, 0x40, 0x4F,
  ]

  private var state: UInt64
  private var counter: UInt32

  init(seed: UInt64) {
    state = seed
    counter = UInt32(truncatingIfNeeded: seed &* 7919)
  }

  /// SplitMix64.
  private mutating func random() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }

  /// Overwrites `bytes` with the next string.
  mutating func next(into bytes: UnsafeMutablePointer<UInt8>, rexIsPrefix: Bool) {
    for start in stride(from: 0, to: Self.length, by: 8) {
      UnsafeMutableRawPointer(bytes + start).storeBytes(of: random(), as: UInt64.self)
    }
    counter = (counter &+ 1) % (7 << 16)
    let isVEX = counter >> 16 > 3
    let isBare = isVEX && random() & 3 != 0
    var position = isBare ? 0 : prefixes(into: bytes, rexIsPrefix: rexIsPrefix)
    switch counter >> 16 {
    case 0: break
    case 1: position = append([0x0F], to: bytes, at: position)
    case 2: position = append([0x0F, 0x38], to: bytes, at: position)
    case 3: position = append([0x0F, 0x3A], to: bytes, at: position)
    default:
      position = vex(
        map: UInt8(counter >> 16) - 3, into: bytes, at: position, isLong: rexIsPrefix)
    }
    bytes[position] = UInt8(truncatingIfNeeded: counter >> 8)
    bytes[position + 1] = UInt8(truncatingIfNeeded: counter)
  }

  /// Usually none to three prefixes, sometimes more than fit; then perhaps a REX.
  private mutating func prefixes(
    into bytes: UnsafeMutablePointer<UInt8>, rexIsPrefix: Bool
  ) -> Int {
    let choice = random()
    var count = [0, 0, 0, 1, 1, 1, 2, 3][Int(choice & 7)]
    if choice >> 8 & 63 == 0 { count = 4 + Int(choice >> 16 & 7) }
    for position in 0..<count {
      bytes[position] = Self.prefixes[Int(random() % UInt64(Self.prefixes.count))]
    }
    guard rexIsPrefix && choice >> 24 & 3 == 0 else { return count }
    bytes[count] = 0x40 | UInt8(choice >> 32 & 15)
    return count + 1
  }

  /// A VEX prefix of two or three bytes, of which R, X and B are such that it is one.
  private mutating func vex(
    map: UInt8, into bytes: UnsafeMutablePointer<UInt8>, at position: Int, isLong: Bool
  ) -> Int {
    let choice = random()
    let anything = UInt8(truncatingIfNeeded: choice >> 8)
    let fixed: UInt8 = isLong || choice & 31 == 0 ? 0 : 0xC0
    // VEX.vvvv is often not used, and then 1111.
    let last = choice & 64 == 0 ? anything | 0x78 : anything
    if map == 1 && choice & 128 == 0 {
      return append([0xC5, last | fixed], to: bytes, at: position)
    }
    let extensions = UInt8(truncatingIfNeeded: choice >> 16) & 0xE0 | fixed
    let strange = choice >> 24 & 63 == 0 ? UInt8(truncatingIfNeeded: choice >> 32) & 31 : map
    return append([0xC4, extensions | strange, last], to: bytes, at: position)
  }

  private func append(
    _ more: [UInt8], to bytes: UnsafeMutablePointer<UInt8>, at position: Int
  ) -> Int {
    for (offset, byte) in more.enumerated() { bytes[position + offset] = byte }
    return position + more.count
  }
}
