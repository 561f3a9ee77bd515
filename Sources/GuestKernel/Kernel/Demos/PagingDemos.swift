/// Demand paging, copy on write, aliases, stacks: what page faults are good for.
import KernelArch

enum DemandPagingDemo {
  static func run() -> Bool {
    let pages: UInt64 = 256
    let frames = Frames.freeCount
    var faults = DemoMemory.faults
    guard let start = DemoMemory.map(pages) else { return false }
    defer { DemoMemory.unmap(start, pages) }
    Demo.say("mmap of \(pages) pages: a line in the list of areas, nothing else.")
    var passed = Demo.check(
      DemoMemory.faults == faults && DemoMemory.frame(start) == nil, "no frame, no fault so far")
    for page in 0..<pages where DemoMemory.read(start + page * pageSize) != 0 { return false }
    passed =
      Demo.check(
        DemoMemory.faults - faults == pages && DemoMemory.frame(start) == ZeroPage.frame,
        "reading all of them: \(DemoMemory.faults - faults) faults, but all show the one zero page")
      && passed
    faults = DemoMemory.faults
    let before = DemoMemory.space.pageCount
    for page in 0..<10 as Range<UInt64> where !DemoMemory.write(page, at: start + page * pageSize) {
      return false
    }
    passed =
      Demo.check(
        DemoMemory.space.pageCount - before == 10 && DemoMemory.faults - faults == 10,
        "writing ten: ten faults, ten frames of its own") && passed
    DemoMemory.unmap(start, pages)
    return Demo.check(
      DemoMemory.read(start) == nil && Frames.freeCount + 8 >= frames,
      "munmap: the frames are free, and a touch is an error again") && passed
  }
}

enum CopyOnWriteDemo {
  static func run() -> Bool {
    let pages: UInt64 = 64
    guard let start = DemoMemory.map(pages) else { return false }
    defer { DemoMemory.unmap(start, pages) }
    for page in 0..<pages where !DemoMemory.write(page + 1, at: start + page * pageSize) {
      return false
    }
    let parent = DemoMemory.space
    let before = Frames.freeCount
    guard let child = parent.fork() else { return false }
    defer { child.release() }
    let taken = before - Frames.freeCount
    Demo.say(
      "fork of a space with \(parent.pageCount) pages took \(taken) frames, all for page tables.")
    var passed = Demo.check(
      DemoMemory.frame(start) == DemoMemory.frame(start, in: child)
        && references(start) == 2, "both sides see the same frame, which has two users")
    let copies = parent.copies
    let old = DemoMemory.frame(start)
    _ = DemoMemory.write(1000, at: start)
    passed =
      Demo.check(
        parent.copies == copies + 1 && DemoMemory.frame(start) != old,
        "the parent writes: one copy, the page is its own now") && passed
    passed =
      Demo.check(
        DemoMemory.frame(start, in: child) == old && value(start, in: child) == 1,
        "the child still sees what was there at the fork") && passed
    guard case .success = child.fault(start, .write) else { return false }
    passed =
      Demo.check(
        child.copies == 0 && DemoMemory.frame(start, in: child) == old,
        "the child writes too: it is the last user, nothing is copied") && passed
    child.release()
    return Demo.check(
      references(start + pageSize) == 1, "the child ends: the parent is alone with its pages")
      && passed
  }

  private static func references(_ address: UInt64) -> UInt32 {
    DemoMemory.frame(address).map { Frames.references($0) } ?? 0
  }

  private static func value(_ address: UInt64, in space: AddressSpace) -> UInt64? {
    space.tables.translate(LinearAddress(address))?.pointer.load(as: UInt64.self)
  }
}

enum AliasingDemo {
  static func run() -> Bool {
    let object = SharedMemory()
    guard let one = DemoMemory.map(2, .shared, object: object),
      let two = DemoMemory.map(2, .shared, object: object)
    else { return false }
    defer {
      DemoMemory.unmap(one, 2)
      DemoMemory.unmap(two, 2)
    }
    Demo.say("The same memory object is mapped twice, shared.")
    _ = DemoMemory.write(0xa11a5, at: one)
    var passed = Demo.check(
      one != two && DemoMemory.read(two) == 0xa11a5,
      "what is written at one address is read at the other")
    passed =
      Demo.check(
        DemoMemory.frame(one) == DemoMemory.frame(two), "both entries name the same frame")
      && passed
    guard let child = DemoMemory.space.fork() else { return false }
    defer { child.release() }
    guard case .success = child.fault(two, .write) else { return false }
    passed =
      Demo.check(
        DemoMemory.frame(two, in: child) == DemoMemory.frame(one),
        "after fork too: shared memory stays shared, writing makes no copy") && passed
    return passed
  }
}

enum StackDemo {
  static func run() -> Bool {
    let space = DemoMemory.space
    guard let stack = find() else { return false }
    Demo.say("The stack is \(size: stack.size) now; it may grow to \(size: Stack.limit).")
    let target = stack.start - 20 * pageSize
    var passed = Demo.check(
      DemoMemory.write(1, at: target) && find()?.start == target & ~(pageSize - 1),
      "a touch 20 pages below makes it 20 pages larger")
    let tooFar = stack.end - Stack.limit - 8
    passed =
      Demo.check(!DemoMemory.write(1, at: tooFar), "beyond the limit it is an error") && passed
    passed =
      Demo.check(
        space.isBelowStack(tooFar), "which the kernel recognises as a stack overflow") && passed
    let below = target - Stack.guardGap / 2
    let inTheWay = space.map(
      at: below & ~(pageSize - 1), size: pageSize, [.read, .write], replacing: false)
    guard case .success(let wall) = inTheWay else { return false }
    defer { space.unmap(wall..<wall + pageSize) }
    return Demo.check(
      !DemoMemory.write(1, at: target - 4 * pageSize),
      "with another mapping closer than \(size: Stack.guardGap), it does not grow any further")
      && passed
  }

  private static func find() -> Area<MemoryObject>? {
    DemoMemory.space.lock.withLock {
      for area in DemoMemory.space.areas where area.kind.contains(.stack) { return area }
      return nil
    }
  }
}
