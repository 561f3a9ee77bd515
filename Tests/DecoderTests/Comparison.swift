import CZydis
import Emulator

/// Holds one decoded instruction against Zydis's.
struct Comparison {
  private let names = MnemonicNames()
  private let registers = RegisterNames()

  /// The first thing that differs, nil if nothing does.
  func difference(_ decoded: Instruction?, _ reference: Reference) -> String? {
    guard let instruction = decoded, instruction.mnemonic != .invalid else {
      return reference.isSupported ? "invalid" : nil
    }
    // These decode as one mnemonic each; which exist is decided by their execution.
    if instruction.mnemonic == .sse || instruction.mnemonic == .x87 {
      guard reference.isSupported else { return nil }
      return instruction.length == reference.instruction.length ? nil : "length"
    }
    guard reference.isSupported else { return "valid" }
    if instruction.length != reference.instruction.length { return "length" }
    // The table decides which exist; the operation follows from the same fields as the legacy one.
    if instruction.mnemonic == .avx { return nil }
    if !names.agree(instruction, reference.instruction.mnemonic) { return "mnemonic" }
    if instruction.addressSize * 8 != reference.instruction.address_width { return "address size" }
    if instruction.operandSize * 8 != reference.instruction.operand_width { return "operand size" }
    return operandDifference(instruction, reference)
  }

  private func operandDifference(_ instruction: Instruction, _ reference: Reference) -> String? {
    let operands = [instruction.operand0, instruction.operand1, instruction.operand2]
    let count = operands.firstIndex { $0.kind == .none } ?? 3
    // Zydis hides the operands of string instructions and of some others, but lists them first.
    let isString = operands.contains { $0.kind == .stringSource || $0.kind == .stringDestination }
    if !isString && count != reference.instruction.operand_count_visible {
      return "operand count"
    }
    if count > reference.instruction.operand_count { return "operand count" }
    for index in 0..<count {
      if let what = difference(operands[index], instruction, reference.operands[index]) {
        return "operand \(index) \(what)"
      }
    }
    return nil
  }

  private func difference(
    _ operand: Operand, _ instruction: Instruction, _ other: ZydisDecodedOperand
  ) -> String? {
    if UInt16(operand.size) * 8 != other.size && hasSize(operand, instruction) { return "size" }
    switch operand.kind {
    case .register, .highByte, .segment, .control, .debug:
      guard other.type == ZYDIS_OPERAND_TYPE_REGISTER else { return "kind" }
      return registers.name(of: operand) == other.reg.value ? nil : "register"
    case .memory: return memoryDifference(instruction, other)
    case .stringSource: return stringDifference(6, instruction.segment, instruction, other)
    case .stringDestination: return stringDifference(7, .es, instruction, other)
    case .immediate: return immediateDifference(instruction.immediate, operand.size, other)
    case .immediate2:
      return immediateDifference(UInt64(instruction.immediate2), operand.size, other)
    case .one: return immediateDifference(1, 1, other)
    case .relative:
      guard other.type == ZYDIS_OPERAND_TYPE_IMMEDIATE, other.imm.is_relative != 0 else {
        return "kind"
      }
      return Int64(bitPattern: instruction.immediate) == other.imm.value.s ? nil : "distance"
    case .farPointer:
      guard other.type == ZYDIS_OPERAND_TYPE_POINTER else { return "kind" }
      let same =
        other.ptr.segment == instruction.immediate2
        && UInt64(other.ptr.offset) == instruction.immediate
      return same ? nil : "far pointer"
    default: return "kind"
    }
  }

  /// Not of memory of which only the address counts; nor of immediates and distances, which are
  /// extended, so that their value says all.
  private func hasSize(_ operand: Operand, _ instruction: Instruction) -> Bool {
    switch operand.kind {
    case .immediate, .immediate2, .one, .relative, .farPointer: return false
    case .memory:
      switch instruction.mnemonic {
      case .lea, .fxsave, .fxrstor, .xsave, .xsaveopt, .xsavec, .xsaves, .xrstor, .xrstors,
        .ldmxcsr,
        .stmxcsr, .prefetch, .clflush, .clflushopt, .clwb, .invlpg, .bound:
        return false
      default: return true
      }
    default: return true
    }
  }

