/// Turns decoded instructions into operations: a fast handler where there is one for the form,
/// the slow method for everything else.
struct Lowering {
  let mode: ExecutionMode
  let rip: UInt64
  private(set) var operations: [Operation] = []

  init(mode: ExecutionMode, rip: UInt64) {
    self.mode = mode
    self.rip = rip
  }

  /// Appends the operations of one instruction.
  mutating func lower(
    _ instruction: Instruction, ordinal: Int, followedBy following: Instruction?
  ) {
    let handler =
      instruction.endsBlock ? address(cold_slowEnd) : address(cold_slow)
    operations.append(Operation(handler: handler, ordinal: UInt8(ordinal)))
  }

  /// Turns operation numbers into addresses once the operations have theirs.
  static func relocate(_ operation: UnsafeMutablePointer<Operation>) {}
}
