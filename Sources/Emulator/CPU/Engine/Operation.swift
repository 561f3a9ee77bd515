/// A handler: executes one operation, then jumps to the next one's handler.
typealias Handler = @convention(c) (UnsafeMutableRawPointer, UnsafeRawPointer) -> Void

/// The state block as handlers get it.
typealias StatePointer = UnsafeMutableRawPointer

/// One predecoded operation: 32 bytes that a handler addresses by field.
///
/// Registers are byte offsets into the state block, AH to BH one more than AX to BX.
struct Operation {
  /// Address of the handler.
  var handler: UInt64
  /// An immediate, or the operation that control goes on to.
  var immediate: UInt64 = 0
  /// A displacement, or a RIP.
  var displacement: UInt64 = 0
  /// First register: the destination where there is one.
  var a: UInt8 = 0
  /// Second register.
  var b: UInt8 = 0
  /// Base register of the effective address.
  var base = UInt8(RegisterSlot.zero * 8)
  /// Index register of the effective address.
  var index = UInt8(RegisterSlot.zero * 8)
  /// Shift of the index.
  var scale: UInt8 = 0
  /// Number of the instruction in its block.
  var ordinal: UInt8 = 0
  /// Number of the operation in its block.
  var position: UInt16 = 0

  static let stride = MemoryLayout<Operation>.stride
}

/// What the engine knows about a block; it lies right before the block's first operation.
struct BlockHeader {
  /// The next block with the same hash; first, so that a link is also a pointer to a header.
  var nextInBucket: UnsafeMutablePointer<BlockHeader>?
  /// RIP of the first instruction.
  var rip: UInt64
  /// Physical address of the first byte.
  var physical: UInt64
  /// The decoded instructions.
  var instructions: UnsafeMutablePointer<Instruction>
  /// Links elsewhere that lead here; undone when the block is dropped.
  var incoming: UnsafeMutablePointer<IncomingLink>?
  /// Bytes of code.
  var length: UInt32
  /// Instructions.
  var count: UInt16
  /// Mode that it was decoded in.
  var mode: ExecutionMode
  /// Whether the code has been written since.
  var isDropped: Bool
  /// Limit of the code segment outside 64-bit mode: jumps were checked against it.
  var codeLimit: UInt32
  /// How often it was entered at its beginning, in blocks that count.
  var entries: UInt64 = 0

  static let size = 64

  /// Whether any byte of the code lies in a range of physical addresses.
  @inline(__always) func overlaps(_ start: UInt64, _ end: UInt64) -> Bool {
    physical < end && start < physical &+ UInt64(length)
  }
}

/// A link that leads to a block.
struct IncomingLink {
  var operation: UnsafeMutablePointer<Operation>
  var next: UnsafeMutablePointer<IncomingLink>?
}

/// Why the engine left the fast path.
enum EngineExit {
  static let none: UInt64 = 0
  /// A device was touched or interruptibility changed: look before going on.
  static let lookup: UInt64 = 1
  /// The budget does not cover the next block.
  static let budget: UInt64 = 2
  /// `CPUState.fault` must be delivered.
  static let fault: UInt64 = 3
  /// The next instruction cannot be in a block: it must be stepped.
  static let step: UInt64 = 4
  /// An interrupt may have become deliverable, but nothing outside changed.
  static let interrupts: UInt64 = 5
  /// PAUSE: other processors may go on first.
  static let yield: UInt64 = 6
}

extension UnsafePointer<Operation> {
  @inline(__always) init(_ raw: UnsafeRawPointer) {
    self = raw.assumingMemoryBound(to: Operation.self)
  }

  /// The header of the block that the operation is in.
  @inline(__always) var block: UnsafeMutablePointer<BlockHeader> {
    let first = UnsafeMutableRawPointer(mutating: self - Int(pointee.position))
    return (first - BlockHeader.size).assumingMemoryBound(to: BlockHeader.self)
  }

  /// Instructions of the block behind this one: counted when the block was entered, not run yet.
  @inline(__always) var remaining: Int64 {
    Int64(block.pointee.count) &- Int64(pointee.ordinal) &- 1
  }
}

/// Goes on with an operation: a jump in optimised builds, a return to the loop in others.
@inline(__always)
func next(_ state: StatePointer, _ operation: UnsafePointer<Operation>) {
  #if DEBUG
    CPU(state).state.pointee.trampoline = UnsafeRawPointer(operation)
  #else
    let handler = unsafeBitCast(UInt(operation.pointee.handler), to: Handler.self)
    handler(state, UnsafeRawPointer(operation))
  #endif
}

/// Runs operations until one leaves the engine.
@inline(__always)
func runOperations(_ state: StatePointer, _ first: UnsafePointer<Operation>) {
  #if DEBUG
    CPU(state).state.pointee.trampoline = UnsafeRawPointer(first)
    while let raw = CPU(state).state.pointee.trampoline {
      CPU(state).state.pointee.trampoline = nil
      let operation = UnsafePointer<Operation>(raw)
      unsafeBitCast(UInt(operation.pointee.handler), to: Handler.self)(state, raw)
    }
  #else
    next(state, first)
  #endif
}

/// The address of a handler, as operations store it.
@inline(__always) func address(_ handler: Handler) -> UInt64 {
  UInt64(UInt(bitPattern: unsafeBitCast(handler, to: UnsafeRawPointer.self)))
}
