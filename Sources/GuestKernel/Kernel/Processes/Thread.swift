/// One flow of control: a kernel stack, and what is needed to go on where it left off.
import KernelArch

/// What a waiting thread waits for.
enum Channel: Equatable {
  case input
  /// A child of this process ends.
  case child(of: Int)
  /// A thread ends and can be cleared away.
  case ended
}

final class Thread {
  enum State: Equatable {
    case ready
    case running
    case waiting(Channel)
    /// Until the tick of this number.
    case sleeping(UInt64)
    case ended
  }

  let id: Int
  let name: [UInt8]
  /// Nil for a thread of the kernel itself.
  let process: Process?
  /// The top of the kernel stack.
  let stackTop: UInt64
  /// Where `switch_context` keeps the stack pointer while the thread is not running.
  let savedStackPointer: UnsafeMutablePointer<UInt64>
  /// The FXSAVE image of a thread in ring 3; the kernel itself never touches SSE or x87.
  let floatingPoint: UnsafeMutableRawPointer?

  /// Lock for all of these: interrupts off.
  var state = State.ready
  var ticks: UInt64 = 0
  var preemptions: UInt64 = 0
  var systemCalls: UInt64 = 0

  init(id: Int, name: [UInt8], process: Process?, stackTop: UInt64) {
    self.id = id
    self.name = name
    self.process = process
    self.stackTop = stackTop
    savedStackPointer = .allocate(capacity: 1)
    savedStackPointer.initialize(to: 0)
    floatingPoint = process == nil ? nil : Thread.initialFloatingPoint()
  }

  /// Frees what the thread needed to run.
  ///
  /// It must not be the running one.
  func release() {
    savedStackPointer.deallocate()
    floatingPoint?.deallocate()
    KernelStacks.release(top: stackTop)
  }

  var rootTable: PhysicalAddress { process?.space.tables.root ?? KernelSpace.tables.root }

  // SDM Vol. 1, "FXSAVE area": the control words as after FNINIT and reset.
  private static func initialFloatingPoint() -> UnsafeMutableRawPointer {
    let area = UnsafeMutableRawPointer.allocate(byteCount: 512, alignment: 16)
    area.initializeMemory(as: UInt8.self, repeating: 0, count: 512)
    area.storeBytes(of: 0x037f, as: UInt16.self)
    area.storeBytes(of: 0x1f80, toByteOffset: 24, as: UInt32.self)
    return area
  }
}

// MARK: First instructions

extension Thread {
  /// Prepares the stack so that the first switch starts `function` in the kernel.
  ///
  func start(_ function: @convention(c) () -> Void) {
    let words = push(count: 8)
    // Popped by switch_context: R15, R14, R13, R12, RBX, RBP, and the return address.
    words[3] = UInt64(UInt(bitPattern: unsafeBitCast(function, to: UnsafeRawPointer.self)))
    words[6] = address_of_thread_start()
  }

  /// Prepares the stack so that the first switch goes to ring 3.
  func start(user entry: UInt64, stackPointer: UInt64) {
    let frameWords = MemoryLayout<trap_frame>.size / 8
    let words = push(count: 7 + frameWords)
    words[6] = address_of_thread_start_user()
    let interruptsOn: UInt64 = 0x202
    var frame = trap_frame()
    frame.rip = entry
    frame.cs = Selector.userCode
    frame.ss = Selector.userData
    frame.rsp = stackPointer
    frame.rflags = interruptsOn
    UnsafeMutableRawPointer(words + 7).storeBytes(of: frame, as: trap_frame.self)
  }

  private func push(count: Int) -> UnsafeMutablePointer<UInt64> {
    let at = stackTop &- UInt64(count * 8)
    savedStackPointer.pointee = at
    let words = pointer_to(at).assumingMemoryBound(to: UInt64.self)
    words.initialize(repeating: 0, count: count)
    return words
  }
}
