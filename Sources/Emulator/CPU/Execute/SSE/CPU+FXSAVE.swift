/// The FXSAVE image.
///
/// SDM volume 2, "FXSAVE": "Layout of FXSAVE and FXRSTOR Memory Region".
enum FXSAVEArea {
  /// Its size, and how much of it the processor writes.
  static let size: UInt64 = 512
  static let mxcsr: UInt64 = 24
  static let x87Registers: UInt64 = 32
  static let xmmRegisters: UInt64 = 160
  /// MXCSR_MASK: the bits of MXCSR that exist.
  static let mxcsrMask: UInt32 = 0xFFFF
}

extension CPU {
  /// LDMXCSR.
  func ldmxcsr(_ i: borrowing Instruction) throws(Exception) {
    try checkVector(i)
    let value = UInt32(truncatingIfNeeded: try loadOperand(i, size: 4))
    if value & ~FXSAVEArea.mxcsrMask != 0 { throw .generalProtection(errorCode: 0) }
    state.pointee.mxcsr = value
  }

  /// STMXCSR.
  func stmxcsr(_ i: borrowing Instruction) throws(Exception) {
    try checkVector(i)
    try storeOperand(i, UInt64(state.pointee.mxcsr), size: 4)
  }

  private func fxAddress(
    _ i: borrowing Instruction, access: Access
  ) throws(Exception) -> LinearAddress {
    if !cr0.isDisjoint(with: [.emulation, .taskSwitched]) { throw .deviceNotAvailable }
    let address = try linearAddress(i, size: FXSAVEArea.size, access: access)
    if address.value & 15 != 0 { throw .generalProtection(errorCode: 0) }
    try probe(address, count: FXSAVEArea.size, access: access)
    return address
  }

  /// XMM registers that this mode sees.
  var savedXMMCount: UInt8 { isLongMode ? 16 : 8 }

  /// FXSAVE.
  func fxsave(_ i: borrowing Instruction) throws(Exception) {
    let address = try fxAddress(i, access: .write)
    try storeX87Image(at: address, isWide: i.prefixes.contains(.rexW))
    try storeMXCSRImage(at: address)
    try storeXMMImage(at: address)
  }

  /// Stores the x87 part of the image; `isWide` with REX.W.
  func storeX87Image(at address: LinearAddress, isWide: Bool) throws(Exception) {
    let s = state.pointee
    let head =
      UInt64(s.x87Control) | UInt64(s.x87Status) << 16 | UInt64(abridgedTags) << 32
      | UInt64(s.x87Opcode & 0x7FF) << 48
    try store(head, at: address)
    if isWide {
      try store(s.x87InstructionPointer, at: address + 8)
      try store(s.x87DataPointer, at: address + 16)
    } else {
      try store(
        s.x87InstructionPointer & 0xFFFF_FFFF | UInt64(s.x87CodeSelector) << 32, at: address + 8)
      try store(
        s.x87DataPointer & 0xFFFF_FFFF | UInt64(s.x87DataSelector) << 32, at: address + 16)
    }
    for k in 0..<8 {
      let register = physicalX87(k)
      let at = address + (FXSAVEArea.x87Registers &+ UInt64(k) &* 16)
      try store(s.x87Significands[register], at: at)
      try store(UInt64(s.x87Exponents[register]), at: at + 8)
    }
  }

  /// Stores MXCSR and MXCSR_MASK.
  func storeMXCSRImage(at address: LinearAddress) throws(Exception) {
    try store(
      UInt64(state.pointee.mxcsr) | UInt64(FXSAVEArea.mxcsrMask) << 32,
      at: address + FXSAVEArea.mxcsr)
  }

  /// Stores the XMM registers.
  func storeXMMImage(at address: LinearAddress) throws(Exception) {
    for k in 0..<savedXMMCount {
      try store(xmm(k), at: address + (FXSAVEArea.xmmRegisters &+ UInt64(k) &* 16))
    }
  }

  /// FXRSTOR.
  func fxrstor(_ i: borrowing Instruction) throws(Exception) {
    let address = try fxAddress(i, access: .read)
    try loadMXCSRImage(at: address)
    try loadX87Image(at: address, isWide: i.prefixes.contains(.rexW))
    try loadXMMImage(at: address)
  }

  /// Loads MXCSR, or raises #GP(0) for bits that do not exist.
  func loadMXCSRImage(at address: LinearAddress) throws(Exception) {
    let control = try load(address + FXSAVEArea.mxcsr, as: UInt32.self)
    if control & ~FXSAVEArea.mxcsrMask != 0 { throw .generalProtection(errorCode: 0) }
    state.pointee.mxcsr = control
  }

  /// Loads the x87 part of the image.
  func loadX87Image(at address: LinearAddress, isWide: Bool) throws(Exception) {
    let head = try load(address, as: UInt64.self)
    let instruction = try load(address + 8, as: UInt64.self)
    let data = try load(address + 16, as: UInt64.self)
    setX87Control(UInt16(truncatingIfNeeded: head))
    setX87Status(UInt16(truncatingIfNeeded: head >> 16))
    state.pointee.x87Opcode = UInt16(truncatingIfNeeded: head >> 48) & 0x7FF
    if isWide {
      state.pointee.x87InstructionPointer = instruction
      state.pointee.x87DataPointer = data
    } else {
      state.pointee.x87InstructionPointer = instruction & 0xFFFF_FFFF
      state.pointee.x87CodeSelector = UInt16(truncatingIfNeeded: instruction >> 32)
      state.pointee.x87DataPointer = data & 0xFFFF_FFFF
      state.pointee.x87DataSelector = UInt16(truncatingIfNeeded: data >> 32)
    }
    for k in 0..<8 {
      let register = physicalX87(k)
      let at = address + (FXSAVEArea.x87Registers &+ UInt64(k) &* 16)
      state.pointee.x87Significands[register] = try load(at, as: UInt64.self)
      state.pointee.x87Exponents[register] = try load(at + 8, as: UInt16.self)
    }
    setAbridgedTags(UInt8(truncatingIfNeeded: head >> 32))
  }

  /// Loads the XMM registers.
  func loadXMMImage(at address: LinearAddress) throws(Exception) {
    for k in 0..<savedXMMCount {
      let value = try load(
        address + (FXSAVEArea.xmmRegisters &+ UInt64(k) &* 16), as: UInt128.self)
      setXMM(k, value)
    }
  }
}
