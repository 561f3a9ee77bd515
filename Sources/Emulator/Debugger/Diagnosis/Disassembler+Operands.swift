import CZydis
import Emulator

extension Disassembler {
  /// Bytes that an instruction reads or writes.
  struct MemoryOperand: Hashable {
    let address: UInt64
    let size: Int
    let isRead: Bool
  }

  /// The explicit memory operands of the instruction at the beginning of `bytes`, with the
  /// registers of `cpu` as they are.
  func memoryOperands(
    _ bytes: ArraySlice<UInt8>, at address: UInt64, _ cpu: CPU
  ) -> [MemoryOperand] {
    var decoded = ZydisDisassembledInstruction()
    let status = bytes.withUnsafeBytes {
      ZydisDisassembleIntel(mode, address, $0.baseAddress, $0.count, &decoded)
    }
    guard status & 0x8000_0000 == 0, decoded.info.meta.category != ZYDIS_CATEGORY_NOP else {
      return []
    }
    var registers = ZydisRegisterContext()
    withUnsafeMutableBytes(of: &registers) { raw in
      let values = raw.assumingMemoryBound(to: UInt64.self)
      for register in Register.allCases {
        let number = Int(register.rawValue)
        values[Int(ZYDIS_REGISTER_RAX.rawValue) + number] = cpu[register]
        values[Int(ZYDIS_REGISTER_EAX.rawValue) + number] = cpu[register] & 0xFFFF_FFFF
      }
    }
    var found: [MemoryOperand] = []
    let count = Int(decoded.info.operand_count_visible)
    withUnsafeBytes(of: &decoded.operands) { raw in
      let operands = raw.assumingMemoryBound(to: ZydisDecodedOperand.self)
      for operand in operands.prefix(count) {
        let isRead = operand.actions & UInt8(ZYDIS_OPERAND_ACTION_MASK_READ.rawValue) != 0
        guard operand.type == ZYDIS_OPERAND_TYPE_MEMORY, operand.mem.type == ZYDIS_MEMOP_TYPE_MEM
        else { continue }
        var operand = operand
        var linear: UInt64 = 0
        let result = withUnsafePointer(to: &decoded.info) {
          ZydisCalcAbsoluteAddressEx($0, &operand, address, &registers, &linear)
        }
        guard result & 0x8000_0000 == 0 else { continue }
        if operand.mem.segment == ZYDIS_REGISTER_FS { linear &+= cpu[.fs].base }
        if operand.mem.segment == ZYDIS_REGISTER_GS { linear &+= cpu[.gs].base }
        found.append(MemoryOperand(address: linear, size: Int(operand.size) / 8, isRead: isRead))
      }
    }
    return found
  }
}
