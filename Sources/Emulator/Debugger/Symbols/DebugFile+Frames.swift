import CDw
import Emulator
import Glibc

extension DebugFile {
  /// What frame tables say of one frame.
  enum FrameFact {
    /// It has a caller.
    case found(Caller)
    /// It is the outermost one: nobody called it.
    case outermost
  }

  /// What frame tables say of one frame's caller.
  struct Caller {
    var registers: FrameRegisters
    /// The canonical frame address.
    var frameAddress: UInt64
    /// Where the return address lies, if in memory.
    var returnAddressAt: UInt64?
    /// Whether the frame is of an interrupt's entry, so that the caller was interrupted.
    var isInterrupted: Bool
  }

  /// The caller's registers, by the frame tables for the code at `address`.
  ///
  /// - Parameters:
  ///   - address: The instruction, or the call that the frame waits for.
  ///   - registers: The frame's registers.
  ///   - word: Reads a word of the stack.
  /// - Returns: What the tables say; nil if they say nothing of this code.
  func caller(
    at address: UInt64, _ registers: FrameRegisters, word: @escaping (UInt64) -> UInt64?
  ) -> FrameFact? {
    guard is64Bit == (registers.numbers.returnAddress == 16) else { return nil }
    let address = slide?.linked(address) ?? address
    for table in frameTables {
      var found: OpaquePointer?
      guard dwarf_cfi_addrframe(table, address, &found) == 0, let frame = found else { continue }
      defer { free(UnsafeMutableRawPointer(frame)) }
      if let fact = Self.caller(frame, registers, word) { return fact }
    }
    return nil
  }

  private static func caller(
    _ frame: OpaquePointer, _ registers: FrameRegisters, _ word: @escaping (UInt64) -> UInt64?
  ) -> FrameFact? {
    var isSignal = false
    var start: Dwarf_Addr = 0
    var end: Dwarf_Addr = 0
    let returnNumber = dwarf_frame_info(frame, &start, &end, &isSignal)
    guard returnNumber == Int32(registers.numbers.returnAddress) else { return nil }
    var expression = FrameExpression(registers: registers, frameAddress: nil, word: word)
    var operations: UnsafeMutablePointer<Dwarf_Op>?
    var count = 0
    guard dwarf_frame_cfa(frame, &operations, &count) == 0, count > 0, let operations else {
      return nil
    }
    let address: UInt64
    switch expression.location(UnsafeBufferPointer(start: operations, count: count)) {
    case .memory(let value), .value(let value): address = value
    case nil: return nil
    }
    expression.frameAddress = address
    var caller = Caller(
      registers: FrameRegisters(like: registers), frameAddress: address, returnAddressAt: nil,
      isInterrupted: isSignal)
    for number in 0..<registers.count {
      let (value, place) = saved(frame, number, registers, expression)
      caller.registers[number] = value
      if number == registers.numbers.returnAddress { caller.returnAddressAt = place }
    }
    if caller.registers.stackPointer == nil { caller.registers.stackPointer = address }
    guard caller.registers.instructionPointer == nil else { return .found(caller) }
    // Lost on purpose, or the stack cannot be read.
    return caller.returnAddressAt == nil ? .outermost : nil
  }

  /// What the caller had in a register, and where it was saved.
  private static func saved(
    _ frame: OpaquePointer, _ number: Int, _ registers: FrameRegisters,
    _ expression: FrameExpression
  ) -> (value: UInt64?, place: UInt64?) {
    let room = UnsafeMutablePointer<Dwarf_Op>.allocate(capacity: 3)
    room.initialize(repeating: Dwarf_Op(), count: 3)
    defer { room.deallocate() }
    var operations: UnsafeMutablePointer<Dwarf_Op>?
    var count = 0
    guard dwarf_frame_register(frame, Int32(number), room, &operations, &count) == 0 else {
      return (nil, nil)
    }
    guard count > 0, let operations else {
      // No operations: unchanged if there is no place for them either, otherwise lost.
      let isSame = operations == nil && number != registers.numbers.returnAddress
      return (isSame && number != registers.numbers.stackPointer ? registers[number] : nil, nil)
    }
    switch expression.location(UnsafeBufferPointer(start: operations, count: count)) {
    case .memory(let place): return (expression.word(place), place)
    case .value(let value): return (value, nil)
    case nil: return (nil, nil)
    }
  }
}
