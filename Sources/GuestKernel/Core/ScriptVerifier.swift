/// Why a script is refused, with the number of the instruction.
package enum ScriptError: Error, Equatable {
  case empty
  case tooLong
  case unknownOperation(Int)
  case badRegister(Int)
  case uninitializedRegister(Int)
  case uninitializedSlot(Int)
  case badOffset(Int)
  case jumpOutside(Int)
  case unreachable(Int)
  case noExit(Int)

  package var name: TextLine {
    switch self {
    case .empty: "an empty program"
    case .tooLong: "more than \(ScriptLimits.instructions) instructions"
    case .unknownOperation(let at): "instruction \(at): unknown operation"
    case .badRegister(let at): "instruction \(at): no such register"
    case .uninitializedRegister(let at): "instruction \(at): reads a register nobody has written"
    case .uninitializedSlot(let at): "instruction \(at): reads a stack slot nobody has written"
    case .badOffset(let at): "instruction \(at): no such slot, counter or part of the context"
    case .jumpOutside(let at): "instruction \(at): jumps out of the program"
    case .unreachable(let at): "instruction \(at): can never be reached"
    case .noExit(let at): "instruction \(at): the program runs past its end"
    }
  }
}

/// Proves, before a script runs, that it ends and reads nothing it must not.
///
/// What holds before an instruction is what holds on every way there: which registers and stack slots
/// have been written. As jumps only lead forward, all ways to an instruction are known when one pass
/// from the top arrives at it.
package enum ScriptVerifier {
  private struct State {
    var registers: UInt16 = 0
    var slots: UInt16 = 0

    mutating func meet(_ other: State) {
      registers &= other.registers
      slots &= other.slots
    }
  }

  package static func check(_ code: [ScriptInstruction]) throws(ScriptError) {
    guard !code.isEmpty else { throw ScriptError.empty }
    guard code.count <= ScriptLimits.instructions else { throw ScriptError.tooLong }
    var states = [State?](repeating: nil, count: code.count)
    states[0] = State()
    for at in 0..<code.count {
      guard let before = states[at] else { throw ScriptError.unreachable(at) }
      guard let operation = ScriptInstruction.Operation(rawValue: code[at].operation) else {
        throw ScriptError.unknownOperation(at)
      }
      let after = try step(code[at], operation, before, at)
      if operation == .exit { continue }
      if isJump(operation) {
        let landing = at + 1 + Int(code[at].offset)
        guard landing < code.count else { throw ScriptError.jumpOutside(at) }
        join(after, to: landing, &states)
        if operation == .jump { continue }
      }
      guard at + 1 < code.count else { throw ScriptError.noExit(at) }
      join(after, to: at + 1, &states)
    }
  }

  private static func isJump(_ operation: ScriptInstruction.Operation) -> Bool {
    operation.rawValue >= ScriptInstruction.Operation.jump.rawValue && operation != .exit
  }

  private static func join(_ state: State, to at: Int, _ states: inout [State?]) {
    if var known = states[at] {
      known.meet(state)
      states[at] = known
    } else {
      states[at] = state
    }
  }

  /// Checks one instruction; returns what holds after it.
  private static func step(
    _ i: ScriptInstruction, _ operation: ScriptInstruction.Operation, _ before: State, _ at: Int
  ) throws(ScriptError) -> State {
    var state = before
    func read(_ register: UInt8) throws(ScriptError) {
      guard register < UInt8(ScriptLimits.registers) else { throw ScriptError.badRegister(at) }
      guard before.registers >> UInt16(register) & 1 != 0 else {
        throw ScriptError.uninitializedRegister(at)
      }
    }
    func offset(below limit: Int) throws(ScriptError) {
      guard Int(i.offset) < limit else { throw ScriptError.badOffset(at) }
    }
    guard i.target < UInt8(ScriptLimits.registers) else { throw ScriptError.badRegister(at) }
    let usesSource =
      operation != .exit && operation != .jump && operation != .loadContext
      && operation != .loadStack
    if usesSource, i.source != ScriptInstruction.immediate { try read(i.source) }
    switch operation {
    case .move:
      state.registers |= 1 << UInt16(i.target)
    case .loadContext:
      try offset(below: ScriptLimits.context)
      state.registers |= 1 << UInt16(i.target)
    case .loadStack:
      try offset(below: ScriptLimits.stack)
      guard before.slots >> UInt16(i.offset) & 1 != 0 else {
        throw ScriptError.uninitializedSlot(at)
      }
      state.registers |= 1 << UInt16(i.target)
    case .storeStack:
      try offset(below: ScriptLimits.stack)
      state.slots |= 1 << UInt16(i.offset)
    case .count:
      try offset(below: ScriptLimits.counters)
    case .exit:
      try read(0)
    case .jump:
      break
    default:
      try read(i.target)
    }
    return state
  }
}
