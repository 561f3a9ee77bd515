/// What can be mapped: pages with an index, kept in memory once they were asked for.
///
/// The base class is memory that begins as zeroes and belongs to nobody else: what processes share when
/// they map MAP_SHARED and MAP_ANONYMOUS. Subclasses say where the contents come from and go to.
/// The object holds one reference to the frame of each page, whoever maps it another.
/// Lock: `lock`, also while a page is being filled or written.
import KernelArch

/// Why a page cannot be had.
enum FaultFailure: Error {
  /// No area there, or one that does not allow this.
  case badAddress
  case outOfMemory
  /// Beyond the end of what is mapped there, or unreadable.
  case beyondEnd
}

class MemoryObject {
  private let lock = Mutex("memory object")
  /// Held by reclaim while it follows a page's owner, and by an object that ends.
  static let lifetime = Mutex("memory objects")
  /// The frame of each page; with bit 0 set, the number of a swap slot above it.
  private var pages = PageTree()

  init() { MemoryStatistics.change(.objects, by: 1) }

  /// What /proc/PID/maps calls it.
  var name: [UInt8] { [UInt8](text: "/dev/zero (shared)") }

  /// Fills a zeroed frame with page `index`; false when that fails.
  func fill(_ index: UInt64, _ frame: PhysicalAddress) -> Bool { true }

  /// Takes a dirty page's contents; false when that fails.
  func store(_ index: UInt64, _ frame: PhysicalAddress) -> Bool { false }

  /// Pages from this one on do not exist: touching them is an error.
  var pageCount: UInt64 { .max }

  /// Its pages have no other home than swap.
  var isSwapBacked: Bool { true }

  /// Held, before `lock`, by whoever fills or stores pages: a file's own lock.
  func lockContents() {}
  func unlockContents() {}

  /// Its pages are a driver's: not kept here, never reclaimed.
  var hasOwnFrames: Bool { false }
  func ownFrame(_ index: UInt64) -> PhysicalAddress? { nil }

  /// Areas with that many pages of it have come or gone.
  func mappingChanged(by pages: Int) {}

  final var residentPages: Int { pages.count }

  private final func withContents<Result>(_ body: () -> Result) -> Result {
    lockContents()
    defer { unlockContents() }
    return lock.withLock(body)
  }

  /// The frame of page `index`, with one more reference, which is the caller's; new if it was not in
  /// memory.
  final func page(
    _ index: UInt64, _ flags: GFP = [.user, .noRetry]
  ) -> Result<(frame: PhysicalAddress, isNew: Bool), FaultFailure> {
    if hasOwnFrames {
      guard let frame = ownFrame(index) else { return .failure(.beyondEnd) }
      Frames.retain(frame)
      return .success((frame, false))
    }
    return withContents {
      let known = pages[index]
      if known != 0, known & 1 == 0 {
        let frame = PhysicalAddress(known)
        Frames.retain(frame)
        return .success((frame, false))
      }
      guard index < pageCount else { return .failure(.beyondEnd) }
      if known != 0 { return swapIn(index, Int(known >> 1)) }
      guard let frame = Frames.allocate(order: 0, flags.union(.zero)) else {
        return .failure(.outOfMemory)
      }
      guard fill(index, frame) else {
        Frames.release(frame)
        return .failure(.beyondEnd)
      }
      add(index, frame)
      return .success((frame, !isSwapBacked))
    }
  }

  private func add(_ index: UInt64, _ frame: PhysicalAddress) {
    let me = UInt(bitPattern: Unmanaged.passUnretained(self).toOpaque())
    Frames.retain(frame)
    Frames.adopt(frame, .cached, index: index, owner: me, active: false)
    pages.set(index, frame.value)
    MemoryStatistics.change(isSwapBacked ? .sharedPages : .cachedPages, by: 1)
  }

  private func swapIn(
    _ index: UInt64, _ slot: Int
  ) -> Result<(frame: PhysicalAddress, isNew: Bool), FaultFailure> {
    guard let found = Swap.bringIn(slot) else { return .failure(.outOfMemory) }
    add(index, found.frame)
    Swap.release(slot)
    return .success((found.frame, true))
  }
}

// MARK: Reclaim and write-back

extension MemoryObject {
  /// Forgets a page that nobody maps any more; true when that worked.
  ///
  /// The caller has a reference, which is then given up. A page without another home goes to swap.
  final func evict(_ index: UInt64, _ frame: PhysicalAddress) -> Bool {
    guard lock.tryLock() else { return false }
    defer { lock.unlock() }
    guard pages[index] == frame.value, Frames.references(frame) == 2 else { return false }
    if isSwapBacked {
      guard let slot = Swap.write(frame) else { return false }
      guard Frames.releaseAll(frame, ifReferences: 2) else {
        Swap.release(slot)
        return false
      }
      pages.set(index, UInt64(slot) << 1 | 1)
      MemoryStatistics.change(.sharedPages, by: -1)
      return true
    }
    guard !Frames.has(frame, .dirty), Frames.releaseAll(frame, ifReferences: 2) else {
      return false
    }
    pages.set(index, 0)
    MemoryStatistics.change(.cachedPages, by: -1)
    return true
  }

