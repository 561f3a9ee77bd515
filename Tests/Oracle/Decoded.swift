import CZydis

/// What Zydis says of an instruction, as far as generators and comparisons ask.
package struct Decoded {
  package var length: Int
  /// The mnemonic in lower case.
  package var mnemonic: String
  package var isaSet: String
  package var operandWidth: Int
  /// Status and control flags of RFLAGS that the instruction reads.
  package var testedFlags: UInt64
  /// Flags of RFLAGS that the instruction writes, undefined ones included.
  package var writtenFlags: UInt64
  /// C0 (bit 0), C1, C2, C3 (bit 3) where the instruction leaves them undefined or writes them.
  package var undefinedConditions: UInt8
  package var writtenConditions: UInt8
  /// The encoding numbers of general-purpose registers written.
  package var writtenRegisters: [Int]
  package var usesMMX: Bool
  package var immediate: UInt64?
  package var shiftsByCL: Bool
  package var memory: MemoryOperand?
  package var isBranch: Bool
  package var hasLock: Bool
  package var hasRepeat: Bool
  package var hasOperandSizePrefix: Bool
  package var isFar: Bool
  /// The selector of a far pointer in the code.
  package var farSelector: UInt16?
  package var writesSegment: Bool

  /// The address of a memory operand, as registers and a displacement.
  package struct MemoryOperand {
    package var base: Register
    package var index: Register
    package var scale: UInt64
    package var displacement: Int64
    package var segment: String
    package var size: Int
    /// Bytes of the effective address.
    package var addressSize: Int
  }

  /// A register that takes part in an address.
  package enum Register: Equatable {
    case none
    case general(Int)
    case instructionPointer
  }
}

/// Zydis in the mode of a case.
package struct Disassembler {
  private var decoder = ZydisDecoder()
  private var formatter = ZydisFormatter()

  package init(_ width: Width = .long) {
    if width == .long {
      ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)
    } else {
      ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_COMPAT_32, ZYDIS_STACK_WIDTH_32)
    }
    ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_INTEL)
  }

  /// The text of the instructions in `code`, separated by semicolons.
  package mutating func text(_ code: [UInt8], at address: UInt64) -> String {
    var parts: [String] = []
    var offset = 0
    while offset < code.count {
      var instruction = ZydisDecodedInstruction()
      var operands = Disassembler.noOperands
      guard decodeFull(code, offset, &instruction, &operands) else {
        parts.append("(bad)")
        break
      }
      parts.append(format(&instruction, &operands, address &+ UInt64(offset)))
      offset += Int(instruction.length)
    }
    return parts.joined(separator: "; ")
  }

  /// The instruction at `offset`, or nil for bytes that are not one.
  package mutating func decode(_ code: [UInt8], at offset: Int = 0) -> Decoded? {
    var instruction = ZydisDecodedInstruction()
    var operands = Disassembler.noOperands
    guard decodeFull(code, offset, &instruction, &operands) else { return nil }
    return Decoded(instruction, operands)
  }

  private static let noOperands = [ZydisDecodedOperand](
    repeating: ZydisDecodedOperand(), count: Int(ZYDIS_MAX_OPERAND_COUNT))

  private mutating func decodeFull(
    _ code: [UInt8], _ offset: Int, _ instruction: inout ZydisDecodedInstruction,
    _ operands: inout [ZydisDecodedOperand]
  ) -> Bool {
    code.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress, offset < bytes.count else { return false }
      return ZydisDecoderDecodeFull(
        &decoder, base + offset, ZyanUSize(bytes.count - offset), &instruction, &operands)
        & 0x8000_0000 == 0
    }
  }

  private mutating func format(
    _ instruction: inout ZydisDecodedInstruction, _ operands: inout [ZydisDecodedOperand],
    _ address: UInt64
  ) -> String {
    var buffer = [CChar](repeating: 0, count: 160)
    let status = ZydisFormatterFormatInstruction(
      &formatter, &instruction, &operands, instruction.operand_count_visible, &buffer,
      ZyanUSize(buffer.count), address, nil)
    guard status & 0x8000_0000 == 0 else { return "?" }
    return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}

