import Emulator

/// Finds the frames of a stack: by the frame tables of the program, through interrupts and
/// privilege changes, and by frame pointers where there are no tables.
public struct Unwinder {
  /// How many words above the stack pointer an entry stub may have saved.
  private static let savedWords: UInt64 = 64
  /// How many instructions a stub may have left before it returns.
  private static let stubLength = 96

  private let processor: Processor
  private let memory: LinearMemory
  private let symbols: ProgramSymbols
  private let deliveries: [ExceptionRecorder.Delivery]

  /// Unwinds the stack of a processor; of the one whose turn it is, unless told otherwise.
  public init(_ machine: Machine, processor: Processor? = nil, symbols: ProgramSymbols) {
    self.processor = processor ?? machine.processor
    memory = LinearMemory(machine, processor: self.processor)
    self.symbols = symbols
    deliveries = self.processor.recorder.deliveries
  }

  private var cpu: CPU { processor.cpu }
  private var isWide: Bool { cpu.isLongMode }
  private var wordSize: UInt64 { isWide ? 8 : 4 }

  /// A frame on the way, with the registers it had.
  private struct Position {
    var registers: FrameRegisters
    /// Whether the instruction pointer is where it goes on after an interrupt, not after a call.
    var isExact: Bool
    var entry: StackFrame.Entry?
    var privilege: UInt8?
  }

  /// The frames, the innermost first.
  public func frames(limit: Int = 64) -> [StackFrame] {
    var position = Position(
      registers: FrameRegisters(cpu), isExact: true, entry: nil, privilege: cpu.cpl)
    var frames: [StackFrame] = []
    while frames.count < limit {
      guard let frame = frame(position) else { break }
      frames.append(frame)
      guard let next = caller(of: position, isInnermost: frames.count == 1),
        let address = next.registers.instructionPointer, address != 0
      else { break }
      // On one stack callers have higher addresses; otherwise the chain runs in a circle.
      if next.entry == nil, let old = position.registers.stackPointer,
        let new = next.registers.stackPointer, new <= old
      {
        break
      }
      guard frames.count == 1 || memory.number(linear(address), size: 1) != nil else { break }
      position = next
    }
    return frames
  }

  private func frame(_ position: Position) -> StackFrame? {
    guard let address = position.registers.instructionPointer else { return nil }
    let linear = linear(address)
    return StackFrame(
      address: linear, code: position.isExact ? linear : linear &- 1,
      stackPointer: position.registers.stackPointer ?? 0, entry: position.entry,
      privilege: position.privilege)
  }

  private func linear(_ offset: UInt64) -> UInt64 {
    isWide ? offset : cpu[.cs].base &+ offset & 0xFFFF_FFFF
  }

  private func word(_ address: UInt64) -> UInt64? {
    memory.number(
      isWide ? address : cpu[.ss].base &+ address & 0xFFFF_FFFF, size: Int(wordSize))
  }

  // MARK: Ways to the caller

  private func caller(of position: Position, isInnermost: Bool) -> Position? {
    guard let address = position.registers.instructionPointer else { return nil }
    let code = linear(position.isExact ? address : address &- 1)
    if isInnermost, isWide, cpu.cpl == 0, address == cpu.state.pointee.lstar {
      return systemCaller(position)
    }
    switch symbols.debugFile?.caller(at: code, position.registers, word: word) {
    case .outermost: return nil
    case .found(let caller): return byTable(caller, position)
    case nil: break
    }
    if let caller = interrupted(position, code) { return caller }
    if position.isExact, let caller = withoutFrame(position, code) { return caller }
    return byFramePointer(position)
  }

  /// At the first instruction behind SYSCALL, RCX holds where the caller goes on.
  private func systemCaller(_ position: Position) -> Position {
    var next = position
    next.registers.instructionPointer = cpu[.rcx]
    next.isExact = false
    next.entry = .systemCall
    next.privilege = 3
    return next
  }

  private func byTable(_ caller: DebugFile.Caller, _ position: Position) -> Position {
    let isInterrupted = caller.isInterrupted || isInterruptFrame(caller)
    var next = Position(
      registers: caller.registers, isExact: isInterrupted, entry: nil,
      privilege: position.privilege)
    guard isInterrupted, let place = caller.returnAddressAt else { return next }
    let selector = word(place &+ wordSize)
    next.privilege = selector.map { UInt8($0 & 3) }
    next.entry = entry(next.registers, selector: selector)
    return next
  }

