import GuestKernel
import Testing

private final class Object {}
private typealias Areas = AreaList<Object>

private func page(_ range: Range<UInt64>) -> Range<UInt64> {
  range.lowerBound * pageSize..<range.upperBound * pageSize
}

@Suite struct AreaListTests {
  private func list(_ ranges: [Range<UInt64>], _ protection: Protection = .read) -> Areas {
    var areas = Areas()
    for range in ranges { _ = areas.insert(Area(page(range), protection)) }
    return areas
  }

  @Test func neighboursThatAgreeBecomeOne() {
    var areas = list([10..<12, 14..<16])
    #expect(areas.count == 2)
    let between = areas.insert(Area(page(12..<14), .read))
    #expect(between)
    #expect(areas.count == 1)
    #expect(areas.find(10 * pageSize)?.range == page(10..<16))
    let overlapping = areas.insert(Area(page(15..<17), .read))
    #expect(!overlapping)
    let other = areas.insert(Area(page(16..<17), [.read, .write]))
    #expect(other)
    #expect(areas.count == 2)
  }

  @Test func partsOfAnObjectJoinOnlyInOrder() {
    let object = Object()
    var areas = Areas()
    _ = areas.insert(Area(page(0..<2), .read, object: object, offset: 0))
    _ = areas.insert(Area(page(2..<4), .read, object: object, offset: 2 * pageSize))
    #expect(areas.count == 1)
    _ = areas.insert(Area(page(4..<5), .read, object: object, offset: 0))
    #expect(areas.count == 2)
    _ = areas.insert(Area(page(5..<6), .read, object: Object(), offset: pageSize))
    #expect(areas.count == 3)
    #expect(areas.find(3 * pageSize)?.objectPage(3 * pageSize) == 3)
  }

  @Test func removingFromTheMiddleSplits() {
    let object = Object()
    var areas = Areas()
    _ = areas.insert(Area(page(10..<20), .read, object: object, offset: 5 * pageSize))
    let removed = areas.remove(page(13..<15))
    #expect(removed.count == 1)
    #expect(removed[0].offset == 8 * pageSize)
    #expect(areas.count == 2)
    #expect(areas.find(15 * pageSize)?.range == page(15..<20))
    #expect(areas.find(15 * pageSize)?.offset == 10 * pageSize)
    #expect(!areas.covers(page(10..<20)))
    #expect(areas.covers(page(15..<20)))
  }

  @Test func protectingSplitsAndUndoingJoins() {
    var areas = list([10..<20], [.read, .write])
    areas.update(page(12..<14)) { $0.protection = .read }
    #expect(areas.count == 3)
    #expect(areas.find(13 * pageSize)?.protection == .read)
    areas.update(page(12..<14)) { $0.protection = [.read, .write] }
    #expect(areas.count == 1)
  }

  @Test func gapsAreFoundFromTheTop() {
    var areas = list([10..<20, 30..<40])
    let window = page(0..<50)
    let place1 = areas.gap(5 * pageSize, in: window)
    #expect(place1 == 45 * pageSize)
    let place2 = areas.gap(10 * pageSize, in: window)
    #expect(place2 == 40 * pageSize)
    _ = areas.insert(Area(page(40..<50), .read))
    let place3 = areas.gap(10 * pageSize, in: window)
    #expect(place3 == 20 * pageSize)
    let place4 = areas.gap(11 * pageSize, in: window)
    #expect(place4 == nil)
    let place5 = areas.gap(8 * pageSize, in: window, alignment: 8 * pageSize)
    #expect(place5 == 0)
    let place6 = areas.gap(4 * pageSize, in: page(0..<12))
    #expect(place6 == 6 * pageSize)
    var nothing = Areas()
    let place7 = nothing.gap(pageSize, in: window)
    #expect(place7 == 49 * pageSize)
  }

  @Test func belowAStackThereIsAGuardGap() {
    var areas = Areas()
    _ = areas.insert(Area(page(30..<40), .read, .growsDown))
    let place8 = areas.gap(pageSize, in: page(0..<40), guardGap: 8 * pageSize)
    #expect(place8 == 21 * pageSize)
  }

