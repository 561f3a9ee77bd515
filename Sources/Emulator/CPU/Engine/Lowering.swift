/// Turns decoded instructions into operations: a fast handler where there is one for the form,
/// the slow method for everything else.
struct Lowering {
  /// An operation whose links lie right behind it.
  struct Branch {
    /// Number of the operation.
    var operation: Int
    /// Links: one for a call, two for a conditional jump.
    var links: Int
    /// Whether an operation that counts stands before each link, which stays there.
    var isCounted = false
  }

  let mode: ExecutionMode
  let weaving: Weaving
  let rip: UInt64
  let codeLimit: UInt64
  private(set) var operations: [Operation] = []
  /// What each operation has to do with the status flags.
  private var effects: [FlagEffect] = []
  private(set) var branches: [Branch] = []
  let table = HandlerTable.shared
  private var ordinal = 0

  init(mode: ExecutionMode, rip: UInt64, codeLimit: UInt32, weaving: Weaving = []) {
    self.mode = mode
    self.weaving = weaving
    self.rip = rip
    self.codeLimit = UInt64(codeLimit)
    operations.reserveCapacity(BlockBuilder.maximumCount * 2)
  }

  /// Appends the operations of one instruction.
  mutating func lower(
    _ i: Instruction, ordinal: Int, followedBy following: Instruction?
  ) {
    self.ordinal = ordinal
    if weaving.contains(.instructions) {
      appendSlow(i.endsBlock ? address(coldSlowEnd) : address(coldSlow))
    } else if i.endsBlock {
      if !lowerEnd(i) { appendSlow(address(coldSlowEnd)) }
    } else if !lowerFast(i, followedBy: following) {
      appendSlow(address(coldSlow))
    }
  }

  private mutating func appendSlow(_ handler: UInt64) { append(Operation(handler: handler)) }

  mutating func append(_ operation: Operation, _ effect: FlagEffect = .unknown) {
    var operation = operation
    operation.ordinal = UInt8(ordinal)
    operations.append(operation)
    effects.append(effect)
  }

  /// Lets operations forget their flags where those behind them overwrite all of them, before
  /// anything can leave the block or look.
  mutating func dropDeadFlags() {
    var isLive = true
    for index in operations.indices.reversed() {
      let effect = effects[index]
      if !isLive, effect.quietHandler != 0 {
        operations[index].handler = effect.quietHandler
        isLive = effect.mayLeave
      } else if effect.mayLeave || effect.reads {
        isLive = true
      } else if effect.replaces {
        isLive = false
      }
    }
  }

  private func nextRIP(_ i: Instruction) -> UInt64 {
    let following = rip &+ UInt64(i.offsetInBlock) &+ UInt64(i.length)
    return mode.contains(.long) ? following : following & 0xFFFF_FFFF
  }

  // MARK: Straight-line instructions

  private mutating func lowerFast(_ i: Instruction, followedBy following: Instruction?) -> Bool {
    guard !i.isLocked else { return false }
    switch i.mnemonic {
    case .nop, .prefetch, .lfence, .mfence, .sfence:
      append(Operation(handler: address(hotNop)), .none)
      return true
    case .push, .pop, .leave: return lowerStack(i)
    case .sse, .avx: return lowerVector(i)
    case .shl, .shr, .sar, .rol, .ror: return lowerShift(i)
    case .movzx, .movsx: return lowerExtension(i)
    case .movsxd where i.operandSize != 8: return false
    case .cbw, .cwd:
      guard let handler = table.handler(i.mnemonic, .r, size: i.operandSize) else { return false }
      append(Operation(handler: handler), .none)
      return true
    case .imul where i.operand2.kind != .none:
      guard i.operand1.kind == .register,
        let handler = table.handler(.imul, .rri, size: i.operandSize)
      else { return false }
      append(
        Operation(
          handler: handler, immediate: i.immediate, a: offset(i.operand0),
          b: offset(i.operand1)), effect(of: i, .rri, size: i.operandSize))
      return true
    case .xchg where i.operand1.kind == .memory || i.operand0.kind == .memory: return false
    default: return lowerUniform(i, followedBy: following)
    }
  }

