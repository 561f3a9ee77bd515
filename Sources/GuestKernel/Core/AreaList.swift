/// The areas of an address space by address; no two overlap, no two could be one.
///
/// A program may have tens of thousands of areas, so they are kept in chunks of at most 64: one search
/// finds the chunk, another the area in it, and a change moves no more than one chunk's areas. Each chunk
/// knows the widest gap between its areas, so that looking for a place skips those that have none; and
/// above `fullAbove` there is none that would do for as much as was looked for last.

/// Lock: none; the address space's.
package struct AreaList<Object: AnyObject> {
  private struct Chunk {
    var areas: [Area<Object>]
    /// The widest gap between two of them.
    private(set) var widestGap: UInt64 = 0

    init(_ areas: [Area<Object>]) {
      self.areas = areas
      measure()
    }

    var start: UInt64 { areas[0].start }
    var end: UInt64 { areas[areas.count - 1].end }

    mutating func measure() {
      var widest: UInt64 = 0
      var index = 1
      while index < areas.count {
        widest = Swift.max(widest, areas[index].start &- areas[index - 1].end)
        index += 1
      }
      widestGap = widest
    }

    /// Takes away what lies in `range`; an area that reaches beyond it on both sides keeps its lower part,
    /// and the upper one is returned.
    mutating func cutOut(_ range: Range<UInt64>) -> Area<Object>? {
      var low = 0
      while low < areas.count, areas[low].end <= range.lowerBound { low += 1 }
      var rest: Area<Object>?
      if low < areas.count, areas[low].start < range.lowerBound {
        if areas[low].end > range.upperBound {
          rest = areas[low].part(range.upperBound..<areas[low].end)
        }
        areas[low].end = range.lowerBound
        low += 1
      }
      var high = low
      while high < areas.count, areas[high].end <= range.upperBound { high += 1 }
      if high < areas.count, areas[high].start < range.upperBound {
        areas[high] = areas[high].part(range.upperBound..<areas[high].end)
      }
      if low < high { areas.removeSubrange(low..<high) }
      if !areas.isEmpty { measure() }
      return rest
    }
  }

  private static var chunkCapacity: Int { 64 }

  /// None is empty.
  private var chunks: [Chunk] = []
  package private(set) var count = 0
  /// In the window that ends at `fullWindow` there is no gap of `fullSize` bytes or more from here on.
  private var fullAbove = UInt64.max
  private var fullSize: UInt64 = 0
  private var fullWindow: UInt64 = 0

  package init() {}

  // MARK: Looking

  /// The first chunk that ends after `address`, or the number of chunks.
  private func firstChunk(endingAfter address: UInt64) -> Int {
    var low = 0
    var high = chunks.count
    while low < high {
      let middle = (low + high) / 2
      if chunks[middle].end > address { high = middle } else { low = middle + 1 }
    }
    return low
  }

  /// The first area that ends after `address`; the end of the list if there is none.
  private func position(endingAfter address: UInt64) -> Position {
    let chunk = firstChunk(endingAfter: address)
    guard chunk < chunks.count else { return Position(chunk: chunk, index: 0) }
    var low = 0
    var high = chunks[chunk].areas.count
    while low < high {
      let middle = (low + high) / 2
      if chunks[chunk].areas[middle].end > address { high = middle } else { low = middle + 1 }
    }
    return Position(chunk: chunk, index: low)
  }

  package func first(endingAfter address: UInt64) -> Area<Object>? {
    area(at: position(endingAfter: address))
  }

  /// The last area that ends at `address` or before.
  package func last(endingBy address: UInt64) -> Area<Object>? {
    let next = position(endingAfter: address)
    if next.index > 0 { return chunks[next.chunk].areas[next.index - 1] }
    return next.chunk > 0 ? chunks[next.chunk - 1].areas.last : nil
  }

  /// The area that contains `address`.
  package func find(_ address: UInt64) -> Area<Object>? {
    guard let area = first(endingAfter: address), area.start <= address else { return nil }
    return area
  }

  package func overlaps(_ range: Range<UInt64>) -> Bool {
    guard let area = first(endingAfter: range.lowerBound) else { return false }
    return area.start < range.upperBound
  }

  /// True when every address of `range` lies in an area.
  package func covers(_ range: Range<UInt64>) -> Bool {
    var at = range.lowerBound
    var position = position(endingAfter: at)
    while at < range.upperBound {
      guard let area = area(at: position), area.start <= at else { return false }
      at = area.end
      position = self.position(after: position)
    }
    return true
  }

  /// The parts of areas inside `range`.
  package func parts(in range: Range<UInt64>) -> [Area<Object>] {
    var parts: [Area<Object>] = []
    var position = position(endingAfter: range.lowerBound)
    while let area = area(at: position), area.start < range.upperBound {
      parts.append(area.part(range))
      position = self.position(after: position)
    }
    return parts
  }

  /// Pages in all areas that `isWanted`.
  package func pages(where isWanted: (Area<Object>) -> Bool) -> UInt64 {
    var bytes: UInt64 = 0
    for area in self where isWanted(area) { bytes &+= area.size }
    return bytes / pageSize
  }
}

