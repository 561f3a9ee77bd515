/// The encoding of a ModRM byte, what follows it and the prefixes it needs.
struct EncodedOperand {
  var modRM: UInt8
  var tail: [UInt8] = []
  var rexB = false
  /// The low bits of the base register, where there is one.
  var base: UInt8 = 0
  var rexX = false
  var prefixes: [UInt8] = []
  /// Where in `tail` a displacement relative to the end of the instruction stands, and its target.
  var relative: (offset: Int, target: UInt64)?
}

/// The registers of a case under construction: what they must hold, and what is known no more.
struct RegisterPlan {
  /// The value each register starts with, where something depends on it.
  var initial = [UInt64?](repeating: nil, count: 16)
  /// Vector registers that start as indices of a gather.
  var indexVectors: Set<Int> = []
  /// Registers that an instruction has written.
  var written: Set<Int> = []

  func isFree(_ register: Int) -> Bool {
    initial[register] == nil && !written.contains(register)
  }

  /// The value at this point in the sequence, where it is known.
  func known(_ register: Int) -> UInt64? {
    written.contains(register) ? nil : initial[register]
  }
}

/// Chooses addresses in the data pages and registers and displacements that add up to them.
struct MemoryOperandChooser {
  var random: SplitMix64
  var width = Width.long
  var plan = RegisterPlan()

  /// An address for an operand, aligned to 16 bytes (mostly) where `aligned`.
  mutating func target(aligned: Bool) -> UInt64 {
    if random.oneIn(200) { return random.integer() }
    if random.oneIn(60) { return DataImage.address &+ UInt64(DataImage.size - random.below(40)) }
    var offset = 64 + random.below(DataImage.size - 128)
    if aligned && !random.oneIn(12) { offset &= ~15 }
    if !aligned && random.oneIn(2) { offset &= ~7 }
    return DataImage.address &+ UInt64(offset)
  }

  /// Encodes an operand at `address`, without its REG field.
  mutating func encode(_ address: UInt64) -> EncodedOperand {
    var prefixes: [UInt8] = []
    var effective = address
    if random.oneIn(16) {
      let isFS = random.oneIn(2)
      prefixes.append(isFS ? 0x64 : 0x65)
      effective &-= isFS ? UserState.defaultFSBase : UserState.defaultGSBase
    } else if random.oneIn(40) {
      prefixes.append(random.pick([0x26, 0x2E, 0x36, 0x3E]))
    }
    effective &= width.mask
    if width == .compatibility && random.oneIn(effective < 0x1_0000 ? 2 : 100) {
      return short(effective, prefixes)
    }
    let isShort = width == .long && random.oneIn(20) && effective < 1 << 32
    if isShort { prefixes.append(0x67) }
    let noSegmentBase = prefixes.first != 0x64 && prefixes.first != 0x65
    var operand: EncodedOperand
    if width == .compatibility && random.oneIn(8) {
      let absolute = MemoryOperandChooser.bytes(UInt32(truncatingIfNeeded: effective))
      operand = EncodedOperand(modRM: 5, tail: absolute)
    } else if width == .long && random.oneIn(12) && noSegmentBase {
      operand = EncodedOperand(modRM: 5, tail: [0, 0, 0, 0], relative: (0, effective))
    } else if random.oneIn(24), let narrow = Int32(exactly: Int64(bitPattern: effective)) {
      operand = EncodedOperand(modRM: 4, tail: [0x25] + MemoryOperandChooser.bytes(narrow))
    } else {
      operand = based(effective, isShort: isShort)
    }
    operand.prefixes += prefixes
    return operand
  }

  /// Encodes an operand at `address` with a vector register as its index.
  mutating func encodeVSIB(_ address: UInt64) -> EncodedOperand {
    let index = random.below(width.registerCount)
    plan.indexVectors.insert(index)
    var operand = based(address, isShort: false, allowsIndex: false)
    if operand.relative != nil || operand.modRM & 7 != 4 {
      operand.modRM = operand.modRM & ~7 | 4
      if operand.relative != nil { return operand }
      operand.tail.insert(operand.base, at: 0)
    }
    operand.tail[0] = operand.tail[0] & 7 | UInt8(index & 7) << 3 | UInt8(random.below(4)) << 6
    operand.rexX = index > 7
    return operand
  }

