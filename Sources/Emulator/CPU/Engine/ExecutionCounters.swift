/// How often instructions were executed, counted exactly by blocks that were woven for it.
///
/// A block counts its entries as it runs. Where it is left before its end, or entered behind its
/// beginning, the engine notes the difference here; so every instruction's count is exact, one
/// that faults included. When blocks are dropped their counts are added up by address.
public final class ExecutionCounters {
  /// One instruction's counts.
  public struct Count: Equatable, Sendable {
    /// Its bytes.
    public var length: UInt8
    /// How often it was executed.
    public var executed: UInt64 = 0
    /// Iterations of a repeated string instruction that the machine's instruction count has beyond
    /// these.
    public var iterations: UInt64 = 0
    /// How often it jumped, if it is a conditional jump.
    public var taken: UInt64?
    /// How often it went on, if it is a conditional jump.
    public var notTaken: UInt64?
  }

  /// The counts of instructions, by linear address and privilege.
  ///
  /// Applications whose address spaces overlap are added up.
  public private(set) var counts: [CodeLocation: Count] = [:]

  private struct Woven {
    var header: UnsafeMutablePointer<BlockHeader>
    /// Linear address of the first instruction.
    var address: UInt64
    /// Number of the conditional jump's operation, zero if there is none.
    var branch: Int
  }

  private var blocks: [Woven] = []
  /// For each block left early or entered late, how the count changes at each instruction.
  private var differences: [UInt: [Int64]] = [:]

  func add(_ header: UnsafeMutablePointer<BlockHeader>, address: UInt64, branch: Int) {
    blocks.append(Woven(header: header, address: address, branch: branch))
  }

  /// The instructions of a block from `ordinal` on were entered (1) or will not run (-1).
  func change(_ header: UnsafeMutablePointer<BlockHeader>, from ordinal: Int, by change: Int64) {
    let count = Int(header.pointee.count)
    guard ordinal < count else { return }
    differences[UInt(bitPattern: header), default: [Int64](repeating: 0, count: count)][ordinal] +=
      change
  }

  /// An instruction was executed alone; `taken` is for conditional jumps.
  func step(at location: CodeLocation, length: UInt8, taken: Bool?) {
    counts[location, default: Count(length: length)].executed += 1
    guard let taken else { return }
    counts[location, default: Count(length: length)].note(
      taken: taken ? 1 : 0, notTaken: taken ? 0 : 1)
  }

  /// A repeated string instruction made so many iterations behind its first.
  func iterate(at location: CodeLocation, length: UInt8, _ iterations: UInt64) {
    counts[location, default: Count(length: length)].iterations &+= iterations
  }

  /// Adds up what blocks have counted and lets them begin anew.
  func harvest() {
    for block in blocks { harvest(block) }
    differences.removeAll()
  }

  /// Adds up what blocks have counted, since all of them go.
  func harvestAndForget() {
    harvest()
    blocks.removeAll()
  }

  private func harvest(_ block: Woven) {
    let header = block.header
    let differences = differences[UInt(bitPattern: header)]
    var executed = Int64(bitPattern: header.pointee.entries)
    header.pointee.entries = 0
    guard executed != 0 || differences != nil else { return }
    let isUser = header.pointee.mode.contains(.user)
    for ordinal in 0..<Int(header.pointee.count) {
      executed += differences?[ordinal] ?? 0
      let instruction = header.pointee.instructions[ordinal]
      let location = CodeLocation(
        address: block.address &+ UInt64(instruction.offsetInBlock), isUser: isUser)
      var count = counts[location] ?? Count(length: instruction.length)
      count.executed &+= UInt64(clamping: executed)
      if ordinal == Int(header.pointee.count) - 1, block.branch != 0 {
        let first = (UnsafeMutableRawPointer(header) + BlockHeader.size)
          .assumingMemoryBound(to: Operation.self)
        let jump = first + block.branch
        count.note(taken: (jump + 1).pointee.immediate, notTaken: (jump + 3).pointee.immediate)
        (jump + 1).pointee.immediate = 0
        (jump + 3).pointee.immediate = 0
      }
      counts[location] = count
    }
  }
}

/// A linear address of code, and who executes it.
public struct CodeLocation: Hashable, Sendable, Comparable {
  /// The linear address.
  public var address: UInt64
  /// Whether CPL is 3.
  public var isUser: Bool

  /// Makes a location.
  public init(address: UInt64, isUser: Bool) {
    self.address = address
    self.isUser = isUser
  }

  /// By address, the kernel first.
  public static func < (a: CodeLocation, b: CodeLocation) -> Bool {
    (a.address, a.isUser ? 1 : 0) < (b.address, b.isUser ? 1 : 0)
  }
}

extension ExecutionCounters.Count {
  fileprivate mutating func note(taken more: UInt64, notTaken moreNot: UInt64) {
    taken = (taken ?? 0) &+ more
    notTaken = (notTaken ?? 0) &+ moreNot
  }
}

/// First operation of a block that counts: as `hotEnter`, and one entry more.
@c func hotEnterCounted(_ s: StatePointer, _ o: UnsafeRawPointer) {
  let operation = UnsafePointer<Operation>(o)
  let cpu = CPU(s)
  let budget = cpu.state.pointee.budget &- Int64(bitPattern: operation.pointee.immediate)
  if _slowPath(budget < 0) { return leave(s, operation, EngineExit.budget) }
  cpu.state.pointee.budget = budget
  let header = UnsafeMutableRawPointer(mutating: o - BlockHeader.size)
    .assumingMemoryBound(to: BlockHeader.self)
  header.pointee.entries &+= 1
  next(s, operation + 1)
}

/// One way of a conditional jump that is counted, in `immediate`.
@c func hotCount(_ s: StatePointer, _ o: UnsafeRawPointer) {
  let operation = UnsafeMutablePointer(mutating: UnsafePointer<Operation>(o))
  operation.pointee.immediate &+= 1
  next(s, UnsafePointer(operation) + 1)
}