// MARK: One after the other

extension AreaList: Sequence {
  private struct Position {
    var chunk: Int
    var index: Int
  }

  private func area(at position: Position) -> Area<Object>? {
    guard position.chunk < chunks.count else { return nil }
    return chunks[position.chunk].areas[position.index]
  }

  private func position(after position: Position) -> Position {
    position.index + 1 < chunks[position.chunk].areas.count
      ? Position(chunk: position.chunk, index: position.index + 1)
      : Position(chunk: position.chunk + 1, index: 0)
  }

  private func position(before position: Position) -> Position? {
    if position.index > 0 { return Position(chunk: position.chunk, index: position.index - 1) }
    guard position.chunk > 0 else { return nil }
    let chunk = position.chunk - 1
    return Position(chunk: chunk, index: chunks[chunk].areas.count - 1)
  }

  package struct Iterator: IteratorProtocol {
    fileprivate let list: AreaList
    fileprivate var chunk = 0
    fileprivate var index = 0

    package mutating func next() -> Area<Object>? {
      guard let area = list.area(at: Position(chunk: chunk, index: index)) else { return nil }
      let next = list.position(after: Position(chunk: chunk, index: index))
      (chunk, index) = (next.chunk, next.index)
      return area
    }
  }

  package func makeIterator() -> Iterator { Iterator(list: self) }
}

// MARK: Changes

extension AreaList {
  /// Adds an area; false when it is empty or something is there already.
  package mutating func insert(_ area: Area<Object>) -> Bool {
    guard area.start < area.end else { return false }
    let next = position(endingAfter: area.start)
    if let above = self.area(at: next), above.start < area.end { return false }
    if !extend(next, by: area) { insertAlone(area) }
    return true
  }

  /// Lets a neighbour grow instead of adding an area that would be one with it; the one above is at `next`.
  private mutating func extend(_ next: Position, by area: Area<Object>) -> Bool {
    let isBelowAbove = self.area(at: next).map { area.continues(in: $0) } ?? false
    if let below = position(before: next),
      chunks[below.chunk].areas[below.index].continues(in: area)
    {
      chunks[below.chunk].areas[below.index].end = area.end
      chunks[below.chunk].measure()
      if isBelowAbove { join(around: area.range) }
      return true
    }
    guard isBelowAbove else { return false }
    chunks[next.chunk].areas[next.index].start = area.start
    chunks[next.chunk].areas[next.index].offset = area.offset
    chunks[next.chunk].measure()
    return true
  }

  /// Cuts `range` out and returns what was there.
  package mutating func remove(_ range: Range<UInt64>) -> [Area<Object>] {
    let removed = parts(in: range)
    cutOut(range)
    return removed
  }

