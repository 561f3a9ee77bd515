import GuestKernel
import Testing

@Suite struct PageListsTests {
  @Test func theOldestComesFirst() {
    let pages = UnsafeMutablePointer<Page>.allocate(capacity: 16)
    defer { pages.deallocate() }
    pages.initialize(repeating: Page(), count: 16)
    var lists = PageLists(pages: pages)
    for frame in 1...5 { lists.add(frame, active: frame > 3) }
    #expect(lists.inactiveCount == 3 && lists.activeCount == 2)
    #expect(lists.oldest(active: false) == 1)
    #expect(lists.oldest(active: true) == 4)
    lists.add(1, active: true)
    #expect(lists.activeCount == 2)
    lists.remove(1)
    lists.remove(1)
    lists.add(1, active: true)
    #expect(lists.oldest(active: false) == 2)
    for frame in [2, 3, 4, 5, 1] { lists.remove(frame) }
    #expect(lists.activeCount == 0 && lists.inactiveCount == 0)
    #expect(lists.oldest(active: true) == nil)
    #expect(pages[1].state == .active)
  }
}

@Suite struct SwapMapTests {
  @Test func slotsAreFreeWithoutUsers() {
    var map = SwapMap(slots: 3)
    let slots = [map.allocate(), map.allocate(), map.allocate(), map.allocate()]
    #expect(slots == [0, 1, 2, nil])
    map.retain(1)
    let first = map.release(1)
    let second = map.release(1)
    let third = map.release(1)
    #expect([first, second, third] == [false, true, false])
    #expect(map.used == 2)
    let again = map.allocate()
    #expect(again == 1)
  }
}

@Suite struct PageCompressionTests {
  private func roundTrip(_ words: [UInt64]) -> Int? {
    let page = UnsafeMutableRawPointer.allocate(byteCount: 8192, alignment: 8)
    defer { page.deallocate() }
    for index in 0..<512 {
      page.storeBytes(of: words[index], toByteOffset: index * 8, as: UInt64.self)
    }
    guard let bytes = PageCompression.compress(page) else { return nil }
    let copy = page + 4096
    #expect(bytes.withUnsafeBytes { PageCompression.expand($0, into: copy) })
    for index in 0..<512 {
      #expect(copy.load(fromByteOffset: index * 8, as: UInt64.self) == words[index])
    }
    return bytes.count
  }

  @Test func pagesOfOneWordAreTenBytes() {
    #expect(roundTrip([UInt64](repeating: 0, count: 512)) == 10)
    #expect(roundTrip([UInt64](repeating: .max, count: 512)) == 10)
  }

  @Test func whatIsRandomIsRefused() {
    var random = Random(seed: 2)
    #expect(roundTrip((0..<512).map { _ in random.next() }) == nil)
  }

  @Test func mixturesSurvive() throws {
    var random = Random(seed: 8)
    for _ in 0..<200 {
      var words: [UInt64] = []
      while words.count < 512 {
        let length = Int(random.next() % 40) + 1
        let value = random.next() % 3 == 0 ? random.next() : 0
        let isNoise = random.next() % 5 == 0
        for _ in 0..<length { words.append(isNoise ? random.next() : value) }
      }
      let size = try #require(roundTrip(words))
      #expect(size < 3072)
    }
  }

  @Test func brokenBytesAreRefused() {
    let page = UnsafeMutableRawPointer.allocate(byteCount: 4096, alignment: 8)
    defer { page.deallocate() }
    for bytes in [[], [1], [0, 0x82, 1, 2, 3], [0, 0], [1, 0x82, 0, 0, 0, 0, 0, 0, 0, 0]]
      as [[UInt8]]
    {
      #expect(!bytes.withUnsafeBytes { PageCompression.expand($0, into: page) })
    }
  }
}