extension Decoded {
  init(_ instruction: ZydisDecodedInstruction, _ operands: [ZydisDecodedOperand]) {
    length = Int(instruction.length)
    mnemonic = String(cString: ZydisMnemonicGetString(instruction.mnemonic))
    isaSet = String(cString: ZydisISASetGetString(instruction.meta.isa_set))
    operandWidth = Int(instruction.operand_width)
    let flags = instruction.cpu_flags?.pointee ?? ZydisAccessedFlags()
    testedFlags = UInt64(flags.tested)
    writtenFlags = UInt64(flags.modified | flags.set_0 | flags.set_1 | flags.undefined)
    let fpu = instruction.fpu_flags?.pointee ?? ZydisAccessedFlags()
    undefinedConditions = UInt8(truncatingIfNeeded: fpu.undefined)
    writtenConditions = UInt8(
      truncatingIfNeeded: fpu.undefined | fpu.modified | fpu.set_0 | fpu.set_1)
    writtenRegisters = []
    usesMMX = false
    immediate = nil
    memory = nil
    shiftsByCL = false
    isBranch = instruction.meta.branch_type != ZYDIS_BRANCH_TYPE_NONE
    hasLock = false
    hasRepeat = false
    hasOperandSizePrefix = false
    writesSegment = false
    isFar = instruction.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR
    for prefix in Decoded.prefixes(instruction) {
      if prefix == 0x66 { hasOperandSizePrefix = true }
      if prefix == 0xF0 { hasLock = true }
      if prefix == 0xF3 || prefix == 0xF2 { hasRepeat = true }
    }
    for index in 0..<Int(instruction.operand_count) {
      note(
        operands[index], visible: index < Int(instruction.operand_count_visible),
        addressWidth: Int(instruction.address_width))
    }
  }

  private static func prefixes(_ instruction: ZydisDecodedInstruction) -> [UInt8] {
    withUnsafeBytes(of: instruction.raw.prefixes) { raw in
      (0..<Int(instruction.raw.prefix_count)).map { index in
        let stride = MemoryLayout.stride(ofValue: instruction.raw.prefixes.0)
        return raw[index * stride + 4]
      }
    }
  }

  private mutating func note(
    _ operand: ZydisDecodedOperand, visible: Bool, addressWidth: Int
  ) {
    switch operand.type {
    case ZYDIS_OPERAND_TYPE_REGISTER:
      let register = operand.reg.value
      let kind = ZydisRegisterGetClass(register)
      if kind == ZYDIS_REGCLASS_MMX { usesMMX = true }
      if kind == ZYDIS_REGCLASS_SEGMENT && operand.actions & Decoded.writeActions != 0 {
        writesSegment = true
      }
      if visible && register == ZYDIS_REGISTER_CL { shiftsByCL = true }
      if operand.actions & Decoded.writeActions != 0,
        let number = Decoded.generalNumber(register)
      {
        writtenRegisters.append(number)
      }
    case ZYDIS_OPERAND_TYPE_IMMEDIATE:
      immediate = operand.imm.value.u
    case ZYDIS_OPERAND_TYPE_POINTER:
      farSelector = operand.ptr.segment
    case ZYDIS_OPERAND_TYPE_MEMORY where memory == nil || visible:
      let from = operand.mem
      memory = MemoryOperand(
        base: Decoded.addressRegister(from.base), index: Decoded.addressRegister(from.index),
        scale: UInt64(from.scale), displacement: from.disp.value,
        segment: String(cString: ZydisRegisterGetString(from.segment)),
        size: Int(operand.size) / 8, addressSize: addressWidth / 8)
    default: break
    }
  }

  private static let writeActions = ZydisOperandActions(
    truncatingIfNeeded: ZYDIS_OPERAND_ACTION_WRITE.rawValue
      | ZYDIS_OPERAND_ACTION_CONDWRITE.rawValue)

  static func generalNumber(_ register: ZydisRegister) -> Int? {
    let whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, register)
    guard ZydisRegisterGetClass(whole) == ZYDIS_REGCLASS_GPR64 else { return nil }
    let number = Int(ZydisRegisterGetId(whole))
    return number >= 0 ? number : nil
  }

  private static func addressRegister(_ register: ZydisRegister) -> Register {
    if register == ZYDIS_REGISTER_RIP || register == ZYDIS_REGISTER_EIP {
      return .instructionPointer
    }
    return generalNumber(register).map(Register.general) ?? .none
  }
}

extension Decoded {
  /// Whether the status flags of RFLAGS in `flags` matter to the instruction.
  package func reads(_ flags: UInt64) -> Bool {
    testedFlags & flags & FlagBits.status != 0
  }
}
