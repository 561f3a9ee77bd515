/// The lock validator's memory: which kinds of locks were taken while which others were held.
///
/// A deadlock needs a circle in the order in which locks are taken, but not the bad luck of hitting it: the
/// graph keeps every order it has ever seen, so a second order that contradicts the first one is
/// found the first time it occurs, however unlikely the deadlock itself is. Locks of one name are one
/// class. The same for interrupts: a class that handlers take must never be held with interrupts on.

package struct LockGraph {
  package static let capacity = 128

  package enum Finding: Equatable {
    /// Taking the second while the first is held contradicts the order on this path.
    case reversal(held: Int, wanted: Int)
    /// Two locks of the same class at once.
    case recursion(Int)
    /// Held with interrupts on, and taken by an interrupt handler.
    case unsafeInInterrupts(Int)
  }

  /// A bit matrix: row = held, column = taken while it was held.
  private let edges: UnsafeMutablePointer<UInt64>
  private let reported: UnsafeMutablePointer<UInt64>
  private let origins: UnsafeMutablePointer<Int16>
  private let agenda: UnsafeMutablePointer<Int16>
  private let usage: UnsafeMutablePointer<UInt8>
  package private(set) var edgeCount = 0

  private static let inInterrupt: UInt8 = 1
  private static let withInterruptsOn: UInt8 = 2
  private static let mayNest: UInt8 = 4
  private static let isReported: UInt8 = 8
  private static let wordsPerRow = capacity / 64

  package init() {
    let words = Self.capacity * Self.wordsPerRow
    edges = .allocate(capacity: words)
    edges.initialize(repeating: 0, count: words)
    reported = .allocate(capacity: words)
    reported.initialize(repeating: 0, count: words)
    origins = .allocate(capacity: Self.capacity)
    origins.initialize(repeating: -1, count: Self.capacity)
    agenda = .allocate(capacity: Self.capacity)
    agenda.initialize(repeating: 0, count: Self.capacity)
    usage = .allocate(capacity: Self.capacity)
    usage.initialize(repeating: 0, count: Self.capacity)
  }

  package func hasEdge(_ held: Int, _ wanted: Int) -> Bool {
    edges[held * Self.wordsPerRow + wanted / 64] >> UInt64(wanted % 64) & 1 != 0
  }

  /// Two locks of this class may be held at once, in an order that somebody else takes care of.
  package func allowNesting(_ lockClass: Int) { usage[lockClass] |= Self.mayNest }

  /// A lock of class `wanted` is about to be taken while one of class `held` is.
  ///
  /// Each contradiction is found once.
  package mutating func note(held: Int, wanted: Int) -> Finding? {
    if held == wanted {
      guard usage[held] & Self.mayNest == 0, mark(held, wanted) else { return nil }
      return .recursion(held)
    }
    guard !hasEdge(held, wanted) else { return nil }
    let isReversal = path(from: wanted, to: held)
    edges[held * Self.wordsPerRow + wanted / 64] |= 1 << UInt64(wanted % 64)
    edgeCount += 1
    guard isReversal, mark(held, wanted) else { return nil }
    return .reversal(held: held, wanted: wanted)
  }

  /// A lock of this class is taken, by an interrupt handler or not, with interrupts on or off.
  package mutating func noteUse(
    _ lockClass: Int, inInterrupt: Bool, interruptsOn: Bool
  ) -> Finding? {
    if inInterrupt {
      usage[lockClass] |= Self.inInterrupt
    } else if interruptsOn {
      usage[lockClass] |= Self.withInterruptsOn
    }
    let both = Self.inInterrupt | Self.withInterruptsOn
    guard usage[lockClass] & (both | Self.isReported) == both else { return nil }
    usage[lockClass] |= Self.isReported
    return .unsafeInInterrupts(lockClass)
  }

  /// After `note` has found a reversal: the classes on the older order's way, from `wanted` to `held`.
  package func forEachOnPath(from: Int, to: Int, _ body: (Int) -> Void) {
    guard path(from: from, to: to) else { return }
    var length = 0
    var at = to
    while at != from, length < Self.capacity {
      agenda[length] = Int16(at)
      length += 1
      at = Int(origins[at])
    }
    body(from)
    for index in stride(from: length - 1, through: 0, by: -1) { body(Int(agenda[index])) }
  }

  /// Breadth first; `origins` tells the way back.
  private func path(from: Int, to: Int) -> Bool {
    for index in 0..<Self.capacity { origins[index] = -1 }
    var head = 0
    var tail = 1
    agenda[0] = Int16(from)
    origins[from] = Int16(from)
    while head < tail {
      let at = Int(agenda[head])
      head += 1
      if at == to { return true }
      for next in 0..<Self.capacity where hasEdge(at, next) && origins[next] < 0 {
        origins[next] = Int16(at)
        agenda[tail] = Int16(next)
        tail += 1
      }
    }
    return false
  }

  private func mark(_ held: Int, _ wanted: Int) -> Bool {
    let word = held * Self.wordsPerRow + wanted / 64
    let bit: UInt64 = 1 << UInt64(wanted % 64)
    guard reported[word] & bit == 0 else { return false }
    reported[word] |= bit
    return true
  }
}