  /// Writes dirty pages back; how many, or nil when one could not be written.
  @discardableResult
  final func writeBack() -> Int? {
    var index: UInt64 = 0
    var written = 0
    while true {
      let step: (next: UInt64, wrote: Bool, failed: Bool)? = withContents {
        guard let (found, value) = pages.next(from: index) else { return nil }
        let frame = PhysicalAddress(value)
        guard value & 1 == 0, Frames.has(frame, .dirty) else { return (found + 1, false, false) }
        // The next write through a mapping must fault, to make the page dirty again.
        guard ReverseMapping.makeReadOnly(frame) else { return (found + 1, false, false) }
        Frames.change(frame, removing: .dirty)
        guard store(found, frame) else {
          Frames.markDirty(frame)
          return (found + 1, false, true)
        }
        return (found + 1, true, false)
      }
      guard let step else { return written }
      if step.failed { return nil }
      if step.wrote { written += 1 }
      index = step.next
    }
  }

  /// Takes all pages back from swap; false when memory does not suffice.
  final func bringEverythingIn() -> Bool {
    lock.withLock {
      var index: UInt64 = 0
      while let (found, value) = pages.next(from: index) {
        if value & 1 != 0 {
          guard case .success(let page) = swapIn(found, Int(value >> 1)) else { return false }
          Frames.release(page.frame)
        }
        index = found + 1
      }
      return true
    }
  }

  /// Bytes of the file have changed: pages that are in memory change with it.
  final func update(at position: UInt64, _ bytes: UnsafeRawBufferPointer) {
    guard let base = bytes.baseAddress else { return }
    lock.withLock {
      var done = 0
      while done < bytes.count {
        let at = position + UInt64(done)
        let chunk = min(bytes.count - done, Int(pageSize - at % pageSize))
        let known = pages[at / pageSize]
        if known != 0, known & 1 == 0 {
          (PhysicalAddress(known) + at % pageSize).pointer.copyMemory(
            from: base + done, byteCount: chunk)
        }
        done += chunk
      }
    }
  }

  /// Drops the pages from `first` on: the file has become shorter, or the object goes.
  final func releasePages(from first: UInt64 = 0) {
    lock.withLock {
      while let (index, value) = pages.next(from: first) {
        if value & 1 != 0 {
          Swap.release(Int(value >> 1))
        } else {
          Frames.change(PhysicalAddress(value), removing: [.cached, .dirty])
          Frames.release(PhysicalAddress(value))
          MemoryStatistics.change(isSwapBacked ? .sharedPages : .cachedPages, by: -1)
        }
        pages.set(index, 0)
      }
    }
  }

  /// Called by each class's deinit: pages in the page cache must not outlive what they belong to.
  final func end() {
    // Reclaim itself may drop the last reference.
    if MemoryObject.lifetime.isMine {
      releasePages()
    } else {
      MemoryObject.lifetime.withLock { releasePages() }
    }
    MemoryStatistics.change(.objects, by: -1)
  }
}

/// Memory that processes share: MAP_SHARED and MAP_ANONYMOUS, or by a name.
final class SharedMemory: MemoryObject {
  deinit { end() }
}

/// A file in the kernel's image or among the initial modules, as something that can be mapped.
final class ImageObject: MemoryObject {
  private let contents: UnsafeRawBufferPointer
  private let label: [UInt8]

  /// Never freed: the programs of the image stay.
  private static let all = GuardedList<ImageObject>()
  private static let allLock = SpinLock("image objects")

  static func prepare() { _ = all.count }

  private init(_ contents: UnsafeRawBufferPointer, name: [UInt8]) {
    self.contents = contents
    label = name
  }

  /// The one object for these contents, so that all who run a program share its pages.
  static func of(_ contents: UnsafeRawBufferPointer, name: [UInt8]) -> ImageObject {
    if let known = allLock.withLockIRQ({ find(contents) }) { return known }
    let object = ImageObject(contents, name: name)
    all.makeRoom(allLock)
    return allLock.withLockIRQ {
      if let known = find(contents) {
        all.withdraw()
        return known
      }
      all.append(object)
      return object
    }
  }

  private static func find(_ contents: UnsafeRawBufferPointer) -> ImageObject? {
    for object in all where object.contents.baseAddress == contents.baseAddress { return object }
    return nil
  }

  override var name: [UInt8] { label }
  override var isSwapBacked: Bool { false }
  override var pageCount: UInt64 { (UInt64(contents.count) + pageSize - 1) / pageSize }

  override func fill(_ index: UInt64, _ frame: PhysicalAddress) -> Bool {
    let offset = Int(index * pageSize)
    guard offset < contents.count, let base = contents.baseAddress else { return false }
    frame.pointer.copyMemory(
      from: base + offset, byteCount: min(Int(pageSize), contents.count - offset))
    return true
  }
}
