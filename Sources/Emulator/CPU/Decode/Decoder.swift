/// Why bytes do not make an instruction.
enum DecodeFailure: Error {
  /// More bytes are needed than were given.
  case needsMore
  /// The instruction would be longer than 15 bytes: #GP(0).
  case tooLong
}

/// Bytes to `Instruction`: a pure function of the bytes, the mode and the processor's features.
///
/// SDM volume 2, "Instruction Format". An encoding that does not exist, or not on a processor with
/// these features, decodes to `.invalid`, whose execution raises #UD.
public struct Decoder {
  private let bytes: UnsafePointer<UInt8>
  private let count: Int
  let mode: ExecutionMode
  let features: ProcessorFeatures
  var position = 0
  /// W, R, X and B of REX or VEX.
  var rex: UInt8 = 0
  private var override: SegmentName?
  /// The scale of a SIB byte, also of one whose index is none.
  var vsibScale: UInt8 = 0
  var instruction = Instruction.empty

  private init(
    bytes: UnsafePointer<UInt8>, count: Int, mode: ExecutionMode, features: ProcessorFeatures
  ) {
    self.bytes = bytes
    self.count = count
    self.mode = mode
    self.features = features
  }

  /// Decodes the instruction at `bytes`, of which `count` may be looked at.
  static func decode(
    _ bytes: UnsafePointer<UInt8>, count: Int, mode: ExecutionMode, features: ProcessorFeatures
  ) throws(DecodeFailure) -> Instruction {
    var decoder = Decoder(bytes: bytes, count: count, mode: mode, features: features)
    return try decoder.decode()
  }