  private func immediateDifference(
    _ value: UInt64, _ size: UInt8, _ other: ZydisDecodedOperand
  ) -> String? {
    guard other.type == ZYDIS_OPERAND_TYPE_IMMEDIATE else { return "kind" }
    return (value ^ other.imm.value.u) & mask(size) == 0 ? nil : "immediate"
  }

  private func memoryDifference(
    _ instruction: Instruction, _ other: ZydisDecodedOperand
  ) -> String? {
    guard other.type == ZYDIS_OPERAND_TYPE_MEMORY else { return "kind" }
    let memory = other.mem
    let size = instruction.addressSize
    if registers.address(instruction.base, size: size) != memory.base { return "base" }
    if registers.address(instruction.index, size: size) != memory.index { return "index" }
    if memory.index != ZYDIS_REGISTER_NONE && 1 << instruction.scale != memory.scale {
      return "scale"
    }
    let displacement = UInt64(bitPattern: instruction.displacement ^ memory.disp.value)
    if displacement & mask(size) != 0 { return "displacement" }
    return registers.segments[Int(instruction.segment.rawValue)] == memory.segment
      ? nil : "segment"
  }

  private func stringDifference(
    _ base: UInt8, _ segment: SegmentName, _ instruction: Instruction,
    _ other: ZydisDecodedOperand
  ) -> String? {
    guard other.type == ZYDIS_OPERAND_TYPE_MEMORY else { return "kind" }
    if registers.address(base, size: instruction.addressSize) != other.mem.base { return "base" }
    return registers.segments[Int(segment.rawValue)] == other.mem.segment ? nil : "segment"
  }

  private func mask(_ size: UInt8) -> UInt64 { size >= 8 ? .max : 1 << (UInt64(size) * 8) - 1 }
}

/// Zydis's registers by class and number.
struct RegisterNames {
  /// ES to GS, in the order of `SegmentName`.
  let segments: [ZydisRegister]
  private let bytes: [ZydisRegister]
  private let general: [[ZydisRegister]]
  private let control: [ZydisRegister]
  private let debug: [ZydisRegister]

  init() {
    func registers(_ registerClass: ZydisRegisterClass, _ count: UInt8) -> [ZydisRegister] {
      (0..<count).map { ZydisRegisterEncode(registerClass, $0) }
    }
    segments = registers(ZYDIS_REGCLASS_SEGMENT, 6)
    bytes = registers(ZYDIS_REGCLASS_GPR8, 20)
    general = [ZYDIS_REGCLASS_GPR16, ZYDIS_REGCLASS_GPR32, ZYDIS_REGCLASS_GPR64].map {
      registers($0, 16)
    }
    control = registers(ZYDIS_REGCLASS_CONTROL, 16)
    debug = registers(ZYDIS_REGCLASS_DEBUG, 16)
  }

  /// A general register of 2, 4 or 8 bytes.
  private func general(_ number: UInt8, size: UInt8) -> ZydisRegister {
    general[size == 8 ? 2 : size == 4 ? 1 : 0][Int(number & 15)]
  }

  /// The register that `operand` names.
  func name(of operand: Operand) -> ZydisRegister {
    let index = Int(operand.index)
    switch operand.kind {
    case .segment: return segments[index]
    case .control: return control[index]
    case .debug: return debug[index]
    // Zydis counts AH, CH, DH and BH between BL and SPL.
    case .highByte: return bytes[index + 4]
    default:
      if operand.size == 1 { return bytes[index < 4 ? index : index + 4] }
      return general(operand.index, size: operand.size)
    }
  }

  /// The base or index register `number` of an address of `size` bytes.
  func address(_ number: UInt8, size: UInt8) -> ZydisRegister {
    if number == Instruction.ripBase {
      return size == 8 ? ZYDIS_REGISTER_RIP : ZYDIS_REGISTER_EIP
    }
    if number == UInt8(RegisterSlot.zero) { return ZYDIS_REGISTER_NONE }
    return general(number, size: size)
  }
}
