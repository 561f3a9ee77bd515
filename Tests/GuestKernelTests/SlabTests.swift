import GuestKernel
import Testing

/// A cache over memory of the host.
private final class Cache {
  static let frames = 256
  let pages: UnsafeMutablePointer<Page>
  let memory: UnsafeMutableRawPointer
  var slab: Slab
  var nextFrame = 8

  init(_ layout: SlabLayout) {
    pages = .allocate(capacity: Cache.frames)
    pages.initialize(repeating: Page(), count: Cache.frames)
    memory = .allocate(byteCount: Cache.frames * Int(pageSize), alignment: 1 << 16)
    slab = Slab(layout, pages: pages, memory: memory)
  }
  deinit {
    pages.deallocate()
    memory.deallocate()
  }

  func take() -> UnsafeMutableRawPointer? {
    var fault: SlabFault?
    if let object = slab.take(&fault) { return fault == nil ? object : nil }
    slab.add(nextFrame, owner: 1) { $0.storeBytes(of: 42, as: UInt8.self) }
    nextFrame += 1 << slab.layout.order
    return slab.take(&fault)
  }

  /// What the next allocation finds wrong.
  func takeFault() -> SlabFault? {
    var fault: SlabFault?
    _ = slab.take(&fault)
    return fault
  }
}

@Suite struct SlabTests {
  @Test(arguments: [8, 16, 24, 32, 96, 192, 512, 1000, 2048, 4096, 8192], [false, true])
  func piecesFitAndAreAligned(size: Int, isChecked: Bool) throws {
    let layout = SlabLayout(size: size, alignment: 16, isChecked: isChecked)
    #expect(layout.stride * layout.count <= Int(pageSize) << layout.order)
    #expect(layout.count > 0)
    let cache = Cache(layout)
    var seen = Set<UnsafeMutableRawPointer>()
    for _ in 0..<layout.count * 2 {
      let object = try #require(cache.take())
      #expect(UInt(bitPattern: object) % 16 == 0)
      for other in seen { #expect(abs(object - other) >= size) }
      seen.insert(object)
      object.initializeMemory(as: UInt8.self, repeating: 0xff, count: size)
    }
    for object in seen { #expect(cache.slab.give(object) == nil) }
    #expect(cache.slab.objectsInUse == 0)
    #expect(cache.slab.emptySlabs == 2)
    #expect(cache.slab.removeEmpty() != nil)
    #expect(cache.slab.removeEmpty() != nil)
    #expect(cache.slab.removeEmpty() == nil)
  }

  @Test func overrunIsFoundWhenTheObjectComesBack() throws {
    let cache = Cache(SlabLayout(size: 40, isChecked: true))
    let object = try #require(cache.take())
    (object + 40).storeBytes(of: 7, as: UInt8.self)
    #expect(cache.slab.give(object) == .outOfBounds(offset: 40, found: 7))
    let other = try #require(cache.take())
    (other - 1).storeBytes(of: 9, as: UInt8.self)
    #expect(cache.slab.give(other) == .outOfBounds(offset: -1, found: 9))
  }

  @Test func useAfterFreeIsFoundAtTheNextAllocation() throws {
    let cache = Cache(SlabLayout(size: 64, isChecked: true))
    let object = try #require(cache.take())
    #expect(object.load(as: UInt8.self) == SlabPattern.fresh)
    #expect(cache.slab.give(object) == nil)
    (object + 10).storeBytes(of: 1, as: UInt8.self)
    #expect(cache.slab.firstFault()?.0 == .useAfterFree(offset: 10, found: 1))
    #expect(cache.takeFault() == .useAfterFree(offset: 10, found: 1))
  }

  @Test(arguments: [false, true]) func aSecondFreeIsRefused(isChecked: Bool) throws {
    let cache = Cache(SlabLayout(size: 64, isChecked: isChecked))
    let object = try #require(cache.take())
    let other = try #require(cache.take())
    #expect(cache.slab.give(object) == nil)
    #expect(cache.slab.give(object) == .doubleFree)
    if isChecked {
      #expect(cache.slab.give(other) == nil)
      #expect(cache.slab.give(object) == .doubleFree)
      #expect(cache.slab.give(object + 8) == .notAnObject)
    }
  }

  @Test func aConstructedObjectStaysConstructed() throws {
    let cache = Cache(SlabLayout(size: 64, isChecked: false, hasConstructor: true))
    let object = try #require(cache.take())
    #expect(object.load(as: UInt8.self) == 42)
    #expect(cache.slab.give(object) == nil)
    let again = try #require(cache.take())
    #expect(again == object)
    #expect(again.load(as: UInt8.self) == 42)
  }

  @Test func callersAreRemembered() throws {
    let cache = Cache(SlabLayout(size: 64, isChecked: true))
    _ = try #require(cache.take())
    var who = Slab.Callers(repeating: 0)
    who[0] = 0x1234
    var fault: SlabFault?
    let object = try #require(cache.slab.take(by: who, &fault))
    who[0] = 0x5678
    #expect(cache.slab.callers(object, 0)[0] == 0x1234)
    #expect(cache.slab.give(object + 8, by: who) == .notAnObject)
    #expect(cache.slab.callers(object + 8, 0)[0] == 0x1234, "of the object that it lies in")
    #expect(cache.slab.give(object, by: who) == nil)
    #expect(cache.slab.callers(object, 1)[0] == 0x5678)
  }

  @Test(arguments: [false, true]) func randomUseKeepsObjectsApart(isChecked: Bool) throws {
    let cache = Cache(SlabLayout(size: 48, isChecked: isChecked))
    var random = Random(seed: 4)
    var live: [(UnsafeMutableRawPointer, UInt8)] = []
    for step in 0..<20_000 {
      if live.isEmpty || (random.next() % 2 == 0 && live.count < 3000) {
        let object = try #require(cache.take())
        let mark = UInt8(truncatingIfNeeded: step)
        object.initializeMemory(as: UInt8.self, repeating: mark, count: 48)
        live.append((object, mark))
      } else {
        let (object, mark) = live.remove(at: Int(random.next() % UInt64(live.count)))
        let bytes = UnsafeRawBufferPointer(start: object, count: 48)
        try #require(bytes.allSatisfy { $0 == mark })
        try #require(cache.slab.give(object) == nil)
      }
    }
    #expect(cache.slab.objectsInUse == live.count)
  }
}
