/// The pages of a memory object by index: a tree of nodes with 64 slots.
///
/// It is as high as the largest index needs. An empty slot is 0.
///
/// Lock: none; the object's.
package struct PageTree {
  private typealias Node = UnsafeMutablePointer<UInt64>
  private static let bits: UInt64 = 6
  private static let fanout = 64

  private var root: UInt64 = 0
  /// Levels of nodes; 0 for an empty tree.
  private var height: UInt64 = 0
  package private(set) var count = 0

  package init() {}

  package subscript(index: UInt64) -> UInt64 {
    guard height > 0, PageTree.isWithin(index, height) else { return 0 }
    var value = root
    var level = height
    while level > 0, value != 0 {
      level -= 1
      value = PageTree.node(value)[PageTree.slot(index, level)]
    }
    return value
  }

  /// Stores `value`, or removes what is there if it is 0; returns what was there.
  @discardableResult
  package mutating func set(_ index: UInt64, _ value: UInt64) -> UInt64 {
    if value == 0 { return remove(index) }
    while height == 0 || !PageTree.isWithin(index, height) { grow() }
    var at = root
    var level = height - 1
    while level > 0 {
      let slot = PageTree.node(at) + PageTree.slot(index, level)
      if slot.pointee == 0 { slot.pointee = PageTree.makeNode() }
      at = slot.pointee
      level -= 1
    }
    let slot = PageTree.node(at) + PageTree.slot(index, 0)
    let old = slot.pointee
    slot.pointee = value
    if old == 0 { count += 1 }
    return old
  }

  /// The first stored index from `start` on, with its value.
  package func next(from start: UInt64) -> (index: UInt64, value: UInt64)? {
    guard height > 0, PageTree.isWithin(start, height) else { return nil }
    return PageTree.next(in: root, level: height - 1, base: 0, from: start)
  }

  /// Frees the nodes; the values are the caller's to have taken out.
  package mutating func removeAll() {
    if height > 0 { PageTree.free(root, level: height - 1) }
    root = 0
    height = 0
    count = 0
  }

  private mutating func grow() {
    let old = root
    root = PageTree.makeNode()
    if height > 0 { PageTree.node(root)[0] = old }
    height += 1
  }

  private mutating func remove(_ index: UInt64) -> UInt64 {
    guard height > 0, PageTree.isWithin(index, height) else { return 0 }
    let old = PageTree.clear(index, in: root, level: height - 1)
    if old != 0 { count -= 1 }
    if count == 0 { removeAll() }
    return old
  }
}

// MARK: Nodes

extension PageTree {
  private static func isWithin(_ index: UInt64, _ height: UInt64) -> Bool {
    height * bits >= 64 || index >> (height * bits) == 0
  }

  private static func slot(_ index: UInt64, _ level: UInt64) -> Int {
    Int(index >> (level * bits) & 63)
  }

  private static func node(_ value: UInt64) -> Node {
    // SAFETY: values above level 0 are made by `makeNode` only.
    Node(bitPattern: UInt(value)).unsafelyUnwrapped
  }

  private static func makeNode() -> UInt64 {
    let node = Node.allocate(capacity: fanout)
    node.initialize(repeating: 0, count: fanout)
    return UInt64(UInt(bitPattern: node))
  }

  private static func isEmpty(_ value: UInt64) -> Bool {
    for slot in 0..<fanout where node(value)[slot] != 0 { return false }
    return true
  }

  private static func clear(_ index: UInt64, in value: UInt64, level: UInt64) -> UInt64 {
    let place = node(value) + slot(index, level)
    let inside = place.pointee
    guard inside != 0 else { return 0 }
    guard level > 0 else {
      place.pointee = 0
      return inside
    }
    let old = clear(index, in: inside, level: level - 1)
    if old != 0, isEmpty(inside) {
      node(inside).deallocate()
      place.pointee = 0
    }
    return old
  }

  private static func next(
    in value: UInt64, level: UInt64, base: UInt64, from start: UInt64
  ) -> (index: UInt64, value: UInt64)? {
    let step: UInt64 = 1 << (level * bits)
    for index in 0..<fanout {
      let (offset, isTooFar) = UInt64(index).multipliedReportingOverflow(by: step)
      if isTooFar { break }
      let first = base | offset
      guard start <= first &+ (step - 1) else { continue }
      let inside = node(value)[index]
      guard inside != 0 else { continue }
      if level == 0 { return (first, inside) }
      if let found = next(in: inside, level: level - 1, base: first, from: start) { return found }
    }
    return nil
  }

  private static func free(_ value: UInt64, level: UInt64) {
    if level > 0 {
      for slot in 0..<fanout where node(value)[slot] != 0 {
        free(node(value)[slot], level: level - 1)
      }
    }
    node(value).deallocate()
  }
}
