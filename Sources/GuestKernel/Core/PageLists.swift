/// The pages that could be reclaimed, in two lists: those in use, and candidates.
///
/// A candidate loses its frame unless it is used again before its turn comes. New pages enter at the front, reclaim looks at the
/// back: an approximation of "least recently used" that costs nothing at each use.
///
/// Lock: none; the frames'.
package struct PageLists {
  private struct Ends {
    var first: UInt32 = 0
    var last: UInt32 = 0
    var count = 0
  }

  private let pages: UnsafeMutablePointer<Page>
  private var active = Ends()
  private var inactive = Ends()

  package init(pages: UnsafeMutablePointer<Page>) { self.pages = pages }

  package var activeCount: Int { active.count }
  package var inactiveCount: Int { inactive.count }

  /// Puts a page that is on neither list in front of one.
  package mutating func add(_ frame: Int, active isActive: Bool) {
    guard !pages[frame].state.contains(.listed) else { return }
    pages[frame].state.insert(.listed)
    if isActive {
      pages[frame].state.insert(.active)
      link(frame, &active)
    } else {
      pages[frame].state.remove(.active)
      link(frame, &inactive)
    }
  }

  /// Takes a page off the list it is on, if any.
  package mutating func remove(_ frame: Int) {
    guard pages[frame].state.contains(.listed) else { return }
    pages[frame].state.remove(.listed)
    if pages[frame].state.contains(.active) {
      unlink(frame, &active)
    } else {
      unlink(frame, &inactive)
    }
  }

  /// The page that has been on the list for longest.
  package func oldest(active isActive: Bool) -> Int? {
    let last = isActive ? active.last : inactive.last
    return last == 0 ? nil : Int(last)
  }

  private func link(_ frame: Int, _ ends: inout Ends) {
    pages[frame].previous = 0
    pages[frame].next = ends.first
    if ends.first != 0 { pages[Int(ends.first)].previous = UInt32(frame) }
    ends.first = UInt32(frame)
    if ends.last == 0 { ends.last = UInt32(frame) }
    ends.count += 1
  }

  private func unlink(_ frame: Int, _ ends: inout Ends) {
    let next = pages[frame].next
    let previous = pages[frame].previous
    if previous != 0 { pages[Int(previous)].next = next } else { ends.first = next }
    if next != 0 { pages[Int(next)].previous = previous } else { ends.last = previous }
    ends.count -= 1
  }
}
