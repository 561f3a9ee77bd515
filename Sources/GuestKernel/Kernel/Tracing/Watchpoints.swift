/// The processor's four debug registers: breakpoints that change no code, and watchpoints that stop at the very
/// instruction that writes a variable.
///
/// Each processor has its own registers; the stub tells all of them the same, when they go on.
/// SDM Vol. 3B, "Debug Registers". Nothing here takes a lock: only the debugger's processor changes `slots`, while
/// all others stand still.
import KernelArch

enum Watchpoints {
  enum Condition: UInt64 {
    case execution = 0
    case write = 1
    case access = 3
  }

  struct Slot: Equatable {
    var address: UInt64
    var condition: Condition
    var length: UInt64

    /// The four bits of DR7 beside the one that enables it; nil for a length that there is not.
    fileprivate var control: UInt64? {
      let code: UInt64
      switch length {
      case 1: code = 0
      case 2: code = 1
      case 8: code = 2
      case 4: code = 3
      default: return nil
      }
      return condition.rawValue | code << 2
    }
  }

  private static let count = 4
  nonisolated(unsafe) private static var slots: (Slot?, Slot?, Slot?, Slot?) = (nil, nil, nil, nil)

  private static func slot(_ index: Int) -> Slot? {
    switch index {
    case 0: slots.0
    case 1: slots.1
    case 2: slots.2
    default: slots.3
    }
  }

  private static func put(_ slot: Slot?, at index: Int) {
    switch index {
    case 0: slots.0 = slot
    case 1: slots.1 = slot
    case 2: slots.2 = slot
    default: slots.3 = slot
    }
  }

  /// False when all four are in use, or the processor cannot watch that.
  static func add(_ new: Slot) -> Bool {
    guard new.control != nil, new.address % new.length == 0 else { return false }
    for index in 0..<count where slot(index) == new { return true }
    for index in 0..<count where slot(index) == nil {
      put(new, at: index)
      return true
    }
    return false
  }

  static func remove(_ old: Slot) {
    for index in 0..<count where slot(index) == old { put(nil, at: index) }
  }

  static func removeAll() { for index in 0..<count { put(nil, at: index) } }

  /// Makes this processor watch, or no longer, before it goes on.
  static func load() {
    let always: UInt64 = 1 << 10
    var control = always
    for index in 0..<count {
      guard let slot = slot(index), let bits = slot.control else { continue }
      write_debug_address(UInt32(index), slot.address)
      control |= 2 << UInt64(2 * index) | bits << UInt64(16 + 4 * index)
    }
    write_dr7(control)
  }

  /// Stops watching on this processor, and says what it has met; nil when it was something else.
  static func suspend() -> Slot? {
    let met = read_dr6()
    write_dr7(1 << 10)
    write_dr6(0)
    for index in 0..<count where met >> UInt64(index) & 1 != 0 {
      if let slot = slot(index) { return slot }
    }
    return nil
  }
}