  /// Instructions whose handler follows from mnemonic, operand kinds and width.
  private mutating func lowerUniform(
    _ i: Instruction, followedBy following: Instruction?
  ) -> Bool {
    guard let form = form(i) else { return false }
    let condition: UInt8 = i.mnemonic == .cmovcc || i.mnemonic == .setcc ? i.condition : 0
    let size = i.mnemonic == .setcc ? 1 : i.operandSize
    guard
      var handler = table.handler(i.mnemonic, form, size: size, condition: condition)
    else { return false }
    var effect = effect(of: i, form, size: size)
    if let following, following.mnemonic == .jcc,
      branchTarget(following) != nil, let fused = fusedForm(form),
      let both = table.handler(i.mnemonic, fused, size: size, condition: following.condition)
    {
      handler = both
      // Where it leads to is not known here: its flags are kept.
      effect.quietHandler = 0
    }
    var operation = Operation(handler: handler, immediate: i.immediate)
    let registerOperand = i.operand0.kind == .memory ? i.operand1 : i.operand0
    operation.a = offset(registerOperand)
    if i.operand1.kind == .register || i.operand1.kind == .highByte {
      operation.b = offset(i.operand1)
    }
    if i.hasMemory && form != .rr && form != .ri && form != .r {
      guard setAddress(&operation, i) else { return false }
    }
    append(operation, effect)
    return true
  }

  private func form(_ i: Instruction) -> OperationForm? {
    let isRegister0 = i.operand0.kind == .register || i.operand0.kind == .highByte
    let isRegister1 = i.operand1.kind == .register || i.operand1.kind == .highByte
    switch (i.operand0.kind, i.operand1.kind) {
    case (.memory, .immediate): return .mi
    case (.memory, .none): return .m
    case (.memory, _) where isRegister1: return .mr
    case (_, .none) where isRegister0: return .r
    case (_, .immediate) where isRegister0: return .ri
    case (_, .memory) where isRegister0: return .rm
    case _ where isRegister0 && isRegister1: return .rr
    default: return nil
    }
  }

  private func fusedForm(_ form: OperationForm) -> OperationForm? {
    switch form {
    case .r: .rBranch
    case .rr: .rrBranch
    case .ri: .riBranch
    case .rm: .rmBranch
    case .mr: .mrBranch
    case .mi: .miBranch
    default: nil
    }
  }

  private mutating func lowerShift(_ i: Instruction) -> Bool {
    guard i.operand0.kind == .register || i.operand0.kind == .highByte else { return false }
    var operation = Operation(handler: 0, a: offset(i.operand0))
    let form: OperationForm
    switch i.operand1.kind {
    case .one:
      operation.immediate = 1
      form = .ri
    case .immediate:
      operation.immediate = i.immediate & (i.operandSize == 8 ? 63 : 31)
      guard operation.immediate != 0 else { return false }
      form = .ri
    default: form = .rc
    }
    guard let handler = table.handler(i.mnemonic, form, size: i.operandSize) else { return false }
    operation.handler = handler
    append(operation, effect(of: i, form, size: i.operandSize))
    return true
  }

  private mutating func lowerExtension(_ i: Instruction) -> Bool {
    let isByte = i.operand1.size == 1
    let isMemory = i.operand1.kind == .memory
    let form: OperationForm =
      isMemory ? (isByte ? .rmByte : .rmWord) : (isByte ? .rrByte : .rrWord)
    guard let handler = table.handler(i.mnemonic, form, size: i.operandSize) else { return false }
    var operation = Operation(handler: handler, a: offset(i.operand0))
    if isMemory {
      guard setAddress(&operation, i) else { return false }
    } else {
      operation.b = offset(i.operand1)
    }
    append(operation, isMemory ? .unknown : .none)
    return true
  }

  private mutating func lowerStack(_ i: Instruction) -> Bool {
    guard mode.contains(.long) else { return lowerNarrowStack(i) }
    guard i.operandSize == 8 else { return false }
    switch (i.mnemonic, i.operand0.kind) {
    case (.push, .register): append(Operation(handler: address(hotPushR), a: offset(i.operand0)))
    case (.push, .immediate):
      append(Operation(handler: address(hotPushI), immediate: i.immediate))
    case (.pop, .register): append(Operation(handler: address(hotPopR), a: offset(i.operand0)))
    case (.leave, _): append(Operation(handler: address(hotLeave)))
    default: return false
    }
    return true
  }

