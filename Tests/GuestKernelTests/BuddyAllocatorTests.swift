import GuestKernel
import Testing

/// An allocator over descriptors of the host.
private final class Machine {
  let pages: UnsafeMutablePointer<Page>
  var buddy: BuddyAllocator

  init(frames: Int, zones: [Range<Int>]? = nil) {
    pages = .allocate(capacity: frames)
    buddy = BuddyAllocator(pages: pages, frameCount: frames)
    for zone in zones ?? [0..<frames] { buddy.addZone("test", zone) }
  }
  deinit { pages.deallocate() }
}

@Suite struct BuddyAllocatorTests {
  @Test func addingMakesTheLargestBlocks() {
    let machine = Machine(frames: 4096)
    machine.buddy.add(1..<4096)
    #expect(machine.buddy.freeCount == 4095)
    #expect(machine.buddy.blocks(10) == 3)
    for order in 0..<10 { #expect(machine.buddy.blocks(order) == 1) }
    #expect(machine.buddy.firstInconsistency() == nil)
  }

  @Test func splitsAndMergesAreEachOthersReverse() {
    let machine = Machine(frames: 2048)
    machine.buddy.add(1024..<2048)
    var steps: [BuddyAllocator.Step] = []
    let frame = machine.buddy.allocate(order: 0) { steps.append($0) }
    #expect(frame == 1024)
    #expect(steps == (1...10).reversed().map { .split(frame: 1024, order: $0) })
    #expect(machine.buddy.freeCount == 1023)
    steps = []
    let isTaken = machine.buddy.release(1024, order: 0) { steps.append($0) }
    #expect(isTaken)
    #expect(steps == (1...10).map { .merge(frame: 1024, order: $0) })
    #expect(machine.buddy.blocks(10) == 1)
  }

  @Test func refusesWhatWasNotAllocated() {
    let machine = Machine(frames: 256)
    machine.buddy.add(64..<128)
    let refused = [
      machine.buddy.release(70, order: 0), machine.buddy.release(10, order: 0),
      machine.buddy.release(65, order: 1), machine.buddy.release(300, order: 0),
      machine.buddy.release(0, order: 0),
    ]
    #expect(refused == [false, false, false, false, false])
    #expect(machine.buddy.freeCount == 64)
  }

  @Test func lowZonesAreTheLastResort() {
    let machine = Machine(frames: 4096, zones: [0..<2048, 2048..<4096])
    machine.buddy.add(1024..<4096)
    for _ in 0..<2 {
      let frame = machine.buddy.allocate(order: 10)
      #expect(frame ?? 0 >= 2048)
    }
    let low = machine.buddy.allocate(order: 10)
    #expect(low == 1024)
    _ = machine.buddy.release(1024, order: 10)
    let wanted = machine.buddy.allocate(order: 0, highest: 0)
    #expect(wanted ?? 4096 < 2048)
  }

  /// Random operations: no block is handed out twice, what must be true stays true, all comes back.
  @Test(arguments: [1, 2, 3] as [UInt64])
  func randomUseKeepsItsPromises(seed: UInt64) throws {
    let machine = Machine(frames: 6000, zones: [0..<1024, 1024..<6000])
    machine.buddy.add(17..<900)
    machine.buddy.add(1000..<5997)
    let atFirst = machine.buddy.freeCount
    var random = Random(seed: seed)
    var taken = [Bool](repeating: false, count: 6000)
    var live: [(frame: Int, order: Int)] = []
    for step in 0..<6000 {
      if random.next() % 9 < 5 {
        let order = Int(random.next() % 8 * (random.next() % 2))
        guard let frame = machine.buddy.allocate(order: order) else { continue }
        try #require(frame % (1 << order) == 0)
        for one in frame..<frame + 1 << order {
          try #require(!taken[one])
          taken[one] = true
        }
        live.append((frame, order))
      } else if !live.isEmpty {
        let block = live.remove(at: Int(random.next() % UInt64(live.count)))
        for one in block.frame..<block.frame + 1 << block.order { taken[one] = false }
        let isTaken = machine.buddy.release(block.frame, order: block.order)
        try #require(isTaken)
        let again = machine.buddy.release(block.frame, order: block.order)
        try #require(!again)
      }
      if step % 50 == 0 { try #require(machine.buddy.firstInconsistency() == nil) }
    }
    for block in live { _ = machine.buddy.release(block.frame, order: block.order) }
    #expect(machine.buddy.freeCount == atFirst)
    #expect(machine.buddy.firstInconsistency() == nil)
  }
}
