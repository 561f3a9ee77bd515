extension UserState {
  /// `name=value` for everything but RIP in which this state differs from `other`.
  package func changes(
    from other: UserState, undefinedFlags: UInt64, undefinedConditions: UInt16
  ) -> [String] {
    var words: [String] = []
    for index in 0..<16 where registers[index] != other.registers[index] {
      words.append("\(UserState.registerNames[index])=\(hex(registers[index]))")
    }
    if rflags & ~undefinedFlags != other.rflags & ~undefinedFlags {
      words.append("flags=\(FlagBits.text(rflags & ~undefinedFlags))")
    }
    if width != other.width { words.append("bits=\(width.rawValue)") }
    let plain = width == other.width ? other.segments : UserState(width).segments
    for index in 0..<6 where segments[index] != plain[index] {
      words.append("\(UserState.segmentNames[index])=\(hex(UInt64(segments[index])))")
    }
    if fsBase != other.fsBase { words.append("fsbase=\(hex(fsBase))") }
    if gsBase != other.gsBase { words.append("gsbase=\(hex(gsBase))") }
    return words + floatingPointChanges(from: other, undefinedConditions: undefinedConditions)
  }

  private func floatingPointChanges(
    from other: UserState, undefinedConditions: UInt16
  ) -> [String] {
    var words: [String] = []
    if fcw != other.fcw { words.append("fcw=\(hex(UInt64(fcw)))") }
    if fsw & ~undefinedConditions != other.fsw & ~undefinedConditions {
      words.append("fsw=\(hex(UInt64(fsw & ~undefinedConditions)))")
    }
    if ftw != other.ftw { words.append("ftw=\(hex(UInt64(ftw)))") }
    for index in 0..<8 where self[st: index] != other[st: index] {
      words.append("st\(index)=\(self[st: index].text)")
    }
    if mxcsr != other.mxcsr { words.append("mxcsr=\(hex(UInt64(mxcsr)))") }
    for index in 0..<16 {
      let (low, high) = (self[xmm: index], self[ymmHigh: index])
      if high != other[ymmHigh: index] {
        words.append("ymm\(index)=\(wideHex(high))\(wideHex(low))")
      } else if low != other[xmm: index] {
        words.append("xmm\(index)=\(wideHex(low))")
      }
    }
    return words
  }

  /// Sets what a row calls `name` to what it writes as `value`.
  mutating func set(_ name: String, _ value: String) throws(RowError) {
    if name == "flags" {
      rflags = try UserState.flags(value)
      return
    }
    if name.hasPrefix("st"), let index = Int(name.dropFirst(2)), (0..<8).contains(index) {
      let parts = value.split(separator: ".")
      guard parts.count == 2, let exponent = UInt16(parts[0], radix: 16),
        let significand = UInt64(parts[1], radix: 16)
      else { throw RowError("not sign and exponent, dot, significand: \(value)") }
      self[st: index] = ExtendedBits(significand: significand, signExponent: exponent)
      return
    }
    if name.hasPrefix("xmm"), let index = Int(name.dropFirst(3)), (0..<16).contains(index) {
      self[xmm: index] = try UserState.lane(value)
      return
    }
    if name.hasPrefix("ymm"), let index = Int(name.dropFirst(3)), (0..<16).contains(index) {
      self[ymmHigh: index] = try UserState.lane(String(value.prefix(32)))
      self[xmm: index] = try UserState.lane(String(value.dropFirst(32)))
      return
    }
    if name == "bits" {
      guard let width = Int(value).flatMap(Width.init) else {
        throw RowError("not 32 or 64: \(value)")
      }
      segments = UserState(width).segments
      return
    }
    guard let number = UInt64(value, radix: 16) else { throw RowError("not a number: \(value)") }
    try setNumber(name, number)
  }

  private static func lane(_ value: String) throws(RowError) -> SIMD2<UInt64> {
    guard value.count == 32, let high = UInt64(value.prefix(16), radix: 16),
      let low = UInt64(value.suffix(16), radix: 16)
    else { throw RowError("not 32 hexadecimal digits: \(value)") }
    return SIMD2(low, high)
  }

  private mutating func setNumber(_ name: String, _ number: UInt64) throws(RowError) {
    if let index = UserState.registerNames.firstIndex(of: name) {
      registers[index] = number
      return
    }
    if let index = UserState.segmentNames.firstIndex(of: name) {
      segments[index] = UInt16(truncatingIfNeeded: number)
      return
    }
    switch name {
    case "rip": rip = number
    case "fsbase": fsBase = number
    case "gsbase": gsBase = number
    case "fcw": fcw = UInt16(truncatingIfNeeded: number)
    case "fsw": fsw = UInt16(truncatingIfNeeded: number)
    case "ftw": ftw = UInt8(truncatingIfNeeded: number)
    case "mxcsr": mxcsr = UInt32(truncatingIfNeeded: number)
    default: throw RowError("no register is called \(name)")
    }
  }

  private static func flags(_ text: String) throws(RowError) -> UInt64 {
    var bits = defaultRFLAGS
    for name in text.split(separator: ",") where name != "-" {
      guard let flag = FlagBits.names.first(where: { $0.name == name }) else {
        throw RowError("no flag is called \(name)")
      }
      bits |= flag.bit
    }
    return bits
  }
}
