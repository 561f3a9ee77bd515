/// What must be taken away from one list of lines, and what added, so that it becomes another: as little as
/// possible.
///
/// E. Myers, "An O(ND) Difference Algorithm and Its Variations": paths through the grid of both lists are
/// made longer by one difference at a time; the first that arrives is a shortest one.
package enum LineDifference {
  /// Lines `old` of the first are replaced by lines `new` of the second; between the changes both are alike.
  package struct Change: Equatable {
    package let old: Range<Int>
    package let new: Range<Int>

    package init(old: Range<Int>, new: Range<Int>) {
      self.old = old
      self.new = new
    }
  }

  /// More differences than this are not looked for one by one: all between the ends is a change then.
  private static let most = 500

  package static func changes(from old: [[UInt8]], to new: [[UInt8]]) -> [Change] {
    var start = 0
    while start < min(old.count, new.count), old[start] == new[start] { start += 1 }
    var (oldEnd, newEnd) = (old.count, new.count)
    while oldEnd > start, newEnd > start, old[oldEnd - 1] == new[newEnd - 1] {
      oldEnd -= 1
      newEnd -= 1
    }
    if oldEnd == start, newEnd == start { return [] }
    let inner = pairs(Array(old[start..<oldEnd]), Array(new[start..<newEnd]))
    var changes: [Change] = []
    var (x, y) = (start, start)
    for pair in inner.map({ ($0.0 + start, $0.1 + start) }) + [(oldEnd, newEnd)] {
      if pair.0 > x || pair.1 > y { changes.append(Change(old: x..<pair.0, new: y..<pair.1)) }
      (x, y) = (pair.0 + 1, pair.1 + 1)
    }
    return changes
  }

  /// The lines that stay, as places in both lists.
  private static func pairs(_ old: [[UInt8]], _ new: [[UInt8]]) -> [(Int, Int)] {
    let limit = min(old.count + new.count, most)
    let middle = limit + 1
    // How far each diagonal has come, for each number of differences.
    var reached = [Int](repeating: 0, count: 2 * middle + 1)
    var history: [[Int]] = []
    for differences in 0...limit {
      history.append(reached)
      for diagonal in stride(from: -differences, through: differences, by: 2) {
        let goesDown =
          diagonal == -differences
          || (diagonal != differences
            && reached[middle + diagonal - 1] < reached[middle + diagonal + 1])
        var x = goesDown ? reached[middle + diagonal + 1] : reached[middle + diagonal - 1] + 1
        while x < old.count, x - diagonal >= 0, x - diagonal < new.count,
          old[x] == new[x - diagonal]
        {
          x += 1
        }
        reached[middle + diagonal] = x
        if x >= old.count, x - diagonal >= new.count { return walkBack(history, old, new, middle) }
      }
    }
    return []
  }

  private static func walkBack(
    _ history: [[Int]], _ old: [[UInt8]], _ new: [[UInt8]], _ middle: Int
  ) -> [(Int, Int)] {
    var pairs: [(Int, Int)] = []
    var (x, y) = (old.count, new.count)
    for (differences, reached) in history.enumerated().reversed() {
      let diagonal = x - y
      let cameDown =
        diagonal == -differences
        || (diagonal != differences
          && reached[middle + diagonal - 1] < reached[middle + diagonal + 1])
      let before = cameDown ? diagonal + 1 : diagonal - 1
      let fromX = differences == 0 ? 0 : reached[middle + before]
      let fromY = differences == 0 ? 0 : fromX - before
      while x > fromX, y > fromY {
        x -= 1
        y -= 1
        pairs.append((x, y))
      }
      (x, y) = (fromX, fromY)
    }
    return pairs.reversed()
  }
}
