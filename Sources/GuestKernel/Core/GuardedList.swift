/// A list that a spinlock guards, and that does not ask for memory while it is held.
///
/// An array asks when it grows, and again when somebody changes it while somebody else still reads a copy.
/// Here room is made before the lock is taken: `promise` sets a place aside, which the next `append` or
/// `insert` uses up; when there is none, the owner brings more memory (`exchange`). Readers look under the lock,
/// or take a snapshot. Without a promise `append` grows by itself, for owners that need no lock.
/// Lock: the owner's.
package final class GuardedList<Element> {
  private var memory: UnsafeMutablePointer<Element>?
  package private(set) var count = 0
  package private(set) var capacity: Int
  /// Places that are somebody's already.
  private var promised = 0

  package init(capacity: Int = 4) {
    self.capacity = capacity
    memory = capacity > 0 ? .allocate(capacity: capacity) : nil
  }

  deinit {
    memory?.deinitialize(count: count)
    memory?.deallocate()
  }

  // SAFETY: asked for only where there is an element, or room for one.
  private var elements: UnsafeMutablePointer<Element> { memory.unsafelyUnwrapped }

  /// How much room there should be after the present has not sufficed.
  package var nextCapacity: Int { capacity < 2 ? 4 : capacity * 2 }

  /// Sets a place aside; false when memory must be made first.
  package func promise() -> Bool {
    guard count + promised < capacity else { return false }
    promised += 1
    return true
  }

  /// A place that was set aside is not needed after all.
  package func withdraw() { if promised > 0 { promised -= 1 } }

  /// Moves to larger memory; returns what is not used any more, to be given back without the lock.
  package func exchange(
    _ larger: UnsafeMutablePointer<Element>, capacity room: Int
  ) -> UnsafeMutablePointer<Element>? {
    guard room > capacity else { return larger }
    if let memory { larger.moveInitialize(from: memory, count: count) }
    let old = memory
    (memory, capacity) = (larger, room)
    return old
  }

  package func append(_ element: Element) { insert(element, at: count) }

  package func insert(_ element: Element, at index: Int) {
    withdraw()
    if count == capacity {
      exchange(.allocate(capacity: nextCapacity), capacity: nextCapacity)?.deallocate()
    }
    for place in stride(from: count, to: index, by: -1) {
      (elements + place).moveInitialize(from: elements + place - 1, count: 1)
    }
    (elements + index).initialize(to: element)
    count += 1
  }

  @discardableResult
  package func remove(at index: Int) -> Element {
    let element = (elements + index).move()
    for place in stride(from: index + 1, to: count, by: 1) {
      (elements + place - 1).moveInitialize(from: elements + place, count: 1)
    }
    count -= 1
    return element
  }

  @discardableResult
  package func removeLast() -> Element { remove(at: count - 1) }

  /// Returns how many those were.
  ///
  /// From the end on, one at a time: the list is whole whenever somebody else's code runs, be it
  /// `isUnwanted` or the end of an element.
  @discardableResult
  package func removeAll(where isUnwanted: (Element) -> Bool) -> Int {
    var removed = 0
    for index in stride(from: count - 1, through: 0, by: -1) where index < count {
      guard isUnwanted(elements[index]) else { continue }
      remove(at: index)
      removed += 1
    }
    return removed
  }
}

extension GuardedList: RandomAccessCollection {
  package var startIndex: Int { 0 }
  package var endIndex: Int { count }

  package subscript(index: Int) -> Element {
    get { elements[index] }
    set { elements[index] = newValue }
  }
}