  /// Decodes one instruction, for tools and tests; nil if the bytes end within it or it is longer
  /// than 15 bytes.
  public static func instruction(
    _ bytes: [UInt8], mode: ExecutionMode, model: ProcessorModel = .max
  ) -> Instruction? {
    bytes.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return nil }
      return try? decode(
        base, count: buffer.count, mode: mode, features: ProcessorFeatures(of: model))
    }
  }

  var isLong: Bool { mode.contains(.long) }

  mutating func next() throws(DecodeFailure) -> UInt8 {
    guard position < 15 else { throw .tooLong }
    guard position < count else { throw .needsMore }
    defer { position &+= 1 }
    return bytes[position]
  }

  private mutating func next<T: FixedWidthInteger>(_ type: T.Type) throws(DecodeFailure) -> T {
    let size = MemoryLayout<T>.size
    guard position &+ size <= 15 else {
      // Whether the bytes are there is decided first: a fetch may fault before the length does.
      if count < 15 && position &+ size > count { throw .needsMore }
      throw .tooLong
    }
    guard position &+ size <= count else { throw .needsMore }
    defer { position &+= size }
    return UnsafeRawPointer(bytes + position).loadUnaligned(as: T.self)
  }

  private mutating func decode() throws(DecodeFailure) -> Instruction {
    var opcode = try prefixes()
    if try startsVEX(opcode) { return try decodeVEX(opcode) }
    var map = 0
    if opcode == 0x0F {
      map = 1
      opcode = try next()
      if opcode == 0x38 || opcode == 0x3A {
        map = opcode == 0x38 ? 2 : 3
        opcode = try next()
      }
    }
    instruction.map = UInt8(map)
    instruction.opcode = opcode
    var row = lookUp(map: map, opcode: opcode)
    let hasModRM = row.needsModRM
    if hasModRM {
      instruction.modRM = try next()
      if row.attributes.contains(.group) {
        row = OpcodeTable.shared.groupRow(row, modRM: instruction.modRM)
      }
      if map == 1 && opcode == 0x01 && instruction.modRM >= 0xC0 {
        row = systemRegisterForm(row)
      }
    }
    setSizes(row)
    if hasModRM { try modRMFields(forcesRegister: usesRegisterForm(row)) }
    try operands(row)
    if row.attributes.contains(.imm8) { instruction.immediate = UInt64(try next()) }
    instruction.mnemonic = isLegal(row) ? refine(row.mnemonic) : .invalid
    instruction.length = UInt8(position)
    return instruction
  }

  private mutating func prefixes() throws(DecodeFailure) -> UInt8 {
    while true {
      let byte = try next()
      switch byte {
      case 0x26 where !isLong: override = .es
      case 0x2E where !isLong: override = .cs
      case 0x36 where !isLong: override = .ss
      case 0x3E where !isLong: override = .ds
      case 0x26, 0x2E, 0x36, 0x3E: break
      case 0x64: override = .fs
      case 0x65: override = .gs
      case 0x66: instruction.prefixes.insert(.operandSize)
      case 0x67: instruction.prefixes.insert(.addressSize)
      case 0xF0: instruction.prefixes.insert(.lock)
      case 0xF2:
        instruction.prefixes.insert(.repne)
        instruction.prefixes.remove(.rep)
      case 0xF3:
        instruction.prefixes.insert(.rep)
        instruction.prefixes.remove(.repne)
      case 0x40...0x4F where isLong:
        // REX counts only as the last byte before the opcode.
        let following = try next()
        if Self.isPrefix(following) {
          position &-= 1
          continue
        }
        rex = byte
        instruction.prefixes.insert(.rex)
        if byte & 8 != 0 { instruction.prefixes.insert(.rexW) }
        if override != nil { instruction.prefixes.insert(.segment) }
        return following
      default:
        if override != nil { instruction.prefixes.insert(.segment) }
        return byte
      }
    }
  }

  private static func isPrefix(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF0, 0xF2, 0xF3, 0x40...0x4F: true
    default: false
    }
  }

  private func lookUp(map: Int, opcode: UInt8) -> OpcodeRow {
    if isLong && map == 0 && opcode == 0x63 {
      return OpcodeRow(mnemonic: .movsxd, operand0: .gv, operand1: .ed)
    }
    var prefix = OpcodeTable.Prefix.none
    if instruction.prefixes.contains(.repne) {
      prefix = .xF2
    } else if instruction.prefixes.contains(.rep) {
      prefix = .xF3
    } else if instruction.prefixes.contains(.operandSize) {
      prefix = .x66
    }
    let row = OpcodeTable.shared.row(map: map, prefix: prefix.rawValue, opcode: opcode)
    if (row.mnemonic == .tzcnt || row.mnemonic == .lzcnt) && !features.contains(row.feature) {
      // BSF and BSR, to which F3 says nothing.
      return OpcodeTable.shared.row(map: map, prefix: 0, opcode: opcode)
    }
    return row
  }

  /// 0F 01 with a register: instructions of their own.
  private func systemRegisterForm(_ row: OpcodeRow) -> OpcodeRow {
    let plain = instruction.prefixes.isDisjoint(with: [.operandSize, .rep, .repne])
    switch instruction.modRM {
    case 0xC8 where plain: return OpcodeRow(mnemonic: .monitor, attributes: .modRM)
    case 0xC9 where plain: return OpcodeRow(mnemonic: .mwait, attributes: .modRM)
    case 0xCA where plain:
      return OpcodeRow(mnemonic: .clac, attributes: .modRM, feature: .smap)
    case 0xCB where plain:
      return OpcodeRow(mnemonic: .stac, attributes: .modRM, feature: .smap)
    case 0xD0 where plain:
      return OpcodeRow(mnemonic: .xgetbv, attributes: .modRM, feature: .xsave)
    case 0xD1 where plain:
      return OpcodeRow(mnemonic: .xsetbv, attributes: .modRM, feature: .xsave)
    case 0xEE where plain:
      return OpcodeRow(mnemonic: .rdpkru, attributes: .modRM, feature: .pku)
    case 0xEF where plain:
      return OpcodeRow(mnemonic: .wrpkru, attributes: .modRM, feature: .pku)
    case 0xF8: return OpcodeRow(mnemonic: .swapgs, attributes: [.modRM, .o64])
    case 0xF9: return OpcodeRow(mnemonic: .rdtscp, attributes: .modRM, feature: .rdtscp)
    default: return row
    }
  }

  private mutating func setSizes(_ row: OpcodeRow) {
    let wide = instruction.prefixes.contains(.operandSize)
    if isLong {
      let is64 =
        instruction.prefixes.contains(.rexW) || row.attributes.contains(.f64)
        || (row.attributes.contains(.d64) && !wide)
      instruction.operandSize = is64 ? 8 : (wide ? 2 : 4)
    } else {
      let big = mode.contains(.big)
      instruction.operandSize = big != wide ? 4 : 2
    }
    if row.attributes.contains(.byte) { instruction.operandSize = 1 }
    if row.attributes.contains(.port) && instruction.operandSize == 8 {
      instruction.operandSize = 4
    }
    // MOV to and from control and debug registers moves all of them, whatever the prefixes say.
    if usesRegisterForm(row) { instruction.operandSize = isLong ? 8 : 4 }
    setAddressSize()
  }

  mutating func setAddressSize() {
    let isNarrow = instruction.prefixes.contains(.addressSize)
    if isLong {
      instruction.addressSize = isNarrow ? 4 : 8
    } else {
      instruction.addressSize = mode.contains(.big) != isNarrow ? 4 : 2
    }
    instruction.segment = override ?? .ds
  }

  /// MOV to and from control and debug registers take rm as a register whatever mod says.
  private func usesRegisterForm(_ row: OpcodeRow) -> Bool {
    (row.operand0 == .ry || row.operand1 == .ry) && instruction.opcode < 0x30
  }

  mutating func modRMFields(forcesRegister: Bool) throws(DecodeFailure) {
    let modRM = instruction.modRM
    instruction.reg = modRM >> 3 & 7 | (rex & 4) << 1
    instruction.rm = modRM & 7 | (rex & 1) << 3
    guard modRM < 0xC0 && !forcesRegister else { return }
    instruction.hasMemory = true
    if instruction.addressSize == 2 {
      try memory16(modRM)
    } else {
      try memory32(modRM)
    }
    if let override { instruction.segment = override }
  }

  /// SDM volume 2, "16-Bit Addressing Forms with the ModR/M Byte".
  private mutating func memory16(_ modRM: UInt8) throws(DecodeFailure) {
    let none = UInt8(RegisterSlot.zero)
    let (bx, bp, si, di): (UInt8, UInt8, UInt8, UInt8) = (3, 5, 6, 7)
    let forms: (UInt8, UInt8)
    switch modRM & 7 {
    case 0: forms = (bx, si)
    case 1: forms = (bx, di)
    case 2: forms = (bp, si)
    case 3: forms = (bp, di)
    case 4: forms = (si, none)
    case 5: forms = (di, none)
    case 6: forms = (bp, none)
    default: forms = (bx, none)
    }
    (instruction.base, instruction.index) = forms
    let mod = modRM >> 6
    if mod == 0 && modRM & 7 == 6 {
      instruction.base = none
      instruction.displacement = Int64(try next(UInt16.self))
    } else {
      if instruction.base == bp { instruction.segment = .ss }
      if mod == 1 { instruction.displacement = Int64(try next(Int8.self)) }
      if mod == 2 { instruction.displacement = Int64(try next(Int16.self)) }
    }
  }

  /// SDM volume 2, "32-Bit Addressing Forms with the ModR/M Byte" and "with the SIB Byte".
  private mutating func memory32(_ modRM: UInt8) throws(DecodeFailure) {
    let mod = modRM >> 6
    if modRM & 7 == 4 {
      let sib = try next()
      let index = sib >> 3 & 7 | (rex & 2) << 2
      vsibScale = sib >> 6
      if index != 4 {
        instruction.index = index
        instruction.scale = sib >> 6
      }
      if sib & 7 == 5 && mod == 0 {
        instruction.displacement = Int64(try next(Int32.self))
      } else {
        instruction.base = sib & 7 | (rex & 1) << 3
      }
    } else if modRM & 7 == 5 && mod == 0 {
      if isLong { instruction.base = Instruction.ripBase }
      instruction.displacement = Int64(try next(Int32.self))
    } else {
      instruction.base = instruction.rm
    }
    if instruction.base == 4 || instruction.base == 5 { instruction.segment = .ss }
    if mod == 1 { instruction.displacement = Int64(try next(Int8.self)) }
    if mod == 2 { instruction.displacement = Int64(try next(Int32.self)) }
  }

  mutating func operands(_ row: OpcodeRow) throws(DecodeFailure) {
    instruction.operand0 = try operand(row.operand0)
    instruction.operand1 = try operand(row.operand1)
    instruction.operand2 = try operand(row.operand2)
    switch row.operand0 {
    case .eb, .gb, .zb, .ob, .al: instruction.operandSize = 1
    default: break
    }
  }

  private mutating func operand(_ code: OperandCode) throws(DecodeFailure) -> Operand {
    let size = instruction.operandSize
    let long: UInt8 = isLong ? 8 : 4
    switch code {
    case .none: return .none
    case .eb: return e(1)
    case .ew: return e(2)
    case .ed: return e(size == 2 ? 2 : 4)
    case .ev: return e(size)
    case .ey: return e(size == 8 ? 8 : 4)
    case .gb: return byteRegister(instruction.reg)
    case .gw: return Operand(.register, index: instruction.reg, size: 2)
    case .gv: return Operand(.register, index: instruction.reg, size: size)
    case .gy: return Operand(.register, index: instruction.reg, size: size == 8 ? 8 : 4)
    case .by: return Operand(.register, index: instruction.vvvv, size: size)
    case .m: return Operand(.memory, size: size)
    case .mb: return Operand(.memory, size: 1)
    case .mw: return Operand(.memory, size: 2)
    case .mq: return Operand(.memory, size: size == 8 ? 16 : 8)
    case .mdq: return Operand(.memory, size: 16)
    case .my: return Operand(.memory, size: size == 8 ? 8 : 4)
    case .ma: return Operand(.memory, size: size)
    case .mp: return Operand(.memory, size: size &+ 2)
    case .ms: return Operand(.memory, size: isLong ? 10 : 6)
    case .ry:
      let full = instruction.opcode < 0x30 ? long : (size == 8 ? 8 : 4)
      return Operand(.register, index: instruction.rm, size: full)
    case .sw: return Operand(.segment, index: instruction.reg & 7, size: 2)
    case .cd: return Operand(.control, index: instruction.reg, size: long)
    case .dd: return Operand(.debug, index: instruction.reg, size: long)
    default: return try fixedOperand(code)
    }
  }

  private mutating func fixedOperand(_ code: OperandCode) throws(DecodeFailure) -> Operand {
    let size = instruction.operandSize
    let low = instruction.opcode & 7 | (rex & 1) << 3
    switch code {
    case .zb: return byteRegister(low)
    case .zv: return Operand(.register, index: low, size: size)
    case .al: return Operand(.register, index: 0, size: 1)
    case .ax: return Operand(.register, index: 0, size: size)
    case .dx: return Operand(.register, index: 2, size: 2)
    case .cl: return Operand(.register, index: 1, size: 1)
    case .one: return Operand(.one, size: 1)
    case .es, .cs, .ss, .ds, .fs, .gs:
      return Operand(.segment, index: code.rawValue &- OperandCode.es.rawValue, size: 2)
    case .xb: return Operand(.stringSource, size: 1)
    case .xv: return Operand(.stringSource, size: size)
    case .yb: return Operand(.stringDestination, size: 1)
    case .yv: return Operand(.stringDestination, size: size)
    default: return try immediateOperand(code)
    }
  }

  private mutating func immediateOperand(_ code: OperandCode) throws(DecodeFailure) -> Operand {
    let size = instruction.operandSize
    switch code {
    case .ib:
      instruction.immediate = UInt64(try next())
      return Operand(.immediate, size: 1)
    case .ibs:
      instruction.immediate = UInt64(bitPattern: Int64(try next(Int8.self)))
      return Operand(.immediate, size: size)
    case .iw:
      instruction.immediate = UInt64(try next(UInt16.self))
      return Operand(.immediate, size: 2)
    case .iz:
      instruction.immediate = UInt64(bitPattern: try signed(size == 2 ? 2 : 4))
      return Operand(.immediate, size: size)
    case .iv:
      if size == 8 {
        instruction.immediate = try next(UInt64.self)
      } else {
        instruction.immediate = UInt64(bitPattern: try signed(size))
      }
      return Operand(.immediate, size: size)
    case .ib2:
      instruction.immediate2 = UInt16(try next())
      return Operand(.immediate2, size: 1)
    case .jb:
      instruction.immediate = UInt64(bitPattern: Int64(try next(Int8.self)))
      return Operand(.relative, size: size)
    case .jz:
      instruction.immediate = UInt64(bitPattern: try signed(size == 2 ? 2 : 4))
      return Operand(.relative, size: size)
    case .ap:
      instruction.immediate =
        size == 2 ? UInt64(try next(UInt16.self)) : UInt64(try next(UInt32.self))
      instruction.immediate2 = try next(UInt16.self)
      return Operand(.farPointer, size: size &+ 2)
    case .ob, .ov: return try absoluteOffset(code == .ob ? 1 : size)
    default: return .none
    }
  }

  private mutating func absoluteOffset(_ size: UInt8) throws(DecodeFailure) -> Operand {
    switch instruction.addressSize {
    case 2: instruction.displacement = Int64(try next(UInt16.self))
    case 4: instruction.displacement = Int64(try next(UInt32.self))
    default: instruction.displacement = try next(Int64.self)
    }
    instruction.hasMemory = true
    return Operand(.memory, size: size)
  }

  private mutating func signed(_ size: UInt8) throws(DecodeFailure) -> Int64 {
    size == 2 ? Int64(try next(Int16.self)) : Int64(try next(Int32.self))
  }

  private func e(_ size: UInt8) -> Operand {
    if instruction.hasMemory { return Operand(.memory, size: size) }
    if size == 1 { return byteRegister(instruction.rm) }
    return Operand(.register, index: instruction.rm, size: size)
  }

  /// Without REX, 4-7 name AH, CH, DH and BH.
  private func byteRegister(_ number: UInt8) -> Operand {
    if !instruction.prefixes.contains(.rex) && number >= 4 && number < 8 {
      return Operand(.highByte, index: number &- 4, size: 1)
    }
    return Operand(.register, index: number, size: 1)
  }

  private func isLegal(_ row: OpcodeRow) -> Bool {
    let attributes = row.attributes
    if !features.contains(row.feature) { return false }
    if isLong && attributes.contains(.i64) { return false }
    if !isLong && attributes.contains(.o64) { return false }
    let needsMemory = row.operand0.isMemoryOnly || row.operand1.isMemoryOnly
    if needsMemory && !instruction.hasMemory { return false }
    if instruction.isLocked {
      guard attributes.contains(.lock), instruction.operand0.kind == .memory else { return false }
    }
    switch row.mnemonic {
    case .movToSegment: return instruction.operand0.index < 6 && instruction.operand0.index != 1
    case .movFromSegment: return instruction.operand1.index < 6
    case .movToControl, .movFromControl: return [0, 2, 3, 4, 8].contains(instruction.reg)
    case .movToDebug, .movFromDebug: return instruction.reg < 8
    case .lahf, .sahf: return !isLong || features.contains(.lahf)
    case .cmpxchg8b: return instruction.operandSize != 8 || features.contains(.cmpxchg16b)
    default: return true
    }
  }

  private mutating func refine(_ mnemonic: Mnemonic) -> Mnemonic {
    switch mnemonic {
    case .cmpxchg8b: return instruction.operandSize == 8 ? .cmpxchg16b : .cmpxchg8b
    case .xchg where instruction.map == 0 && instruction.opcode == 0x90 && rex & 1 == 0:
      return instruction.prefixes.contains(.rep) ? .pause : .nop
    case .movFromSegment where instruction.hasMemory:
      instruction.operand0.size = 2
      return mnemonic
    case .rdpid:
      instruction.operand0.size = isLong ? 8 : 4
      return mnemonic
    case .sldt, .str, .smsw:
      if instruction.hasMemory { instruction.operand0.size = 2 }
      return mnemonic
    default: return mnemonic
    }
  }
}

extension Instruction {
  /// What decoding starts from.
  static let empty = Instruction(
    mnemonic: .invalid, length: 0, operandSize: 4, addressSize: 4, prefixes: [], map: 0, opcode: 0,
    modRM: 0, hasMemory: false, segment: .ds, base: UInt8(RegisterSlot.zero),
    index: UInt8(RegisterSlot.zero), scale: 0, reg: 0, rm: 0, displacement: 0, immediate: 0,
    immediate2: 0, operand0: .none, operand1: .none, operand2: .none)
}
