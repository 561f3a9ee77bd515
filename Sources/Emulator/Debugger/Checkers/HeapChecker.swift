import Emulator

/// Finds mistakes with allocated memory, by following the guest's allocator.
///
/// Every block is known; the bytes of the newest are watched: those behind a block for writes, those
/// that nobody has written for reads, those of a freed block for any access. What the allocator
/// does itself is its own business, and copies (`memcpy`, MOVS) may carry along what nobody has written.
final class HeapChecker: Checker {
  /// Blocks that are watched, of those in use and of those freed.
  private static let watchedBlocks = 16
  /// Freed blocks that are remembered.
  private static let freedLimit = 16384

  private unowned let run: CheckedRun
  private var live: [UInt64: HeapBlock] = [:]
  private var freed: [UInt64: HeapBlock] = [:]
  private var freedOrder: [UInt64] = []
  private var watchedLive: [UInt64] = []
  private var watchedFreed: [UInt64] = []
  /// Stack pointers at the entries of the allocator's functions that have not returned.
  private var activeCalls: [UInt64] = []
  private var copiers: [SymbolTable.Symbol] = []

  init(_ run: CheckedRun) {
    self.run = run
    for name in ["memcpy", "memmove", "__memcpy", "__memmove", "user_copy"] {
      copiers += run.symbols.symbols(named: name)
    }
    var hookedFrees: Set<UInt64> = []
    let isGuess = run.options.allocators == CheckOptions.knownAllocators
    for allocator in run.options.allocators {
      let allocate = run.addresses(of: allocator.allocate, isExact: isGuess)
      let free = run.addresses(of: allocator.free, isExact: isGuess)
      guard !allocate.isEmpty, !free.isEmpty else { continue }
      for address in allocate {
        run.calls.onEntry(address) { [unowned self] cpu in enterAllocate(cpu, allocator) }
      }
      for address in free where hookedFrees.insert(address).inserted {
        run.calls.onEntry(address) { [unowned self] cpu in enterFree(cpu) }
      }
    }
  }

  // MARK: The allocator

  private func enterAllocate(_ cpu: CPU, _ allocator: CheckOptions.Allocator) {
    guard !isInAllocator(cpu) else { return }
    let size = cpu.argument(allocator.sizeArgument)
    let result = allocator.resultArgument.map { cpu.argument($0) }
    let stack = CallStack(run.machine, cpu, at: cpu.instructionPointer.value, atEntry: true)
    call(cpu) { [unowned self] cpu in
      var address = cpu[.rax]
      if let result {
        guard cpu[.rax] & 0xFFFF_FFFF == 0 else { return }
        address = run.machine.peek(cpu, linear: result, count: 8) ?? 0
      }
      // Small negative numbers are errors, not addresses.
      guard address != 0, address < ~0xFFF, size > 0, size < 1 << 40 else { return }
      allocated(cpu, address, size, stack)
    }
  }

  private func enterFree(_ cpu: CPU) {
    guard !isInAllocator(cpu) else { return }
    let address = cpu.argument(1)
    let stack = CallStack(run.machine, cpu, at: cpu.instructionPointer.value, atEntry: true)
    if address != 0, live[address] == nil, let block = freed[address] {
      run.report(
        .heap, at: cpu.instructionPointer.value, cpu: cpu,
        key: "double \(stack.addresses.dropFirst().first ?? 0)",
        "the \(block.size) bytes at 0x\(String(address, radix: 16)) are freed twice",
        details: history(block)
          + ["  freed again by:"] + stack.lines(run.symbols, indent: "    "))
    }
    call(cpu) { _ in }
    release(address, stack)
  }

  /// Notes that a processor is in the allocator until it returns.
  private func call(_ cpu: CPU, _ handler: @escaping CheckedRun.CallHandler) {
    let pointer = cpu[.rsp]
    activeCalls.append(pointer)
    if activeCalls.count > 256 { activeCalls.removeFirst() }
    run.calls.onReturn(run.machine, cpu) { [unowned self] cpu in
      if let index = activeCalls.lastIndex(of: pointer) { activeCalls.remove(at: index) }
      handler(cpu)
    }
  }

