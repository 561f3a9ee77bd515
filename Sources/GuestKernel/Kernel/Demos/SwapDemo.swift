/// More memory than there is: the demonstration holds back nearly all of RAM, then uses more than is left.
import KernelArch

/// Frames that nobody else can have for a while.
struct HeldFrames {
  private var first: UInt64 = 0
  private(set) var count = 0

  /// Takes frames until only `rest` are free; they form a list through their first words.
  init(leaving rest: Int) {
    // Stacks kept for the next threads would come back under pressure: more than were left.
    _ = KernelStacks.shrink()
    while Frames.freeCount > rest {
      guard let frame = Frames.allocate(order: 0, [.noRetry]) else { break }
      frame.pointer.storeBytes(of: first, as: UInt64.self)
      first = frame.value
      count += 1
    }
  }

  mutating func release() {
    while first != 0 {
      let frame = PhysicalAddress(first)
      first = frame.pointer.load(as: UInt64.self)
      Frames.release(frame)
    }
    count = 0
  }
}

enum SwapDemo {
  static func run() -> Bool {
    let isOurs = Swap.area == nil
    if isOurs, !Swap.start(CompressedSwap(slots: 8192)) { return false }
    let free = Frames.minimum * 3 + 512
    var held = HeldFrames(leaving: free)
    // Pages of files would go first.
    let pages = UInt64(free) + 1024 + MemoryStatistics.value(.cachedPages)
    Demo.say("\(free) frames are free, the program maps \(pages) pages and writes to all of them.")
    let out = MemoryStatistics.value(.swappedOut)
    let back = MemoryStatistics.value(.swappedIn)
    let passed = use(pages, out, back)
    held.release()
    guard isOurs else { return passed }
    return Demo.check(
      Swap.close() && Swap.usedSlots == 0,
      "swapoff: everything is back in memory, no slot is in use") && passed
  }

  private static func use(_ pages: UInt64, _ out: UInt64, _ back: UInt64) -> Bool {
    let mode = Commitment.mode
    Commitment.mode = .always
    defer { Commitment.mode = mode }
    guard let start = DemoMemory.map(pages) else { return Demo.check(false, "mapped") }
    defer { DemoMemory.unmap(start, pages) }
    for page in 0..<pages where !DemoMemory.write(page &* 0x1_0001 + 1, at: start + page * pageSize)
    {
      return Demo.check(false, "page \(page) could be written")
    }
    let swapped = MemoryStatistics.value(.swappedOut) - out
    var passed = Demo.check(
      swapped > 0 && DemoMemory.space.swappedCount > 0,
      "some of them lost their frame: their entries name a slot now")
    var wrong = 0
    for page in 0..<pages {
      if DemoMemory.read(start + page * pageSize) != page &* 0x1_0001 + 1 { wrong += 1 }
    }
    passed =
      Demo.check(
        wrong == 0 && MemoryStatistics.value(.swappedIn) > back,
        "reading all of them again finds every value; the slots were read back") && passed
    guard let child = DemoMemory.space.fork() else { return passed }
    child.release()
    return Demo.check(true, "fork and exit with pages in swap keep the count of each slot")
      && passed
  }
}

/// Who goes when nothing is left.
enum OutOfMemoryDemo {
  static func run() -> Bool {
    Demo.say("A child maps and writes memory without end, in a machine with little left.")
    let free = Frames.minimum * 3 + 512
    var held = HeldFrames(leaving: free)
    defer { held.release() }
    let kills = MemoryStatistics.value(.kills)
    guard let child = DemoMemory.space.fork() else { return false }
    defer { child.release() }
    let size: UInt64 = 64 << 20
    let mode = Commitment.mode
    Commitment.mode = .always
    defer { Commitment.mode = mode }
    guard case .success(let start) = child.map(at: nil, size: size, [.read, .write]) else {
      return false
    }
    var touched: UInt64 = 0
    var failure: FaultFailure?
    for page in stride(from: start, to: start + size, by: Int(pageSize)) {
      if case .failure(let reason) = child.fault(page, .write) {
        failure = reason
        break
      }
      touched += 1
    }
    var passed = Demo.check(
      touched > 0 && (failure == .outOfMemory || MemoryStatistics.value(.kills) > kills),
      "its touches succeed for a while, then there is no frame and nothing to reclaim")
    passed =
      Demo.check(
        OutOfMemory.score(child) > OutOfMemory.score(DemoMemory.space),
        "its score, thousandths of all memory that it has, is higher than ours") && passed
    let before = Frames.freeCount
    let shared = DemoMemory.space.pageCount
    let pages = child.pageCount > shared ? child.pageCount - shared : 0
    child.release()
    return Demo.check(
      UInt64(Frames.freeCount - before) >= pages,
      "it goes, and every frame of its own is free again")
      && passed
  }
}

/// How much may be promised.
enum OvercommitDemo {
  static func run() -> Bool {
    let mode = Commitment.mode
    defer { Commitment.mode = mode }
    let all = UInt64(Frames.totalCount + Swap.slots)
    Demo.say("A program asks for twice what the machine has, and for three quarters of it.")
    var passed = true
    for (mode, name, twice, most) in [
      (.heuristic, "0, refuse the obviously impossible", false, true),
      (.always, "1, promise anything", true, true),
      (.never, "2, promise half of memory", false, false),
    ] as [(Commitment.Mode, StaticString, Bool, Bool)] {
      Commitment.mode = mode
      let gotTwice = promise(all * 2)
      let gotMost = promise(all * 3 / 4)
      let first: StaticString = gotTwice ? "yes" : "no"
      let second: StaticString = gotMost ? "yes" : "no"
      passed =
        Demo.check(
          gotTwice == twice && gotMost == most, "mode \(name): \(first), \(second)") && passed
    }
    Demo.say(
      "The mode is /proc/sys/vm/overcommit_memory; /proc/meminfo shows CommitLimit, Committed_AS.")
    return passed
  }

  private static func promise(_ pages: UInt64) -> Bool {
    guard let start = DemoMemory.map(pages) else { return false }
    DemoMemory.unmap(start, pages)
    return true
  }
}