  /// Cuts the first areas in `range` out and returns them; none when the range is empty.
  package mutating func removeSome(_ range: Range<UInt64>) -> [Area<Object>] {
    var removed: [Area<Object>] = []
    var position = position(endingAfter: range.lowerBound)
    while removed.count < AreaList.chunkCapacity, let area = area(at: position),
      area.start < range.upperBound
    {
      removed.append(area.part(range))
      position = self.position(after: position)
    }
    if let last = removed.last { cutOut(range.lowerBound..<last.end) }
    return removed
  }

  /// Changes what lies in `range`, splitting areas at its ends.
  package mutating func update(_ range: Range<UInt64>, _ change: (inout Area<Object>) -> Void) {
    split(at: range.lowerBound)
    split(at: range.upperBound)
    var at = position(endingAfter: range.lowerBound)
    while let area = area(at: at), area.start < range.upperBound {
      change(&chunks[at.chunk].areas[at.index])
      at = position(after: at)
    }
    join(around: range)
  }

  /// Makes two of the area that contains `address`, unless it begins there.
  private mutating func split(at address: UInt64) {
    let at = position(endingAfter: address)
    guard let area = area(at: at), area.start < address else { return }
    chunks[at.chunk].areas[at.index] = area.part(area.start..<address)
    insertAlone(area.part(address..<area.end))
  }

  /// Moves the ends of the area that begins at `start`; false when there is none, or a neighbour in the
  /// way.
  package mutating func resize(areaAt start: UInt64, to range: Range<UInt64>) -> Bool {
    let at = position(endingAfter: start)
    guard let area = area(at: at), area.start == start, range.lowerBound < range.upperBound else {
      return false
    }
    if let below = last(endingBy: start), below.end > range.lowerBound { return false }
    if let above = self.area(at: position(after: at)), above.start < range.upperBound {
      return false
    }
    chunks[at.chunk].areas[at.index].start = range.lowerBound
    chunks[at.chunk].areas[at.index].end = range.upperBound
    chunks[at.chunk].measure()
    fullAbove = .max
    return true
  }

  /// Inserts where nothing is, whatever the neighbours are.
  private mutating func insertAlone(_ area: Area<Object>) {
    count += 1
    let capacity = AreaList.chunkCapacity
    var at = position(endingAfter: area.start)
    // At the end of a chunk with room rather than in front of the next one.
    if at.index == 0, at.chunk > 0,
      at.chunk == chunks.count || chunks[at.chunk - 1].areas.count < capacity
    {
      at = Position(chunk: at.chunk - 1, index: chunks[at.chunk - 1].areas.count)
    }
    guard at.chunk < chunks.count else { return chunks.append(Chunk([area])) }
    if chunks[at.chunk].areas.count >= capacity {
      let isFirst = at.index == 0
      if isFirst || at.index == capacity {
        // Areas that come in order leave full chunks behind.
        chunks.insert(Chunk([area]), at: isFirst ? at.chunk : at.chunk + 1)
        return
      }
      divide(at.chunk)
      let first = chunks[at.chunk].areas.count
      if at.index > first { at = Position(chunk: at.chunk + 1, index: at.index - first) }
    }
    chunks[at.chunk].areas.insert(area, at: at.index)
    chunks[at.chunk].measure()
  }

  private mutating func divide(_ chunk: Int) {
    let areas = chunks[chunk].areas
    let middle = areas.count / 2
    chunks[chunk] = Chunk(Array(areas[..<middle]))
    chunks.insert(Chunk(Array(areas[middle...])), at: chunk + 1)
  }

  /// Takes away what lies in `range`, chunk by chunk.
  private mutating func cutOut(_ range: Range<UInt64>) {
    guard overlaps(range) else { return }
    if range.upperBound > fullAbove { fullAbove = .max }
    var rest: Area<Object>?
    let first = firstChunk(endingAfter: range.lowerBound)
    var chunk = first
    while chunk < chunks.count, chunks[chunk].start < range.upperBound {
      let before = chunks[chunk].areas.count
      if let above = chunks[chunk].cutOut(range) { rest = above }
      count -= before - chunks[chunk].areas.count
      chunk += 1
    }
    removeEmpty(first..<chunk)
    if let rest { insertAlone(rest) }
  }