  private func isInAllocator(_ cpu: CPU) -> Bool {
    let pointer = cpu[.rsp]
    return activeCalls.contains { pointer <= $0 && $0 - pointer < 16 << 10 }
  }

  private func allocated(_ cpu: CPU, _ address: UInt64, _ size: UInt64, _ stack: CallStack) {
    let end = address.addingClamped(size)
    for old in watchedFreed {
      guard let block = freed[old], block.address < end, address < block.end else { continue }
      unwatchFreed(old)
    }
    freed[address] = nil
    if live[address] != nil { unwatchLive(address) }
    // What was behind another block is somebody's now.
    for other in watchedLive {
      guard let before = live[other], before.end < end, address < before.zoneEnd else { continue }
      live[other]?.zoneEnd = max(address, before.end)
      rewatch(other)
    }
    var block = HeapBlock(
      address: address, size: size, position: run.machine.instructionCount, stack: stack)
    block.zoneEnd = zoneEnd(of: block)
    block.remember(run.machine, cpu)
    live[address] = block
    watchLive(address)
  }

  /// The end of the bytes behind a block that are nobody else's; the next page may be anybody's.
  private func zoneEnd(of block: HeapBlock) -> UInt64 {
    let end = block.end
    let pageEnd = end.addingClamped(4095) & ~4095
    let aligned = end.addingClamped(15) & ~15
    for next in [end, end &+ 7 & ~7, aligned, aligned &+ 8] where next >= end && live[next] != nil {
      return min(next, pageEnd)
    }
    return min(aligned.addingClamped(16), pageEnd)
  }

  private func release(_ address: UInt64, _ stack: CallStack) {
    guard var block = live[address] else { return }
    unwatchLive(address)
    live[address] = nil
    block.watch = nil
    block.forget()
    block.freedBy = stack
    block.freedAt = run.machine.instructionCount
    freed[address] = block
    freedOrder.append(address)
    if freedOrder.count > Self.freedLimit {
      let oldest = freedOrder.removeFirst()
      unwatchFreed(oldest)
      freed[oldest] = nil
    }
    watchFreed(address)
  }

  // MARK: Watching

  private func watchLive(_ address: UInt64) {
    if watchedLive.count >= Self.watchedBlocks {
      let oldest = watchedLive[0]
      unwatchLive(oldest)
      live[oldest]?.forget()
    }
    watchedLive.append(address)
    guard let block = live[address] else { return }
    let watchesReads = block.mayBeUnwritten
    let start = watchesReads ? block.address : block.end
    guard block.zoneEnd > start else { return }
    let point = Watchpoint(
      address: start, count: block.zoneEnd - start, kind: watchesReads ? .readOrWrite : .write)
    live[address]?.watch = run.watches.add(point) { [unowned self] in judgeLive(address, $0) }
  }

  private func unwatchLive(_ address: UInt64) {
    watchedLive.removeAll { $0 == address }
    if let number = live[address]?.watch { run.watches.remove(number) }
    live[address]?.watch = nil
  }

  private func watchFreed(_ address: UInt64) {
    if watchedFreed.count >= Self.watchedBlocks { unwatchFreed(watchedFreed[0]) }
    watchedFreed.removeAll { $0 == address }
    watchedFreed.append(address)
    guard let block = freed[address] else { return }
    let point = Watchpoint(address: address, count: block.size, kind: .readOrWrite)
    freed[address]?.watch = run.watches.add(point) { [unowned self] in judgeFreed(address, $0) }
  }

  private func unwatchFreed(_ address: UInt64) {
    watchedFreed.removeAll { $0 == address }
    if let number = freed[address]?.watch { run.watches.remove(number) }
    freed[address]?.watch = nil
  }

  // MARK: Judging

  private func judgeFreed(_ address: UInt64, _ hit: WatchHit) {
    guard let block = freed[address], let rip = hit.rip, !isInAllocator(run.machine.processor.cpu)
    else { return }
    let verb = hit.isWrite ? "written" : "read"
    run.report(
      .heap, at: rip, key: "freed", position: hit.position,
      "byte \(hit.address &- address) of \(block.size) freed ones "
        + "at 0x\(String(address, radix: 16)) is \(verb)",
      details: history(block))
  }

