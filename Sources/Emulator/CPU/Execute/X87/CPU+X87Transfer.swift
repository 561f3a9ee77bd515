extension CPU {
  /// The m32fp or m64fp operand.
  func loadReal<F: InterchangeFormat>(
    _ i: borrowing Instruction, _: F.Type
  ) throws(Exception) -> UnpackedFloat {
    let bits = try loadOperand(i, size: UInt8(MemoryLayout<F.Pattern>.size))
    return UnpackedFloat(F.Pattern(truncatingIfNeeded: bits), as: F.self)
  }

  /// The m16int, m32int or m64int operand.
  func loadInteger(_ i: borrowing Instruction, size: UInt8) throws(Exception) -> UnpackedFloat {
    let bits = try loadOperand(i, size: size)
    let unused = UInt64(64 &- Int(size) &* 8)
    return UnpackedFloat(Int64(bitPattern: bits &<< unused) >> Int64(unused))
  }

  /// FLD m32fp, FLD m64fp.
  func fld<F: InterchangeFormat>(_ i: borrowing Instruction, _: F.Type) throws(Exception) {
    let source = try loadReal(i, F.self)
    guard isEmptyST(7) else { return pushChecked(.indefinite) }
    var environment = x87Environment()
    let value = environment.convert(source)
    // An unmasked denormal operand does not keep the load from completing.
    commitX87(environment)
    if !environment.unmasked.contains(.invalid) { pushX87(value.extended) }
  }

  /// FILD.
  func fild(_ i: borrowing Instruction, size: UInt8) throws(Exception) {
    pushChecked(try loadInteger(i, size: size).extended)
  }

  /// FLD m80fp: as it is.
  func fldExtended(_ i: borrowing Instruction) throws(Exception) {
    let address = try linearAddress(i, size: 10, access: .read)
    let significand = try load(address, as: UInt64.self)
    let signExponent = try load(address + 8, as: UInt16.self)
    pushChecked(ExtendedPattern(signExponent: signExponent, significand: significand))
  }

  /// FLD ST(i).
  func fldRegister(_ n: Int) {
    if isEmptyST(n) {
      if raiseStackFault(isOverflow: false) { pushX87(.indefinite) }
    } else {
      pushChecked(x87Pattern(n))
    }
  }

  /// FLD1, FLDL2T, FLDL2E, FLDPI, FLDLG2, FLDLN2, FLDZ.
  ///
  /// The first 66 bits and the knowledge that more follow are rounded as RC says, without PE.
  func loadConstant(_ modRM: UInt8) {
    let (signExponent, significand, tail): (UInt16, UInt64, UInt64) =
      switch modRM {
      case 0xE8: (0x3FFF, 0x8000_0000_0000_0000, 0)
      case 0xE9: (0x4000, 0xD49A_784B_CD1B_8AFE, 1)
      case 0xEA: (0x3FFF, 0xB8AA_3B29_5C17_F0BB, 2)
      case 0xEB: (0x4000, 0xC90F_DAA2_2168_C234, 3)
      case 0xEC: (0x3FFD, 0x9A20_9A84_FBCF_F798, 2)
      case 0xED: (0x3FFE, 0xB172_17F7_D1CF_79AB, 3)
      default: (0, 0, 0)
      }
    var environment = x87Environment()
    environment.masks = .all
    let value = environment.round(
      isNegative: false, exponent: Int(signExponent) &- 0x3FFF,
      significand: UInt128(low: tail == 0 ? 0 : tail << 62 | 1, high: significand))
    let isZero = significand == 0
    pushChecked(isZero ? UnpackedFloat.zero(isNegative: false).extended : value.extended)
  }

  /// FST, FSTP to m32fp and m64fp.
  func fst<F: InterchangeFormat>(
    _ i: borrowing Instruction, _: F.Type, pops: Bool
  ) throws(Exception) {
    let size = UInt8(MemoryLayout<F.Pattern>.size)
    var environment = x87Environment()
    environment.format = F.format
    guard let source = st(0) else {
      return try storeOnUnderflow(
        i, UInt64(UnpackedFloat.defaultNaN.pattern(as: F.self)), size: size, pops: pops)
    }
    let value = environment.narrow(source)
    try storeResult(
      i, environment, UInt64(truncatingIfNeeded: value.pattern(as: F.self)), size: size, pops: pops)
  }

  /// FIST, FISTP, and FISTTP, which truncates whatever RC says.
  func fist(
    _ i: borrowing Instruction, size: UInt8, pops: Bool, truncates: Bool = false
  ) throws(Exception) {
    let width = Int(size) &* 8
    guard let source = st(0) else {
      return try storeOnUnderflow(i, 1 &<< UInt64(width &- 1), size: size, pops: pops)
    }
    var environment = x87Environment()
    let value = environment.integer(
      source, width: width, rounding: truncates ? .towardZero : environment.rounding)
    try storeResult(i, environment, UInt64(bitPattern: value), size: size, pops: pops)
  }

  /// Stores the masked response to a stack underflow.
  private func storeOnUnderflow(
    _ i: borrowing Instruction, _ value: UInt64, size: UInt8, pops: Bool
  ) throws(Exception) {
    let address = try linearAddress(i, size: UInt64(size), access: .write)
    try probe(address, count: UInt64(size), access: .write)
    if state.pointee.x87Control & FloatingPointExceptions.invalid.rawValue != 0 {
      try store(value, at: address, size: size)
    }
    if raiseStackFault(isOverflow: false) && pops { popX87() }
  }

  /// Stores a result to memory, unless an unmasked exception other than PE keeps it from there.
  private func storeResult(
    _ i: borrowing Instruction, _ outcome: FloatingPointEnvironment, _ value: UInt64,
    size: UInt8, pops: Bool
  ) throws(Exception) {
    var environment = outcome
    if !environment.unmasked.isDisjoint(with: [.overflow, .underflow]) {
      // Nothing was rounded, since nothing is stored.
      environment.flags.remove(.precision)
      environment.roundedUp = false
    }
    let address = try linearAddress(i, size: UInt64(size), access: .write)
    try probe(address, count: UInt64(size), access: .write)
    let isStored = environment.unmasked.subtracting(.precision).isEmpty
    if isStored { try store(value, at: address, size: size) }
    commitX87(environment)
    if isStored && pops { popX87() }
  }

  /// FSTP m80fp: as it is.
  func fstpExtended(_ i: borrowing Instruction) throws(Exception) {
    let isEmpty = isEmptyST(0)
    let invalid = FloatingPointExceptions.invalid.rawValue
    let isStored = !isEmpty || state.pointee.x87Control & invalid != 0
    let pattern = isEmpty ? .indefinite : x87Pattern(0)
    // The address is checked even where an unmasked exception keeps the store from happening.
    let address = try linearAddress(i, size: 10, access: .write)
    try probe(address, count: 10, access: .write)
    if isStored { try storeExtended(pattern, at: address) }
    if isEmpty {
      if raiseStackFault(isOverflow: false) { popX87() }
    } else {
      setConditionC1(false)
      popX87()
    }
  }

  /// Stores ten bytes that have been probed.
  private func storeExtended(
    _ pattern: ExtendedPattern, at address: LinearAddress
  ) throws(Exception) {
    try store(pattern.significand, at: address)
    try store(pattern.signExponent, at: address + 8)
  }

  /// FST, FSTP to a register.
  func fstRegister(_ n: Int, pops: Bool) {
    if isEmptyST(0) {
      guard raiseStackFault(isOverflow: false) else { return }
      setST(n, .indefinite)
    } else {
      setConditionC1(false)
      setST(n, x87Pattern(0))
    }
    if pops { popX87() }
  }

  /// FXCH.
  func fxch(_ n: Int) {
    setConditionC1(false)
    if isEmptyST(0) || isEmptyST(n) {
      guard raiseStackFault(isOverflow: false) else { return }
      if isEmptyST(0) { setST(0, .indefinite) }
      if isEmptyST(n) { setST(n, .indefinite) }
    }
    let (a, b) = (x87Pattern(0), x87Pattern(n))
    setST(0, b)
    setST(n, a)
  }

  /// FCMOVB, FCMOVE, FCMOVBE, FCMOVU and their negations.
  func fcmov(_ n: Int, code: UInt8, negated: Bool) {
    let flags = RFLAGS(rawValue: state.pointee.rflags)
    let holds =
      switch code {
      case 0: flags.contains(.carry)
      case 1: flags.contains(.zero)
      case 2: flags.contains(.carry) || flags.contains(.zero)
      default: flags.contains(.parity)
      }
    if isEmptyST(0) || isEmptyST(n) {
      if raiseStackFault(isOverflow: false) { setST(0, .indefinite) }
      return
    }
    if holds != negated { setST(0, x87Pattern(n)) }
  }

  /// FBLD.
  func fbld(_ i: borrowing Instruction) throws(Exception) {
    let address = try linearAddress(i, size: 10, access: .read)
    var digits = try load(address, as: UInt64.self)
    let top = try load(address + 8, as: UInt16.self)
    var value = UInt64(top >> 4 & 0xF) &* 10 &+ UInt64(top & 0xF)
    for _ in 0..<16 {
      value = value &* 10 &+ digits >> 60
      digits &<<= 4
    }
    let result = UnpackedFloat(isNegative: top >> 15 != 0, exponent: 63, normalizing: value)
    pushChecked(result.extended)
  }

  /// FBSTP.
  func fbstp(_ i: borrowing Instruction) throws(Exception) {
    let address = try linearAddress(i, size: 10, access: .write)
    try probe(address, count: 10, access: .write)
    var environment = x87Environment()
    let source = st(0)
    var digits: (low: UInt64, high: UInt16)?
    if let source { digits = environment.decimal(source) } else { environment.raise(.invalid) }
    let isStored = environment.unmasked.subtracting(.precision).isEmpty
    if isStored {
      // Packed BCD indefinite.
      let (low, high) = digits ?? (0xC000_0000_0000_0000, 0xFFFF)
      try store(low, at: address)
      try store(high, at: address + 8)
    }
    if source == nil { _ = raiseStackFault(isOverflow: false) } else { commitX87(environment) }
    if isStored { popX87() }
  }
}

extension FloatingPointEnvironment {
  /// Rounds to eighteen decimal digits and a sign, or raises IE.
  mutating func decimal(_ a: UnpackedFloat) -> (low: UInt64, high: UInt16)? {
    guard a.isFinite, let rounded = roundToInteger(a, rounding: rounding),
      rounded.magnitude < 1_000_000_000_000_000_000
    else {
      raise(.invalid)
      return nil
    }
    if rounded.isInexact { raise(.precision) }
    roundedUp = rounded.increments
    var value = rounded.magnitude
    var digits: UInt128 = 0
    for k in 0..<18 {
      digits |= UInt128(value % 10) &<< UInt128(k &* 4)
      value /= 10
    }
    let sign: UInt16 = a.isNegative ? 0x8000 : 0
    return (digits.low, UInt16(truncatingIfNeeded: digits.high) | sign)
  }
}
