/// What can stand in a `DeadlineHeap`.
package protocol HasDeadline: AnyObject {
  var deadline: UInt64 { get }
  /// Tells apart those with the same deadline; written by the heap.
  var sequence: UInt64 { get set }
  /// The place in the heap, or -1; written by the heap.
  var heapIndex: Int { get set }
}

/// Things ordered by when they are due: the next one is found at once, adding and removing any takes
/// as many steps as the heap has levels.
///
/// A binary heap in an array: the children of place n are at 2n + 1 and 2n + 2, and nothing is due before
/// its parent. Each element knows its place, so that it can be removed without a search. Of those due
/// at the same time, the one added first comes first.
/// Lock: the owner's.
package struct DeadlineHeap<Element: HasDeadline> {
  /// The owner makes room.
  package let elements = GuardedList<Element>()
  private var lastSequence: UInt64 = 0

  package init() {}

  package var count: Int { elements.count }
  package var first: Element? { elements.first }

  package mutating func insert(_ element: Element) {
    lastSequence &+= 1
    element.sequence = lastSequence
    element.heapIndex = elements.count
    elements.append(element)
    moveUp(element.heapIndex)
  }

  /// Removes an element; false when it is not here.
  @discardableResult
  package mutating func remove(_ element: Element) -> Bool {
    let hole = element.heapIndex
    guard hole >= 0, hole < elements.count, elements[hole] === element else { return false }
    element.heapIndex = -1
    let last = elements.removeLast()
    guard last !== element else { return true }
    elements[hole] = last
    last.heapIndex = hole
    moveUp(hole)
    moveDown(last.heapIndex)
    return true
  }

  /// Takes out the next element if it is due.
  package mutating func popDue(at now: UInt64) -> Element? {
    guard let next = elements.first, next.deadline <= now else { return nil }
    remove(next)
    return next
  }

  private func isBefore(_ a: Element, _ b: Element) -> Bool {
    a.deadline != b.deadline ? a.deadline < b.deadline : a.sequence < b.sequence
  }

  private mutating func moveUp(_ start: Int) {
    var place = start
    while place > 0 {
      let parent = (place - 1) / 2
      guard isBefore(elements[place], elements[parent]) else { return }
      exchange(place, parent)
      place = parent
    }
  }

  private mutating func moveDown(_ start: Int) {
    var place = start
    while true {
      var least = place
      for child in 2 * place + 1...2 * place + 2 where child < elements.count {
        if isBefore(elements[child], elements[least]) { least = child }
      }
      guard least != place else { return }
      exchange(place, least)
      place = least
    }
  }

  private mutating func exchange(_ a: Int, _ b: Int) {
    let other = elements[a]
    elements[a] = elements[b]
    elements[b] = other
    elements[a].heapIndex = a
    elements[b].heapIndex = b
  }
}