  private func judgeLive(_ address: UInt64, _ hit: WatchHit) {
    guard var block = live[address], let rip = hit.rip, !isInAllocator(run.machine.processor.cpu)
    else { return }
    if hit.isWrite {
      if hit.address.addingClamped(hit.size) > block.end {
        run.report(
          .heap, at: rip, key: "overrun", position: hit.position,
          "\(hit.size) bytes are written at offset \(hit.address &- address) of \(block.size) "
            + "at 0x\(String(address, radix: 16))",
          details: history(block))
      }
      block.write(hit.address, hit.size)
      let wasWatched = block.watch != nil
      live[address] = block
      if !block.mayBeUnwritten, wasWatched, hit.watchpoint.kind == .readOrWrite { rewatch(address) }
      return
    }
    let isCopy = copiers.contains { rip &- $0.address < max($0.size, 1) }
    guard !isCopy, block.isUnwritten(hit.address, hit.size, run.machine),
      !run.machine.ignoresOldValue(at: rip)
    else { return }
    run.report(
      .heap, at: rip, key: "unwritten", position: hit.position,
      "\(hit.size) bytes are read at offset \(hit.address &- address) of \(block.size) "
        + "at 0x\(String(address, radix: 16)) that nobody has written",
      details: history(block))
  }

  /// Watches what there is to watch of a block after it has changed.
  private func rewatch(_ address: UInt64) {
    unwatchLive(address)
    watchLive(address)
  }

  private func history(_ block: HeapBlock) -> [String] {
    var lines = ["  allocated after \(block.position) instructions by:"]
    lines += block.stack.lines(run.symbols, indent: "    ")
    if let stack = block.freedBy {
      lines.append("  freed after \(block.freedAt) instructions by:")
      lines += stack.lines(run.symbols, indent: "    ")
    }
    return lines
  }
}

extension Machine {
  /// Whether the instruction at an address does not look at what it reads.
  ///
  /// MOVS is how compilers copy structures inline; AND with 0 and OR with -1 are short ways to clear
  /// memory and to set all its bits.
  func ignoresOldValue(at address: UInt64) -> Bool {
    guard let (prefixes, code) = instruction(at: address), let opcode = code.first else {
      return false
    }
    if opcode == 0xA4 || opcode == 0xA5 { return true }
    guard [0x80, 0x81, 0x83].contains(opcode), code.count >= 3 else { return false }
    let immediate = code.suffix(opcode == 0x81 ? (prefixes.contains(0x66) ? 2 : 4) : 1)
    switch code[code.startIndex + 1] >> 3 & 7 {
    case 4: return immediate.allSatisfy { $0 == 0 }
    case 1: return immediate.allSatisfy { $0 == 0xFF }
    default: return false
    }
  }

  /// The prefixes of the instruction at an address, and what follows them.
  private func instruction(at address: UInt64) -> (ArraySlice<UInt8>, ArraySlice<UInt8>)? {
    guard let bytes = read(linear: address, count: 15),
      let line = Disassembler(mode: processor.cpu.mode).line(bytes[...], at: address),
      line.length <= bytes.count
    else { return nil }
    let prefixes = bytes[..<line.length].prefix {
      [0x66, 0x67, 0xF0, 0xF2, 0xF3].contains($0) || processor.cpu.isLongMode && $0 & 0xF0 == 0x40
    }
    return (prefixes, bytes[prefixes.endIndex..<line.length])
  }
}

extension CPU {
  /// An integer argument of a function that is being entered, 1 for the first.
  ///
  /// System V ABI, AMD64 Architecture Processor Supplement, "Parameter Passing".
  func argument(_ number: Int) -> UInt64 {
    let registers: [Register] = [.rdi, .rsi, .rdx, .rcx, .r8, .r9]
    return registers.indices.contains(number - 1) ? self[registers[number - 1]] : 0
  }
}
