/// The flags that an instruction leaves undefined, by the "Flags Affected" sections of the SDM.
///
/// Written apart from the machine's own opcode rows on purpose: a mask that came from them would
/// hide their mistakes.
package enum UndefinedFlags {
  /// Mnemonics whose undefined flags depend on nothing.
  private static let fixed: [String: UInt64] = [
    "and": FlagBits.af, "or": FlagBits.af, "xor": FlagBits.af, "test": FlagBits.af,
    "mul": FlagBits.sf | FlagBits.zf | FlagBits.af | FlagBits.pf,
    "imul": FlagBits.sf | FlagBits.zf | FlagBits.af | FlagBits.pf,
    "div": FlagBits.status, "idiv": FlagBits.status,
    "bsf": FlagBits.status & ~FlagBits.zf, "bsr": FlagBits.status & ~FlagBits.zf,
    "tzcnt": FlagBits.of | FlagBits.sf | FlagBits.pf | FlagBits.af,
    "andn": FlagBits.af | FlagBits.pf, "blsi": FlagBits.af | FlagBits.pf,
    "blsmsk": FlagBits.af | FlagBits.pf, "blsr": FlagBits.af | FlagBits.pf,
    "bzhi": FlagBits.af | FlagBits.pf, "bextr": FlagBits.af | FlagBits.sf | FlagBits.pf,
    "lzcnt": FlagBits.of | FlagBits.sf | FlagBits.pf | FlagBits.af,
    "bt": FlagBits.of | FlagBits.sf | FlagBits.af | FlagBits.pf,
    "bts": FlagBits.of | FlagBits.sf | FlagBits.af | FlagBits.pf,
    "btr": FlagBits.of | FlagBits.sf | FlagBits.af | FlagBits.pf,
    "daa": FlagBits.of, "das": FlagBits.of,
    "aaa": FlagBits.of | FlagBits.sf | FlagBits.zf | FlagBits.pf,
    "aas": FlagBits.of | FlagBits.sf | FlagBits.zf | FlagBits.pf,
    "aam": FlagBits.of | FlagBits.af | FlagBits.cf,
    "aad": FlagBits.of | FlagBits.af | FlagBits.cf,
    "btc": FlagBits.of | FlagBits.sf | FlagBits.af | FlagBits.pf,
  ]

  private static let shifts: Set<String> = ["shl", "shr", "sar", "sal"]
  private static let rotates: Set<String> = ["rol", "ror", "rcl", "rcr"]
  private static let doubleShifts: Set<String> = ["shld", "shrd"]

  /// The flags that may be undefined after `instruction`; `cl` where the count register is known.
  package static func after(_ instruction: Decoded, cl: UInt8?) -> UInt64 {
    if let mask = fixed[instruction.mnemonic] { return mask }
    let isShift = shifts.contains(instruction.mnemonic)
    let isDouble = doubleShifts.contains(instruction.mnemonic)
    let isRotate = rotates.contains(instruction.mnemonic)
    guard isShift || isDouble || isRotate else { return 0 }
    guard let raw = count(instruction, cl: cl) else {
      return isRotate
        ? FlagBits.of : isShift ? FlagBits.of | FlagBits.af | FlagBits.cf : FlagBits.status
    }
    let count = Int(raw) & (instruction.operandWidth == 64 ? 63 : 31)
    if count == 0 { return 0 }
    let overflow = count == 1 ? 0 : FlagBits.of
    if isRotate { return overflow }
    if isDouble {
      return count > instruction.operandWidth ? FlagBits.status : FlagBits.af | overflow
    }
    let carry = instruction.mnemonic != "sar" && count >= instruction.operandWidth ? FlagBits.cf : 0
    return FlagBits.af | overflow | carry
  }

  /// Whether the flags that were undefined before stay so, since a count of zero changes none.
  package static func mayKeep(_ instruction: Decoded) -> Bool {
    guard
      shifts.contains(instruction.mnemonic) || rotates.contains(instruction.mnemonic)
        || doubleShifts.contains(instruction.mnemonic)
    else { return instruction.hasRepeat }
    return instruction.shiftsByCL || (instruction.immediate ?? 1) & 31 == 0
  }

  /// Whether the result itself is undefined, which no comparison can mend.
  package static func hasUndefinedResult(_ instruction: Decoded, cl: UInt8?) -> Bool {
    switch instruction.mnemonic {
    case "bswap": instruction.operandWidth == 16
    case "shld", "shrd":
      instruction.operandWidth == 16 && (count(instruction, cl: cl) ?? 31) & 31 > 16
    default: false
    }
  }

  private static func count(_ instruction: Decoded, cl: UInt8?) -> UInt8? {
    if instruction.shiftsByCL { return cl }
    return UInt8(truncatingIfNeeded: instruction.immediate ?? 1)
  }
}
