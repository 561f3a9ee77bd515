extension Lowering {
  /// What an operation has to do with the status flags.
  struct FlagEffect {
    /// Whether the block may be left at it, by a fault say, with the flags as they are before it.
    var mayLeave = false
    /// Whether it needs the flags from before it.
    var reads = false
    /// Whether it replaces all of them.
    var replaces = false
    /// The handler that leaves the flags as they are, right or wrong; 0 if there is none.
    var quietHandler: UInt64 = 0

    /// Neither needs nor changes them.
    static let none = FlagEffect()
    /// Anything may happen.
    static let unknown = FlagEffect(mayLeave: true)
  }

  /// What an instruction with a fast handler has to do with the status flags.
  func effect(of i: Instruction, _ form: OperationForm, size: UInt8) -> FlagEffect {
    var effect = FlagEffect.none
    effect.mayLeave = form == .rm || form == .mr || form == .mi || form == .m
    switch i.mnemonic {
    case .add, .or, .and, .sub, .xor, .neg, .imul, .mul, .shl, .shr, .sar:
      // A count in CL may be zero, which keeps the flags.
      effect.replaces = form != .rc
      effect.reads = form == .rc
      effect.quietHandler = table.handler(i.mnemonic, form, size: size, condition: 1) ?? 0
    case .cmp, .test:
      effect.replaces = true
      // Memory must be read all the same: it may fault.
      if !effect.mayLeave { effect.quietHandler = address(hotNop) }
    case .inc, .dec, .rol, .ror:
      effect.reads = true
      effect.quietHandler = table.handler(i.mnemonic, form, size: size, condition: 1) ?? 0
    case .lea: effect.mayLeave = false
    case .mov, .not, .bswap, .xchg, .movsxd: break
    default: effect.reads = true
    }
    return effect
  }
}