  private mutating func based(
    _ effective: UInt64, isShort: Bool, allowsIndex: Bool = true
  ) -> EncodedOperand {
    var base = random.below(width.registerCount)
    for _ in 0..<8 where plan.written.contains(base) { base = random.below(width.registerCount) }
    var sum: UInt64 = 0
    var index: (register: Int, shift: UInt64)?
    if allowsIndex && random.oneIn(3) {
      let register = random.below(width.registerCount)
      if register != 4 && register != base && !plan.written.contains(register) {
        if plan.isFree(register) {
          plan.initial[register] = random.oneIn(2) ? UInt64(random.below(64)) : random.integer()
        }
        let shift = UInt64(random.below(4))
        index = (register, shift)
        sum = (plan.initial[register] ?? 0) &<< shift
      }
    }
    let displacement: Int32
    if plan.isFree(base) {
      displacement = chooseDisplacement()
      let value = effective &- sum &- UInt64(bitPattern: Int64(displacement))
      plan.initial[base] =
        isShort ? value & 0xFFFF_FFFF | (random.next() & ~0xFFFF_FFFF) : value & width.mask
    } else {
      let known = plan.initial[base] ?? 0
      let gap = Int64(bitPattern: effective &- sum &- known)
      guard
        let narrow = Int32(
          exactly: isShort || width == .compatibility ? Int64(Int32(truncatingIfNeeded: gap)) : gap)
      else {
        return EncodedOperand(modRM: 5, tail: [0, 0, 0, 0], relative: (0, effective))
      }
      displacement = narrow
    }
    return pack(base: base, index: index, displacement: displacement)
  }

  /// Registers of the eight forms of 16-bit addresses.
  private static let shortForms: [[Int]] = [[3, 6], [3, 7], [5, 6], [5, 7], [6], [7], [5], [3]]

  /// A 16-bit address, by a 67 prefix.
  private mutating func short(_ effective: UInt64, _ prefixes: [UInt8]) -> EncodedOperand {
    let form = random.below(8)
    var operand = EncodedOperand(modRM: 0x80 | UInt8(form), prefixes: prefixes + [0x67])
    var rest = effective
    if random.oneIn(6) {
      operand.modRM = 6
    } else {
      for register in MemoryOperandChooser.shortForms[form] {
        if plan.isFree(register) { plan.initial[register] = random.integer() & 0xFFFF_FFFF }
        rest &-= plan.initial[register] ?? 0
      }
      let narrow = Int16(truncatingIfNeeded: rest)
      if let byte = Int8(exactly: narrow), random.oneIn(2) {
        operand.modRM ^= 0xC0
        operand.tail = [UInt8(bitPattern: byte)]
        return operand
      }
    }
    operand.tail = MemoryOperandChooser.bytes(UInt16(truncatingIfNeeded: rest))
    return operand
  }

  private mutating func chooseDisplacement() -> Int32 {
    switch random.below(3) {
    case 0: 0
    case 1: Int32(Int8(bitPattern: random.byte()))
    default: Int32(truncatingIfNeeded: random.next())
    }
  }

  private mutating func pack(
    base: Int, index: (register: Int, shift: UInt64)?, displacement: Int32
  ) -> EncodedOperand {
    let mode: UInt8
    var tail: [UInt8] = []
    if displacement == 0 && base & 7 != 5 && !random.oneIn(8) {
      mode = 0
    } else if let byte = Int8(exactly: displacement), !random.oneIn(8) {
      mode = 1
      tail = [UInt8(bitPattern: byte)]
    } else {
      mode = 2
      tail = MemoryOperandChooser.bytes(displacement)
    }
    var operand = EncodedOperand(modRM: mode << 6, rexB: base > 7, base: UInt8(base & 7))
    if base & 7 == 4 || index != nil || random.oneIn(12) {
      let field = index.map { UInt8($0.register & 7) << 3 | UInt8($0.shift) << 6 } ?? 0x20
      operand.modRM |= 4
      operand.rexX = (index?.register ?? 0) > 7
      tail.insert(field | UInt8(base & 7), at: 0)
    } else {
      operand.modRM |= UInt8(base & 7)
    }
    operand.tail = tail
    return operand
  }

  static func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }
}
