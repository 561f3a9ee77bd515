/// Turns decoded instructions into operations: a fast handler where there is one for the form,
/// the slow method for everything else.
struct Lowering {
  /// An operation whose links lie right behind it.
  struct Branch {
    /// Number of the operation.
    var operation: Int
    /// Links: one for a call, two for a conditional jump.
    var links: Int
  }

  let mode: ExecutionMode
  let rip: UInt64
  private(set) var operations: [Operation] = []
  private(set) var branches: [Branch] = []
  private let table = HandlerTable.shared
  private var ordinal = 0

  init(mode: ExecutionMode, rip: UInt64) {
    self.mode = mode
    self.rip = rip
    operations.reserveCapacity(BlockBuilder.maximumCount * 2)
  }

  /// Appends the operations of one instruction.
  mutating func lower(
    _ i: Instruction, ordinal: Int, followedBy following: Instruction?
  ) {
    self.ordinal = ordinal
    if i.endsBlock {
      if !lowerEnd(i) { appendSlow(address(coldSlowEnd)) }
    } else if !lowerFast(i, followedBy: following) {
      appendSlow(address(coldSlow))
    }
  }

  private mutating func appendSlow(_ handler: UInt64) { append(Operation(handler: handler)) }

  private mutating func append(_ operation: Operation) {
    var operation = operation
    operation.ordinal = UInt8(ordinal)
    operations.append(operation)
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
      append(Operation(handler: address(hotNop)))
      return true
    case .push, .pop, .leave: return lowerStack(i)
    case .shl, .shr, .sar, .rol, .ror: return lowerShift(i)
    case .movzx, .movsx: return lowerExtension(i)
    case .movsxd where i.operandSize != 8: return false
    case .cbw, .cwd:
      guard let handler = table.handler(i.mnemonic, .r, size: i.operandSize) else { return false }
      append(Operation(handler: handler))
      return true
    case .imul where i.operand2.kind != .none:
      guard i.operand1.kind == .register,
        let handler = table.handler(.imul, .rri, size: i.operandSize)
      else { return false }
      append(
        Operation(
          handler: handler, immediate: i.immediate, a: offset(i.operand0),
          b: offset(i.operand1)))
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
    if let following, following.mnemonic == .jcc, let fused = fusedForm(form),
      let both = table.handler(i.mnemonic, fused, size: size, condition: following.condition)
    {
      handler = both
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
    append(operation)
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
    case .rr: .rrBranch
    case .ri: .riBranch
    case .rm: .rmBranch
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
    append(operation)
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
    append(operation)
    return true
  }

  private mutating func lowerStack(_ i: Instruction) -> Bool {
    guard mode.contains(.long), i.operandSize == 8 else { return false }
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

  // MARK: Ends of blocks

  private mutating func lowerEnd(_ i: Instruction) -> Bool {
    guard i.operandSize != 2 || i.mnemonic == .jcc && mode.contains(.long) else { return false }
    switch i.mnemonic {
    case .jmp where i.operand0.kind == .relative: appendLink(branchTarget(i))
    case .jcc:
      guard let handler = table.handler(.jcc, .none, size: 8, condition: i.condition) else {
        return false
      }
      branches.append(Branch(operation: operations.count, links: 2))
      append(Operation(handler: handler))
      appendLink(branchTarget(i), owner: 1)
      appendLink(nextRIP(i), owner: 2)
    case .call where i.operand0.kind == .relative:
      guard mode.contains(.long) else { return false }
      branches.append(Branch(operation: operations.count, links: 1))
      append(Operation(handler: address(hotCall), displacement: nextRIP(i)))
      appendLink(branchTarget(i), owner: 1)
    case .call, .jmp: return lowerIndirect(i)
    case .ret:
      guard mode.contains(.long), i.operand0.kind == .none else { return false }
      append(Operation(handler: address(hotRet)))
    default: return false
    }
    return true
  }

  private mutating func lowerIndirect(_ i: Instruction) -> Bool {
    guard mode.contains(.long), i.operandSize == 8 else { return false }
    let isCall = i.mnemonic == .call
    // The return address takes the place of the immediate; the address fields stay free.
    var operation = Operation(handler: 0, immediate: nextRIP(i))
    if i.operand0.kind == .memory {
      operation.handler = isCall ? address(hotCallM) : address(hotJmpM)
      guard setAddress(&operation, i) else { return false }
    } else {
      operation.handler = isCall ? address(hotCallR) : address(hotJmpR)
      operation.a = offset(i.operand0)
    }
    append(operation)
    return true
  }

  private func branchTarget(_ i: Instruction) -> UInt64 {
    let target = nextRIP(i) &+ i.immediate
    return mode.contains(.long) ? target : target & 0xFFFF_FFFF
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
  /// False if segmentation must look at each access.
  private mutating func setAddress(_ operation: inout Operation, _ i: Instruction) -> Bool {
    let needsBase = i.segment == .fs || i.segment == .gs
    if !mode.contains(.long) {
      let usable = mode.contains(.flat) && !needsBase && i.segment != .cs
      guard usable, i.addressSize == 4 else { return false }
    }
    if needsBase && i.addressSize != 8 { return false }
    let isRelative = i.base == Instruction.ripBase
    let base = isRelative ? UInt8(RegisterSlot.zero) : i.base
    let displacement =
      UInt64(bitPattern: i.displacement) &+ (isRelative ? nextRIP(i) : 0)
    guard needsBase || i.addressSize == 4, i.mnemonic != .lea else {
      operation.base = base * 8
      operation.index = i.index * 8
      operation.scale = i.scale
      operation.displacement = displacement
      return i.mnemonic != .lea || i.addressSize == 8
    }
    append(
      Operation(
        handler: needsBase ? address(hotAddressBased) : address(hotAddress32),
        displacement: displacement, a: i.segment.rawValue, base: base * 8, index: i.index * 8,
        scale: i.scale))
    operation.base = UInt8(RegisterSlot.effectiveAddress * 8)
    return true
  }
}
