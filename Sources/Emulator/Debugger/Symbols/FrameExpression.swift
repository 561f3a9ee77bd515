import CDw

/// Computes what a DWARF expression of call frame information says.
///
/// DWARF 5, "DWARF Expressions"; what frame tables never hold is refused.
struct FrameExpression {
  let registers: FrameRegisters
  /// The canonical frame address, once it is known.
  var frameAddress: UInt64?
  /// Reads a word of the stack.
  let word: (UInt64) -> UInt64?

  /// Where a register was saved, or what it held.
  enum Location {
    case memory(UInt64)
    case value(UInt64)
  }

  /// The expression's location; nil where it needs something unknown.
  func location(_ operations: UnsafeBufferPointer<Dwarf_Op>) -> Location? {
    var stack: [UInt64] = []
    for (index, operation) in operations.enumerated() {
      let atom = Int(operation.atom)
      switch atom {
      case DW_OP_stack_value:
        return stack.last.map { .value($0) }
      case DW_OP_reg0...DW_OP_reg31:
        guard index == 0 else { return nil }
        return registers[atom - DW_OP_reg0].map { .value($0) }
      default:
        guard step(operation, &stack) else { return nil }
      }
    }
    return stack.last.map { .memory($0) }
  }

  private func step(_ operation: Dwarf_Op, _ stack: inout [UInt64]) -> Bool {
    let atom = Int(operation.atom)
    var result: UInt64?
    switch atom {
    case DW_OP_breg0...DW_OP_breg31:
      result = registers[atom - DW_OP_breg0].map { $0 &+ operation.number }
    case DW_OP_bregx:
      result = registers[Int(clamping: operation.number)].map { $0 &+ operation.number2 }
    case DW_OP_call_frame_cfa: result = frameAddress
    case DW_OP_lit0...DW_OP_lit31: result = UInt64(atom - DW_OP_lit0)
    case DW_OP_addr, DW_OP_const1u, DW_OP_const1s, DW_OP_const2u, DW_OP_const2s, DW_OP_const4u,
      DW_OP_const4s, DW_OP_const8u, DW_OP_const8s, DW_OP_constu, DW_OP_consts:
      result = operation.number
    case DW_OP_dup: result = stack.last
    case DW_OP_drop: return stack.popLast() != nil
    case DW_OP_deref: result = stack.popLast().flatMap(word)
    case DW_OP_plus_uconst: result = stack.popLast().map { $0 &+ operation.number }
    case DW_OP_nop: return true
    default:
      guard let right = stack.popLast(), let left = stack.popLast() else { return false }
      result = Self.combine(atom, left, right)
    }
    guard let result else { return false }
    stack.append(result)
    return true
  }

  private static func combine(_ atom: Int, _ left: UInt64, _ right: UInt64) -> UInt64? {
    switch atom {
    case DW_OP_plus: left &+ right
    case DW_OP_minus: left &- right
    case DW_OP_mul: left &* right
    case DW_OP_and: left & right
    case DW_OP_or: left | right
    case DW_OP_xor: left ^ right
    case DW_OP_shl: left << right
    case DW_OP_shr: left >> right
    case DW_OP_eq: left == right ? 1 : 0
    case DW_OP_ne: left != right ? 1 : 0
    case DW_OP_ge: Int64(bitPattern: left) >= Int64(bitPattern: right) ? 1 : 0
    case DW_OP_gt: Int64(bitPattern: left) > Int64(bitPattern: right) ? 1 : 0
    case DW_OP_le: Int64(bitPattern: left) <= Int64(bitPattern: right) ? 1 : 0
    case DW_OP_lt: Int64(bitPattern: left) < Int64(bitPattern: right) ? 1 : 0
    default: nil
    }
  }
}