  /// Whether the processor pushed the return address together with the stack pointer: assemblers
  /// keep the mark of such frames in `.eh_frame` only.
  private func isInterruptFrame(_ caller: DebugFile.Caller) -> Bool {
    guard isWide, let place = caller.returnAddressAt, let stack = caller.registers.stackPointer,
      stack != place &+ wordSize
    else { return false }
    return word(place &+ 3 &* wordSize) == stack
  }

  /// What the processor recorded for a frame like this: rather an interrupt than nothing.
  private func entry(_ registers: FrameRegisters, selector: UInt64?) -> StackFrame.Entry {
    .interrupt(
      vector: deliveries.last {
        $0.outcome == .delivered && $0.rip == registers.instructionPointer
          && $0.rsp == registers.stackPointer && UInt64($0.cs) == selector.map { $0 & 0xFFFF }
      }?.vector)
  }

  /// Where a function has not made its frame yet, or has left it: at its beginning, at its RET, or
  /// where there is no code at all.
  private func withoutFrame(_ position: Position, _ code: UInt64) -> Position? {
    guard let stack = position.registers.stackPointer else { return nil }
    let bytes = memory.readable(code, count: 1)
    var distance: UInt64?
    if bytes.isEmpty || bytes == [0xC3] || bytes == [0xC2] { distance = 0 }
    if let (symbol, offset) = symbols.table.symbol(at: code), offset <= 5,
      let head = memory.read(symbol.address, count: 5)
    {
      // ENDBR64 may stand before PUSH RBP.
      let skipped: UInt64 = head.starts(with: [0xF3, 0x0F, 0x1E, 0xFA]) ? 4 : 0
      if offset <= skipped { distance = 0 }
      if offset == skipped + 1, head[Int(skipped)] == 0x55 { distance = wordSize }
    }
    guard let distance, let address = word(stack &+ distance), isPlausible(address) else {
      return nil
    }
    var next = position
    next.isExact = false
    next.entry = nil
    next.registers.instructionPointer = address
    next.registers.stackPointer = stack &+ distance &+ wordSize
    return next
  }

  private func isPlausible(_ address: UInt64) -> Bool {
    address != 0 && memory.number(linear(address), size: 1) != nil
  }

  /// Through an entry stub without frame tables: it returns by IRET, and what it returns to is what
  /// the processor recorded.
  private func interrupted(_ position: Position, _ code: UInt64) -> Position? {
    guard let stack = position.registers.stackPointer, isStub(code, isExact: position.isExact)
    else { return nil }
    for index in 0..<Self.savedWords {
      let at = stack &+ index &* wordSize
      guard let address = word(at), let selector = word(at &+ wordSize) else { return nil }
      guard
        let delivery = deliveries.last(where: {
          $0.outcome == .delivered && $0.rip == address && UInt64($0.cs) == selector & 0xFFFF
        })
      else { continue }
      if isWide, word(at &+ 3 &* wordSize) != delivery.rsp { continue }
      var next = position
      next.isExact = true
      next.entry = .interrupt(vector: delivery.vector)
      next.privilege = delivery.cpl
      next.registers.instructionPointer = address
      next.registers.stackPointer = delivery.rsp
      return next
    }
    return nil
  }

  /// Whether the code from an address on comes to an IRET before it comes to a RET.
  private func isStub(_ code: UInt64, isExact: Bool) -> Bool {
    let disassembler = Disassembler(mode: cpu.mode)
    let bytes = memory.readable(code, count: Self.stubLength * 4)
    // A call's last byte is no instruction: look from the next one on.
    let start = bytes.isEmpty || isExact ? 0 : 1
    for line in disassembler.lines(
      bytes[start...], at: code &+ UInt64(start), limit: Self.stubLength)
    {
      if line.text.hasPrefix("iret") { return true }
      if line.text.hasPrefix("ret") || line.text.hasPrefix("sysret") { return false }
    }
    return false
  }

  private func byFramePointer(_ position: Position) -> Position? {
    guard let frame = position.registers.framePointer, frame != 0, frame % wordSize == 0,
      let next = word(frame), let address = word(frame &+ wordSize), address != 0
    else { return nil }
    var caller = position
    caller.isExact = false
    caller.entry = nil
    caller.registers = FrameRegisters(like: position.registers)
    caller.registers.instructionPointer = address
    caller.registers.framePointer = next
    caller.registers.stackPointer = frame &+ 2 &* wordSize
    return caller
  }
}