  private mutating func lowerNarrowStack(_ i: Instruction) -> Bool {
    var operation = Operation(handler: 0)
    let form: OperationForm
    switch (i.mnemonic, i.operand0.kind) {
    case (.push, .register), (.pop, .register):
      operation.a = offset(i.operand0)
      form = .r
    case (.push, .immediate):
      operation.immediate = i.immediate
      form = .i
    case (.leave, _): form = .none
    default: return false
    }
    guard let handler = stackHandler(i, form) else { return false }
    operation.handler = handler
    append(operation)
    return true
  }

  /// The handler of an instruction that uses the stack outside 64-bit mode.
  private func stackHandler(_ i: Instruction, _ form: OperationForm) -> UInt64? {
    let kind: StackKind =
      if !mode.contains(.bigStack) {
        .narrow
      } else {
        mode.contains(.flat) ? .flat : .wide
      }
    return table.handler(i.mnemonic, form, size: i.operandSize, condition: kind.rawValue)
  }

  // MARK: Ends of blocks

  private mutating func lowerEnd(_ i: Instruction) -> Bool {
    switch i.mnemonic {
    case .call where weaving.contains(.calls), .ret where weaving.contains(.calls): return false
    case .jmp where i.operand0.kind == .relative:
      guard let target = branchTarget(i) else { return false }
      appendLink(target)
    case .jcc: return lowerBranch(i, size: 8, condition: i.condition)
    case .loop, .jrcxz: return lowerBranch(i, size: i.addressSize)
    case .call where i.operand0.kind == .relative:
      guard let target = branchTarget(i),
        let handler = mode.contains(.long) ? address(hotCall) : stackHandler(i, .i)
      else { return false }
      branches.append(Branch(operation: operations.count, links: 1))
      append(Operation(handler: handler, displacement: nextRIP(i)))
      appendLink(target, owner: 1)
    case .call, .jmp: return lowerIndirect(i)
    case .ret: return lowerReturn(i)
    default: return false
    }
    return true
  }

  /// A conditional jump: to its target, or on.
  private mutating func lowerBranch(
    _ i: Instruction, size: UInt8, condition: UInt8 = 0
  ) -> Bool {
    guard let target = branchTarget(i),
      let handler = table.handler(i.mnemonic, .none, size: size, condition: condition)
    else { return false }
    if weaving.contains(.counters) {
      branches.append(Branch(operation: operations.count, links: 2, isCounted: true))
      append(Operation(handler: handler))
      append(Operation(handler: address(hotCount)))
      appendLink(target)
      append(Operation(handler: address(hotCount)))
      appendLink(nextRIP(i))
      return true
    }
    branches.append(Branch(operation: operations.count, links: 2))
    append(Operation(handler: handler))
    appendLink(target, owner: 1)
    appendLink(nextRIP(i), owner: 2)
    return true
  }

  private mutating func lowerReturn(_ i: Instruction) -> Bool {
    let releases = i.operand0.kind == .immediate
    if mode.contains(.long) {
      guard i.operandSize == 8, !releases else { return false }
      append(Operation(handler: address(hotRet)))
      return true
    }
    guard let handler = stackHandler(i, .none) else { return false }
    append(Operation(handler: handler, immediate: releases ? i.immediate & 0xFFFF : 0))
    return true
  }

  private mutating func lowerIndirect(_ i: Instruction) -> Bool {
    let isMemory = i.operand0.kind == .memory
    guard let handler = indirectHandler(i, isMemory: isMemory) else { return false }
    // The return address takes the place of the immediate; the address fields stay free.
    var operation = Operation(handler: handler, immediate: nextRIP(i))
    if isMemory {
      guard setAddress(&operation, i) else { return false }
    } else {
      operation.a = offset(i.operand0)
    }
    append(operation)
    return true
  }

  private func indirectHandler(_ i: Instruction, isMemory: Bool) -> UInt64? {
    if mode.contains(.long) {
      guard i.operandSize == 8 else { return nil }
      return switch (i.mnemonic, isMemory) {
      case (.call, true): address(hotCallM)
      case (.call, false): address(hotCallR)
      case (_, true): address(hotJmpM)
      case (_, false): address(hotJmpR)
      }
    }
    let form: OperationForm = isMemory ? .m : .r
    return i.mnemonic == .call
      ? stackHandler(i, form) : table.handler(.jmp, form, size: i.operandSize)
  }

  /// Where a relative jump leads, or nil if its slow method must say: a target beyond the limit of
  /// the code segment.
  private func branchTarget(_ i: Instruction) -> UInt64? {
    let target = nextRIP(i) &+ i.immediate
    if mode.contains(.long) {
      return i.operandSize != 2 || i.mnemonic == .jcc ? target : nil
    }
    let cut = target & (i.operandSize == 2 ? 0xFFFF : 0xFFFF_FFFF)
    return cut <= codeLimit ? cut : nil
  }