  /// Against a model with one entry per page.
  @Test func randomChangesAgreeWithAModel() throws {
    var random = Random(seed: 5)
    var areas = Areas()
    var model = [UInt32?](repeating: nil, count: 64)
    for _ in 0..<4000 {
      let low = random.next() % 64
      let high = min(64, low + 1 + random.next() % 12)
      let protection = Protection(rawValue: UInt32(random.next() % 4))
      switch random.next() % 3 {
      case 0:
        let isFree = !model[Int(low)..<Int(high)].contains { $0 != nil }
        let isInserted = areas.insert(Area(page(low..<high), protection))
        try #require(isInserted == isFree)
        if isFree { for index in low..<high { model[Int(index)] = protection.rawValue } }
      case 1:
        _ = areas.remove(page(low..<high))
        for index in low..<high { model[Int(index)] = nil }
      default:
        areas.update(page(low..<high)) { $0.protection = protection }
        for index in low..<high where model[Int(index)] != nil {
          model[Int(index)] = protection.rawValue
        }
      }
      var found = [UInt32?](repeating: nil, count: 64)
      var previous: Area<Object>?
      for area in areas {
        for index in area.start / pageSize..<area.end / pageSize {
          try #require(found[Int(index)] == nil)
          found[Int(index)] = area.protection.rawValue
        }
        if let previous { try #require(!previous.continues(in: area)) }
        previous = area
      }
      try #require(found == model)
    }
  }
}

/// As many areas as no list should be gone through for.
@Suite struct ManyAreasTests {
  /// One page each, which cannot be joined, at the places that the list chooses.
  private func fill(_ areas: inout Areas, _ count: UInt64, in window: Range<UInt64>) throws {
    for index in 0..<count {
      let found = areas.gap(pageSize, in: window)
      let place = try #require(found)
      try #require(place == window.upperBound - (index + 1) * pageSize)
      let isInserted = areas.insert(
        Area(place..<place + pageSize, index % 2 == 0 ? .read : [.read, .write]))
      try #require(isInserted)
    }
  }

  @Test func twentyThousandPagesOneByOne() throws {
    var areas = Areas()
    let window = page(0..<100_000)
    try fill(&areas, 20_000, in: window)
    #expect(areas.count == 20_000)
    #expect(areas.find(90_000 * pageSize)?.start == 90_000 * pageSize)
    let tooMuch = areas.gap(80_001 * pageSize, in: window)
    #expect(tooMuch == nil)
    // A hole high above is found again, and the smaller one above a larger one.
    _ = areas.remove(page(95_000..<95_002))
    _ = areas.remove(page(97_000..<97_001))
    let (two, one) = (areas.gap(2 * pageSize, in: window), areas.gap(pageSize, in: window))
    #expect(two == 95_000 * pageSize)
    #expect(one == 97_000 * pageSize)
    areas.update(window) { $0.protection = .read }
    #expect(areas.count == 3)
    let removed = areas.remove(window)
    #expect(removed.count == 3)
    #expect(areas.count == 0)
    let highest = areas.gap(pageSize, in: window)
    #expect(highest == 99_999 * pageSize)
  }

  /// Inserted in a random order and removed in ranges, against a set of pages.
  @Test func randomOrder() throws {
    var random = Random(seed: 77)
    var areas = Areas()
    var model = [Bool](repeating: false, count: 5000)
    for step in 0..<20_000 {
      let at = Int(random.next() % 5000)
      if step % 40 == 0 {
        let end = min(5000, at + Int(random.next() % 200) + 1)
        let expected = model[at..<end].filter { $0 }.count
        let removed = areas.remove(page(UInt64(at)..<UInt64(end)))
        let pages = removed.reduce(0 as UInt64) { $0 + $1.size }
        try #require(pages / pageSize == UInt64(expected))
        for index in at..<end { model[index] = false }
      } else {
        let protection: Protection = at % 2 == 0 ? .read : [.read, .write]
        let isInserted = areas.insert(Area(page(UInt64(at)..<UInt64(at) + 1), protection))
        try #require(isInserted == !model[at])
        model[at] = true
      }
      if step % 500 == 0 {
        let starts = areas.map { Int($0.start / pageSize) }
        try #require(starts == model.indices.filter { model[$0] })
        try #require(areas.count == model.filter { $0 }.count)
        let size = 1 + random.next() % 6
        var place = 5000 - Int(size)
        while place >= 0, model[place..<place + Int(size)].contains(true) { place -= 1 }
        let found = areas.gap(size * pageSize, in: page(0..<5000))
        try #require(found == (place < 0 ? nil : UInt64(place) * pageSize))
      }
    }
  }
}

@Suite struct PageTreeTests {
  @Test func randomUseAgreesWithADictionary() throws {
    var tree = PageTree()
    var model: [UInt64: UInt64] = [:]
    var random = Random(seed: 9)
    for step in 0..<20_000 {
      let index = step % 50 == 0 ? random.next() : random.next() % 500
      if random.next() % 3 == 0 {
        let old = tree.set(index, 0)
        try #require(old == model.removeValue(forKey: index) ?? 0)
      } else {
        let value = random.next() | 1
        let old = tree.set(index, value)
        try #require(old == model.updateValue(value, forKey: index) ?? 0)
      }
      try #require(tree.count == model.count)
    }
    var at: UInt64 = 0
    var seen: [UInt64] = []
    while let (index, value) = tree.next(from: at) {
      try #require(model[index] == value)
      seen.append(index)
      if index == .max { break }
      at = index + 1
    }
    #expect(seen == model.keys.sorted())
    tree.removeAll()
    #expect(tree.next(from: 0) == nil)
  }
}
