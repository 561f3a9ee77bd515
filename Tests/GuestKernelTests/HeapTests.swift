import GuestKernel
import Testing

/// A heap over memory of the host.
private final class Arena {
  let memory: UnsafeMutableRawPointer
  let size: Int
  private(set) var heap = Heap()

  init(size: Int, regions: [Range<Int>]? = nil) {
    self.size = size
    memory = .allocate(byteCount: size, alignment: 4096)
    for region in regions ?? [0..<size] {
      heap.add(base: UInt(bitPattern: memory) + UInt(region.lowerBound), length: UInt(region.count))
    }
  }
  deinit { memory.deallocate() }

  func allocate(_ bytes: UInt, alignment: UInt = 16) -> UnsafeMutableRawPointer? {
    heap.allocate(bytes, alignment: alignment)
  }
  func release(_ pointer: UnsafeMutableRawPointer) -> Bool { heap.release(pointer) }
}

@Suite struct HeapTests {
  @Test func releasedNeighboursBecomeOneBlock() throws {
    let arena = Arena(size: 4096)
    let blocks = try (0..<10).map { _ in try #require(arena.allocate(300)) }
    #expect(arena.allocate(2000) == nil)
    for index in [1, 3, 5, 7, 9, 0, 2, 4, 6, 8] { #expect(arena.release(blocks[index])) }
    #expect(arena.heap.liveBlocks == 0)
    #expect(arena.heap.bytesInUse == 0)
    #expect(arena.allocate(4000) != nil)
  }

  @Test func aRegionThatFollowsIsJoined() throws {
    let arena = Arena(size: 8192, regions: [0..<4096, 4096..<8192])
    #expect(arena.allocate(8000) != nil)
    let apart = Arena(size: 16384, regions: [0..<4096, 8192..<12288])
    #expect(apart.allocate(5000) == nil)
    #expect(apart.allocate(4000) != nil)
    #expect(apart.allocate(4000) != nil)
  }

  @Test(arguments: [16, 32, 64, 512, 4096] as [UInt])
  func alignmentIsKept(alignment: UInt) throws {
    let arena = Arena(size: 65536)
    _ = arena.allocate(24)
    for _ in 0..<3 {
      let block = try #require(arena.allocate(100, alignment: alignment))
      #expect(UInt(bitPattern: block) % alignment == 0)
    }
  }

  @Test func aSecondReleaseIsRefused() throws {
    let arena = Arena(size: 4096)
    let block = try #require(arena.allocate(64))
    _ = arena.allocate(64)
    #expect(arena.release(block))
    #expect(!arena.release(block))
  }

  @Test func impossibleSizesFail() {
    let arena = Arena(size: 4096)
    #expect(arena.allocate(.max) == nil)
    #expect(arena.allocate(1 << 50) == nil)
    #expect(arena.allocate(16, alignment: 1 << 50) == nil)
  }

  /// Thousands of random steps: no two live blocks overlap, contents survive, all comes back.
  @Test func randomUseKeepsBlocksApart() throws {
    let arena = Arena(size: 1 << 18, regions: [0..<1 << 16, 1 << 16..<1 << 17, 150_000..<200_000])
    var random = Random(seed: 7)
    var live: [(pointer: UnsafeMutableRawPointer, size: Int, mark: UInt8)] = []
    for step in 0..<20_000 {
      if live.isEmpty || random.next() % 5 < 3 {
        let size = Int(random.next() % (step % 7 == 0 ? 5000 : 200)) + 1
        let alignment = UInt(16) << UInt(random.next() % 4)
        guard let block = arena.allocate(UInt(size), alignment: alignment) else { continue }
        let mark = UInt8(truncatingIfNeeded: step)
        block.initializeMemory(as: UInt8.self, repeating: mark, count: size)
        live.append((block, size, mark))
      } else {
        let block = live.remove(at: Int(random.next() % UInt64(live.count)))
        let bytes = UnsafeRawBufferPointer(start: block.pointer, count: block.size)
        try #require(bytes.allSatisfy { $0 == block.mark })
        try #require(arena.release(block.pointer))
      }
    }
    #expect(arena.heap.liveBlocks == live.count)
    for block in live { #expect(arena.release(block.pointer)) }
    #expect(arena.heap.bytesInUse == 0)
    #expect(arena.allocate(120_000) != nil)
  }
}

/// A small generator, so that a failure can be repeated.
struct Random {
  private var state: UInt64
  init(seed: UInt64) { state = seed &* 2_654_435_769 | 1 }
  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
}