  /// Appends a jump to be linked; `owner` says how many operations before it the branch lies.
  private mutating func appendLink(_ target: UInt64, owner: UInt8 = 0) {
    append(Operation(handler: address(coldLink), displacement: target, a: owner))
  }

  // MARK: Operands

  /// Byte offset of a register in the state block.
  private func offset(_ operand: Operand) -> UInt8 {
    operand.kind == .highByte ? operand.index * 8 + 1 : operand.index * 8
  }

  /// Sets an operation's address, computing it by an operation of its own where it is more than
  /// base, index and displacement.
  ///
  /// False if the slow method must compute it.
  mutating func setAddress(_ operation: inout Operation, _ i: Instruction) -> Bool {
    if i.mnemonic == .lea {
      // A result no wider than the address needs no cut, and no segment has a say.
      guard i.addressSize >= i.operandSize else { return false }
      setParts(&operation, i)
      return true
    }
    guard mode.contains(.long) else { return setNarrowAddress(&operation, i) }
    let needsBase = i.segment == .fs || i.segment == .gs
    if needsBase && i.addressSize != 8 { return false }
    guard needsBase || i.addressSize == 4 else {
      setParts(&operation, i)
      return true
    }
    appendAddress(needsBase ? address(hotAddressBased) : address(hotAddress32), &operation, i)
    return true
  }

  /// The address of an operand outside 64-bit mode.
  private mutating func setNarrowAddress(
    _ operation: inout Operation, _ i: Instruction
  ) -> Bool {
    let isFlat =
      mode.contains(.flat) && i.addressSize == 4
      && (i.segment == .ds || i.segment == .ss || i.segment == .es)
    if isFlat {
      // What is carried out of 32 bits matches no tag, so it need only be rare.
      let hasIndex = i.index != UInt8(RegisterSlot.zero)
      let isShort = i.displacement >= -0x1_0000
      if i.base == UInt8(RegisterSlot.zero) && !hasIndex {
        operation.displacement = UInt64(bitPattern: i.displacement) & 0xFFFF_FFFF
      } else if isShort && !hasIndex {
        setParts(&operation, i)
      } else {
        appendAddress(address(hotAddress32), &operation, i)
      }
      return true
    }
    let isFirst = i.operand0.kind == .memory
    let isWrite = isFirst && ![.cmp, .test, .bt, .call, .jmp, .push].contains(i.mnemonic)
    let isWide = i.addressSize == 4
    let handler =
      if isWrite {
        isWide ? address(hotAddress32Write) : address(hotAddress16Write)
      } else {
        isWide ? address(hotAddress32Read) : address(hotAddress16Read)
      }
    let operand = isFirst ? i.operand0 : i.operand1
    guard operand.kind == .memory else { return false }
    appendAddress(handler, &operation, i, immediate: UInt64(operand.size))
    return true
  }

  /// Base, index, scale and displacement as they are.
  private func setParts(_ operation: inout Operation, _ i: Instruction) {
    let isRelative = i.base == Instruction.ripBase
    operation.base = (isRelative ? UInt8(RegisterSlot.zero) : i.base) * 8
    operation.index = i.index * 8
    operation.scale = i.scale
    operation.displacement =
      UInt64(bitPattern: i.displacement) &+ (isRelative ? nextRIP(i) : 0)
  }

  /// Appends an operation that computes the address for the one behind it.
  private mutating func appendAddress(
    _ handler: UInt64, _ operation: inout Operation, _ i: Instruction, immediate: UInt64 = 0
  ) {
    var computation = Operation(
      handler: handler, immediate: immediate, a: i.segment.rawValue)
    setParts(&computation, i)
    let isPlain = handler == address(hotAddressBased) || handler == address(hotAddress32)
    append(computation, isPlain ? .none : .unknown)
    operation.base = UInt8(RegisterSlot.effectiveAddress * 8)
  }
}

/// The stacks outside 64-bit mode that handlers tell apart, in the order of the generated list.
enum StackKind: UInt8 {
  /// Base 0, limit 4 GiB, a 32-bit pointer.
  case flat
  /// Any other segment with a 32-bit pointer.
  case wide
  /// Any segment with a 16-bit pointer.
  case narrow
}
