/// Decodes a block and lowers it to operations.
struct BlockBuilder {
  /// Instructions in a block at most.
  static let maximumCount = 48

  private let cpu: CPU
  private let physical: UInt64
  private let rip: UInt64
  private let mode: ExecutionMode
  private let codeLimit: UInt32
  private let weaving: Weaving
  private let bytes: UnsafePointer<UInt8>
  private var instructions: [Instruction] = []
  private var operations: [Operation] = []
  private var branches: [Lowering.Branch] = []
  private var length = 0

  private init(cpu: CPU, physical: UInt64, bytes: UnsafePointer<UInt8>) {
    self.cpu = cpu
    self.physical = physical
    self.bytes = bytes
    rip = cpu.state.pointee.rip
    mode = cpu.mode
    codeLimit = cpu.codeLimit
    weaving = cpu.state.pointee.weaving
    instructions.reserveCapacity(Self.maximumCount)
    operations.reserveCapacity(Self.maximumCount * 3)
  }

  /// Makes the block at RIP, whose first byte is at `physical` in RAM.
  ///
  /// Returns nil if its first instruction must be stepped: it crosses the page or the limit of its
  /// segment, its bytes are too many, or it has a breakpoint.
  static func build(
    _ cpu: CPU, physical: UInt64
  ) -> UnsafeMutablePointer<BlockHeader>? {
    guard let host = cpu.state.pointee.ram.host(PhysicalAddress(physical)) else { return nil }
    var builder = BlockBuilder(
      cpu: cpu, physical: physical, bytes: host.assumingMemoryBound(to: UInt8.self))
    builder.decode()
    guard !builder.instructions.isEmpty else { return nil }
    builder.lower()
    return builder.store()
  }

  private mutating func decode() {
    var room = 4096 - Int(physical & 0xFFF)
    if !mode.contains(.long) { room = min(room, Int(UInt64(codeLimit) &- rip) + 1) }
    let features = cpu.connections.identification.features
    let breakpoints = cpu.connections.stopPoints.breakpoints
    while instructions.count < Self.maximumCount && length < room {
      // Stepped, so that the run loop sees it.
      let linear = cpu.codeAddress(cpu.wrapRIP(rip &+ UInt64(length)))
      if !breakpoints.isEmpty && breakpoints.contains(linear.value) { return }
      guard
        var instruction = try? Decoder.decode(
          bytes + length, count: min(room - length, 15), mode: mode, features: features)
      else { return }
      instruction.offsetInBlock = UInt16(length)
      length += Int(instruction.length)
      instructions.append(instruction)
      if instruction.endsBlock { return }
    }
  }

  private mutating func lower() {
    append(
      Operation(
        handler: weaving.contains(.counters) ? address(hotEnterCounted) : address(hotEnter),
        immediate: UInt64(instructions.count), displacement: rip))
    var lowering = Lowering(mode: mode, rip: rip, codeLimit: codeLimit, weaving: weaving)
    var ordinal = 0
    while ordinal < instructions.count {
      let following = ordinal + 1 < instructions.count ? instructions[ordinal + 1] : nil
      lowering.lower(instructions[ordinal], ordinal: ordinal, followedBy: following)
      ordinal += 1
    }
    lowering.dropDeadFlags()
    for operation in lowering.operations { append(operation) }
    branches = lowering.branches
    if let last = instructions.last, !last.endsBlock {
      append(
        Operation(
          handler: address(coldLink), displacement: cpu.wrapRIP(rip &+ UInt64(length)),
          ordinal: UInt8(instructions.count - 1)))
    }
  }

  private mutating func append(_ operation: Operation) {
    var operation = operation
    operation.position = UInt16(operations.count)
    operations.append(operation)
  }

  private func store() -> UnsafeMutablePointer<BlockHeader> {
    let blocks = cpu.connections.blocks
    let decoded = blocks.allocate(instructions.count * MemoryLayout<Instruction>.stride)
      .bindMemory(to: Instruction.self, capacity: instructions.count)
    decoded.initialize(from: instructions, count: instructions.count)
    let raw = blocks.allocate(BlockHeader.size + operations.count * Operation.stride)
    let header = raw.bindMemory(to: BlockHeader.self, capacity: 1)
    header.initialize(
      to: BlockHeader(
        nextInBucket: nil, rip: rip, physical: physical, instructions: decoded, incoming: nil,
        length: UInt32(length), count: UInt16(instructions.count), mode: mode,
        isDropped: false, codeLimit: codeLimit))
    let first = (raw + BlockHeader.size).bindMemory(
      to: Operation.self, capacity: operations.count)
    first.initialize(from: operations, count: operations.count)
    for branch in branches {
      // hotEnter comes before the first lowered operation.
      let operation = first + branch.operation + 1
      if branch.isCounted {
        operation.pointee.immediate = UInt64(UInt(bitPattern: operation + 1))
        operation.pointee.displacement = UInt64(UInt(bitPattern: operation + 3))
        continue
      }
      for link in 1...branch.links {
        setBranch(operation + link, to: UnsafePointer(operation + link))
      }
    }
    if weaving.contains(.counters) {
      let counted = branches.first { $0.isCounted }
      blocks.counters?.add(
        header, address: cpu.codeAddress(rip).value, branch: counted.map { $0.operation + 1 } ?? 0)
    }
    return header
  }
}