  private mutating func removeEmpty(_ range: Range<Int>) {
    var target = range.lowerBound
    for index in range where !chunks[index].areas.isEmpty {
      if target != index { chunks.swapAt(target, index) }
      target += 1
    }
    chunks.removeSubrange(target..<range.upperBound)
  }

  /// Makes one area of neighbours that continue each other, in `range` and at its ends.
  private mutating func join(around range: Range<UInt64>) {
    guard
      var lower = last(endingBy: range.lowerBound) ?? first(endingAfter: range.lowerBound)
    else { return }
    while let upper = first(endingAfter: lower.end), upper.start <= range.upperBound {
      if lower.continues(in: upper) {
        takeOut(position(endingAfter: upper.start))
        let at = position(endingAfter: lower.start)
        lower.end = upper.end
        chunks[at.chunk].areas[at.index].end = upper.end
        chunks[at.chunk].measure()
      } else {
        lower = upper
      }
    }
  }

  private mutating func takeOut(_ at: Position) {
    count -= 1
    chunks[at.chunk].areas.remove(at: at.index)
    if chunks[at.chunk].areas.isEmpty {
      chunks.remove(at: at.chunk)
    } else {
      chunks[at.chunk].measure()
    }
  }
}

// MARK: Gaps

extension AreaList {
  /// The highest place for `size` bytes in `window` at a multiple of `alignment`, with `guardGap`
  /// bytes left free below an area that grows down.
  package mutating func gap(
    _ size: UInt64, in window: Range<UInt64>, alignment: UInt64 = pageSize, guardGap: UInt64 = 0
  ) -> UInt64? {
    guard size > 0 else { return nil }
    let isKnown = fullWindow == window.upperBound && size >= fullSize
    var search = GapSearch(
      size: size, bottom: window.lowerBound, alignment: alignment, guardGap: guardGap,
      top: isKnown ? Swift.min(fullAbove, window.upperBound) : window.upperBound)
    if let above = first(endingAfter: search.top), above.start == search.top {
      search.goBelow(above.start, above.kind)
    }
    let place = descend(&search)
    if place != nil, alignment == pageSize {
      (fullAbove, fullSize, fullWindow) = (search.top, size, window.upperBound)
    }
    return place
  }

  private func descend(_ search: inout GapSearch) -> UInt64? {
    var chunk = Swift.min(firstChunk(endingAfter: search.top), chunks.count - 1)
    while chunk >= 0, search.top > search.bottom {
      let areas = chunks[chunk].areas
      if chunks[chunk].widestGap < search.size, chunks[chunk].end <= search.top {
        if let place = search.place(above: chunks[chunk].end) { return place }
        search.goBelow(areas[0].start, areas[0].kind)
      } else {
        var index = areas.count - 1
        while index >= 0 {
          let (start, end, kind) = (areas[index].start, areas[index].end, areas[index].kind)
          if start < search.top {
            if let place = search.place(above: end) { return place }
            search.goBelow(start, kind)
          }
          index -= 1
        }
      }
      chunk -= 1
    }
    return search.place(above: 0)
  }
}

/// Looks for room from the top down.
private struct GapSearch {
  let size: UInt64
  let bottom: UInt64
  let alignment: UInt64
  let guardGap: UInt64
  /// The end of the gap that is being looked at.
  var top: UInt64

  /// The highest place in the gap that begins at `end`.
  func place(above end: UInt64) -> UInt64? {
    guard top >= size else { return nil }
    let place = (top - size) & ~(alignment - 1)
    return place >= max(bottom, end) && place <= top - size ? place : nil
  }

  mutating func goBelow(_ start: UInt64, _ kind: AreaKind) {
    let slack = kind.contains(.growsDown) ? guardGap : 0
    top = min(top, start > slack ? start - slack : 0)
  }
}
