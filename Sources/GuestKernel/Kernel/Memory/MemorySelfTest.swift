/// Storms for the allocators, part of `selftest`: everything is taken until nothing is left, in all
/// sizes, and given back in another order; then exactly as much must be free as before.
import KernelArch

enum MemorySelfTest {
  private static func random(_ state: inout UInt64) -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }

  /// Blocks of all orders to exhaustion.
  static func frames() -> Bool {
    let before = Frames.freeCount
    var first: [UInt64] = []
    first.reserveCapacity(4096)
    let floor = Frames.freeCount
    var state: UInt64 = 88_172_645
    var order = BuddyAllocator.largestOrder
    while order >= 0, first.count < 4096 {
      if let block = Frames.allocate(order: order, [.noRetry]) {
        first.append(block.value)
      } else {
        order -= 1
      }
    }
    let wasExhausted = Frames.freeCount <= Frames.minimum || first.count == 4096
    while !first.isEmpty {
      let index = Int(random(&state) % UInt64(first.count))
      first.swapAt(index, first.count - 1)
      Frames.release(PhysicalAddress(first.removeLast()))
    }
    first = []
    let isConsistent = Frames.inspect { $0.firstInconsistency() == nil } ?? false
    return wasExhausted && isConsistent && floor <= before && abs(Frames.freeCount - before) <= 16
  }

  /// Objects of all sizes, checked for being apart.
  static func objects() -> Bool {
    let blocks = KernelHeap.liveBlocks
    var state: UInt64 = 362_436_069
    var live: [(at: UnsafeMutableRawPointer, size: Int, mark: UInt8)] = []
    live.reserveCapacity(1000)
    var isRight = true
    for step in 0..<5000 {
      if live.isEmpty || (random(&state) % 3 != 0 && live.count < 1000) {
        let size = Int(random(&state) % (step % 50 == 0 ? 20_000 : 600)) + 1
        guard let at = Kmalloc.allocate(size) else { return false }
        let mark = UInt8(truncatingIfNeeded: step)
        at.initializeMemory(as: UInt8.self, repeating: mark, count: size)
        live.append((at, size, mark))
      } else {
        let index = Int(random(&state) % UInt64(live.count))
        live.swapAt(index, live.count - 1)
        let piece = live.removeLast()
        isRight =
          isRight && piece.at.load(as: UInt8.self) == piece.mark
          && (piece.at + piece.size - 1).load(as: UInt8.self) == piece.mark
        Kmalloc.release(piece.at)
      }
    }
    for piece in live { Kmalloc.release(piece.at) }
    live = []
    let difference = Int(KernelHeap.liveBlocks) - Int(blocks)
    return isRight && abs(difference) <= 64
  }

  /// vmalloc: in one piece, with a page behind that is not mapped.
  static func virtualMemory() -> Bool {
    let bytes = VirtualMemory.bytesInUse
    guard let piece = VirtualMemory.allocate(100_000) else { return false }
    let start = UInt64(UInt(bitPattern: piece))
    piece.initializeMemory(as: UInt8.self, repeating: 0x5a, count: 100_000)
    let end = (start + 100_000 + pageSize - 1) & ~(pageSize - 1)
    let isGuarded =
      KernelSpace.isMapped(LinearAddress(end - 1)) && !KernelSpace.isMapped(LinearAddress(end))
      && VirtualMemory.isGuard(end)
    VirtualMemory.release(piece)
    return isGuarded && !KernelSpace.isMapped(LinearAddress(start))
      && VirtualMemory.bytesInUse == bytes
  }

  /// Spaces that fork, write and end: every frame comes back.
  static func spaces() -> Bool {
    let before = Frames.freeCount
    for round in 0..<10 as Range<UInt64> {
      guard let parent = AddressSpace(),
        case .success(let start) = parent.map(at: nil, size: 100 * pageSize, [.read, .write])
      else { return false }
      for page in 0..<100 as Range<UInt64> {
        guard case .success = parent.fault(start + page * pageSize, .write) else { return false }
      }
      guard let child = parent.fork() else { return false }
      for page in stride(from: round, to: 100, by: 3) {
        guard case .success = child.fault(start + page * pageSize, .write) else { return false }
      }
      guard child.copies > 0 else { return false }
      parent.release()
      child.release()
    }
    return abs(Frames.freeCount - before) <= 16
  }
}

// MARK: Pressure

extension MemorySelfTest {
  nonisolated(unsafe) private static var failures: UInt32 = 0
  private static let workers = 3
  private static let pages: UInt64 = 400

  /// Threads on all processors use twice the memory there is, in spaces that fork meanwhile.
  static func pressure() -> Bool {
    let isOurs = Swap.area == nil
    if isOurs, !Swap.start(CompressedSwap(slots: 4096)) { return false }
    let mode = Commitment.mode
    Commitment.mode = .always
    // So little that each thread alone needs more, should they run one after the other.
    var held = HeldFrames(leaving: Frames.minimum + Int(pages) * 3 / 4)
    let out = MemoryStatistics.value(.swappedOut)
    failures = 0
    let finished = Semaphore(0)
    for worker in 0..<workers {
      Thread.spawn("pressure") {
        if !work(UInt64(worker + 1)) { _ = atomic_add32(&failures, 1) }
        finished.post()
      }
    }
    for _ in 0..<workers { finished.wait() }
    held.release()
    Commitment.mode = mode
    // Pages of others went out as well: they come back.
    let isEmpty = isOurs ? Swap.close() : Swap.bringEverythingIn()
    return failures == 0 && isEmpty && MemoryStatistics.value(.swappedOut) > out
  }

  /// So little memory may be refused at the moment; a thread of the kernel, which nobody ends for
  /// that, asks again.
  private static func persist<Found>(_ request: () -> Found?) -> Found? {
    for _ in 0..<20 {
      if let found = request() { return found }
      Thread.sleep(nanoseconds: 1_000_000)
    }
    log("selftest", "pressure: memory was refused 20 times")
    return nil
  }

  private static func work(_ worker: UInt64) -> Bool {
    guard let space = AddressSpace(),
      case .success(let start) = space.map(at: nil, size: pages * pageSize, [.read, .write])
    else { return false }
    defer { space.release() }
    for round in 0..<2 as Range<UInt64> {
      for page in 0..<pages {
        let address = start + page * pageSize
        guard persist({ try? space.fault(address, .write).get() }) != nil,
          let frame = persist({ space.privatePage(address) })
        else { return false }
        frame.pointer.storeBytes(of: worker << 32 | round << 16 | page, as: UInt64.self)
        Frames.release(frame)
      }
      guard let child = persist({ space.fork() }) else { return false }
      let isRight =
        holds(space, start, worker << 32 | round << 16)
        && holds(child, start, worker << 32 | round << 16)
      child.release()
      guard isRight else { return false }
    }
    return true
  }

  private static func holds(_ space: AddressSpace, _ start: UInt64, _ mark: UInt64) -> Bool {
    for page in 0..<pages {
      guard let frame = persist({ space.privatePage(start + page * pageSize) }) else {
        return false
      }
      let value = frame.pointer.load(as: UInt64.self)
      Frames.release(frame)
      if value != mark | page { return false }
    }
    return true
  }
}