extension Instruction {
  /// Whether nothing behind the instruction may run without looking up RIP, mode or rights again.
  var endsBlock: Bool {
    switch mnemonic {
    case .jcc, .jmp, .call, .ret, .loop, .loope, .loopne, .jrcxz, .jmpFar, .callFar, .retFar, .iret,
      .int, .int1, .int3, .into, .invalid, .ud0, .ud1, .ud2, .syscall, .sysret, .sysenter, .sysexit,
      .hlt, .mwait, .rsm, .movToControl, .movToDebug, .wrmsr, .invlpg, .invpcid, .popf,
      .movToSegment,
      .popSegment, .loadFarPointer, .sti, .lmsw, .in, .out, .ins, .outs:
      true
    case .movs, .stos, .cmps, .scas, .lods: isRepeated
    default: false
    }
  }
}

extension CPU {
  /// The first operation of the block at `CPUState.rip`, made if need be and entered in the jump
  /// cache; nil, with `exit` set, if the instruction must be stepped.
  ///
  /// Without budget nothing is looked up: the instruction may not be the next one, and a page walk
  /// for it would set flags too early.
  func findBlock() -> UnsafePointer<Operation>? {
    guard state.pointee.budget > 0 else {
      state.pointee.exit = EngineExit.budget
      return nil
    }
    let rip = state.pointee.rip
    let mode = mode
    let codeLimit = codeLimit
    guard mode.contains(.long) || rip <= UInt64(codeLimit),
      let physical = fetchTranslation(codeAddress(rip))
    else {
      state.pointee.exit = EngineExit.step
      return nil
    }
    let known = state.pointee.blocks._withUnsafeGuaranteedRef {
      $0.block(physical: physical, rip: rip, mode: mode, codeLimit: codeLimit)
    }
    guard let header = known ?? makeBlock(physical: physical) else {
      state.pointee.exit = EngineExit.step
      return nil
    }
    let first = UnsafeMutableRawPointer(header) + BlockHeader.size
    let entry = jumpEntry(rip)
    entry.pointee.rip = rip
    entry.pointee.key = state.pointee.jumpKey
    entry.pointee.operation = UInt64(UInt(bitPattern: first))
    return UnsafePointer(first.assumingMemoryBound(to: Operation.self))
  }

  /// The limit of the code segment, where it counts.
  @inline(__always) var codeLimit: UInt32 { isLongMode ? .max : self[.cs].limit }

  /// The linear address of the code at `rip`.
  @inline(__always) func codeAddress(_ rip: UInt64) -> LinearAddress {
    LinearAddress(isLongMode ? rip : (self[.cs].base &+ rip) & 0xFFFF_FFFF)
  }

  /// Decodes the block at RIP; nil if there can be none, or no room for it.
  @inline(never)
  private func makeBlock(physical: UInt64) -> UnsafeMutablePointer<BlockHeader>? {
    let blocks = connections.blocks
    guard !blocks.isFull else {
      // Operations of the old blocks may still be on the way here: leave first.
      state.pointee.dropsBlocks = true
      return nil
    }
    let header = BlockBuilder.build(self, physical: physical)
    if let header {
      blocks.insert(header)
      blocks.blockObserver?(self, physical)
    }
    return header
  }

  /// The physical address that a fetch at `address` reads, or nil if it faults or is not RAM.
  func fetchTranslation(_ address: LinearAddress) -> UInt64? {
    if let known = fetchEntry(address) { return known.pointee.physical | address.offset }
    guard !isLongMode || isCanonical(address),
      let translation = try? walk(address, access: .execute),
      state.pointee.ram.offset(of: PhysicalAddress(translation.physicalPage)) != nil
    else { return nil }
    if translation.pageSize > 4096 { noteLargePage(address, size: translation.pageSize) }
    addFetch(address, physicalPage: translation.physicalPage)
    return translation.physicalPage | address.offset
  }

  /// Makes a jump go straight to a block of the same page; others go by the jump cache, which
  /// notices when the mapping changes.
  func link(_ operation: UnsafeMutablePointer<Operation>, to first: UnsafePointer<Operation>) {
    let source = UnsafePointer(operation).block
    let target = first.block
    // As far apart in RIP as in memory: then the linear page is the same one, too.
    let samePage =
      source.pointee.physical & ~0xFFF == target.pointee.physical & ~0xFFF
      && target.pointee.rip &- source.pointee.rip
        == target.pointee.physical &- source.pointee.physical
      && source.pointee.codeLimit == target.pointee.codeLimit
    guard samePage, !source.pointee.isDropped, !connections.blocks.isFull else {
      if !samePage { operation.pointee.handler = address(hotGoto) }
      return
    }
    operation.pointee.immediate = UInt64(UInt(bitPattern: first))
    operation.pointee.handler = address(hotJump)
    setBranch(operation, to: first)
    let node = connections.blocks.allocate(MemoryLayout<IncomingLink>.stride)
      .bindMemory(to: IncomingLink.self, capacity: 1)
    node.initialize(to: IncomingLink(operation: operation, next: target.pointee.incoming))
    target.pointee.incoming = node
  }
}

/// Makes the branch that a link belongs to, if any, lead to `first` directly.
func setBranch(_ link: UnsafeMutablePointer<Operation>, to first: UnsafePointer<Operation>) {
  let owner = Int(link.pointee.a)
  guard owner > 0 else { return }
  let address = UInt64(UInt(bitPattern: first))
  if owner == 1 {
    (link - 1).pointee.immediate = address
  } else {
    (link - 2).pointee.displacement = address
  }
}
