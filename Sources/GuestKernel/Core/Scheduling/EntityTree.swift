/// A red-black tree of entities, ordered by key, with the first one at hand.
///
/// Each node is red or black, no red node has a red child, and every way down from the root passes the
/// same number of black nodes: so none is more than twice as long as another, and with a thousand threads
/// ready each insertion and removal takes some twenty steps at most.
/// Cormen, Leiserson, Rivest, Stein: "Introduction to Algorithms", chapter "Red-Black Trees".

package struct EntityTree {
  private var root: EntityPointer?
  package private(set) var first: EntityPointer?

  package init() {}

  package var isEmpty: Bool { root == nil }

  /// The one with the greatest key.
  package var last: EntityPointer? {
    var at = root
    while let next = at?.pointee.right { at = next }
    return at
  }

  package func next(after node: EntityPointer) -> EntityPointer? {
    if let right = node.pointee.right { return Self.leftmost(right) }
    var node = node
    while let parent = node.pointee.parent {
      if parent.pointee.left == node { return parent }
      node = parent
    }
    return nil
  }

  package func previous(before node: EntityPointer) -> EntityPointer? {
    if var at = node.pointee.left {
      while let next = at.pointee.right { at = next }
      return at
    }
    var node = node
    while let parent = node.pointee.parent {
      if parent.pointee.right == node { return parent }
      node = parent
    }
    return nil
  }

  /// Inserts behind all that have the same key.
  package mutating func insert(_ node: EntityPointer) {
    var parent: EntityPointer?
    var at = root
    var isLeft = false
    var isFirst = true
    while let here = at {
      parent = here
      isLeft = node.pointee.key < here.pointee.key
      if !isLeft { isFirst = false }
      at = isLeft ? here.pointee.left : here.pointee.right
    }
    node.pointee.parent = parent
    node.pointee.left = nil
    node.pointee.right = nil
    node.pointee.isRed = true
    if let parent { Self.set(parent, left: isLeft, to: node) } else { root = node }
    if isFirst { first = node }
    repairAfterInsertion(node)
  }

  package mutating func remove(_ node: EntityPointer) {
    if first == node { first = next(after: node) }
    var wasRed = node.pointee.isRed
    let child: EntityPointer?
    let parent: EntityPointer?
    if let left = node.pointee.left, let right = node.pointee.right {
      // The next in order takes the node's place; it has no left child.
      let next = Self.leftmost(right)
      wasRed = next.pointee.isRed
      child = next.pointee.right
      if next == right {
        parent = next
      } else {
        parent = next.pointee.parent
        replace(next, by: child)
        next.pointee.right = right
        right.pointee.parent = next
      }
      replace(node, by: next)
      next.pointee.left = left
      left.pointee.parent = next
      next.pointee.isRed = node.pointee.isRed
    } else {
      child = node.pointee.left ?? node.pointee.right
      parent = node.pointee.parent
      replace(node, by: child)
    }
    if !wasRed { repairAfterRemoval(child, parent) }
    node.pointee.parent = nil
    node.pointee.left = nil
    node.pointee.right = nil
  }
}

// MARK: Balance

extension EntityTree {
  private mutating func repairAfterInsertion(_ node: EntityPointer) {
    var node = node
    while let parent = node.pointee.parent, parent.pointee.isRed,
      let grandparent = parent.pointee.parent
    {
      let isLeft = grandparent.pointee.left == parent
      if let uncle = Self.child(grandparent, left: !isLeft), uncle.pointee.isRed {
        parent.pointee.isRed = false
        uncle.pointee.isRed = false
        grandparent.pointee.isRed = true
        node = grandparent
        continue
      }
      var top = parent
      if Self.child(parent, left: !isLeft) == node {
        rotate(parent, left: isLeft)
        top = node
      }
      top.pointee.isRed = false
      grandparent.pointee.isRed = true
      rotate(grandparent, left: !isLeft)
      break
    }
    root?.pointee.isRed = false
  }

  /// The ways through `node`, which may be nil, have one black node too few.
  private mutating func repairAfterRemoval(_ node: EntityPointer?, _ parent: EntityPointer?) {
    var node = node
    var parent = parent
    while let above = parent, node != root, !Self.isRed(node) {
      let isLeft = above.pointee.left == node
      guard var sibling = Self.child(above, left: !isLeft) else { break }
      if sibling.pointee.isRed {
        sibling.pointee.isRed = false
        above.pointee.isRed = true
        rotate(above, left: isLeft)
        guard let next = Self.child(above, left: !isLeft) else { break }
        sibling = next
      }
      if !Self.isRed(sibling.pointee.left), !Self.isRed(sibling.pointee.right) {
        sibling.pointee.isRed = true
        node = above
        parent = above.pointee.parent
        continue
      }
      if !Self.isRed(Self.child(sibling, left: !isLeft)) {
        Self.child(sibling, left: isLeft)?.pointee.isRed = false
        sibling.pointee.isRed = true
        rotate(sibling, left: !isLeft)
        guard let next = Self.child(above, left: !isLeft) else { break }
        sibling = next
      }
      sibling.pointee.isRed = above.pointee.isRed
      above.pointee.isRed = false
      Self.child(sibling, left: !isLeft)?.pointee.isRed = false
      rotate(above, left: isLeft)
      node = root
      break
    }
    node?.pointee.isRed = false
  }

  /// Turns the edge between `node` and its child on the other side, so that `node` sinks to the side named.
  private mutating func rotate(_ node: EntityPointer, left: Bool) {
    guard let child = Self.child(node, left: !left) else { return }
    let inner = Self.child(child, left: left)
    Self.set(node, left: !left, to: inner)
    inner?.pointee.parent = node
    replace(node, by: child)
    Self.set(child, left: left, to: node)
    node.pointee.parent = child
  }

  /// Puts `other` where `node` is, as far as the node above is concerned.
  private mutating func replace(_ node: EntityPointer, by other: EntityPointer?) {
    if let parent = node.pointee.parent {
      Self.set(parent, left: parent.pointee.left == node, to: other)
    } else {
      root = other
    }
    other?.pointee.parent = node.pointee.parent
  }

  private static func leftmost(_ node: EntityPointer) -> EntityPointer {
    var node = node
    while let next = node.pointee.left { node = next }
    return node
  }
  private static func isRed(_ node: EntityPointer?) -> Bool { node?.pointee.isRed ?? false }
  private static func child(_ node: EntityPointer, left: Bool) -> EntityPointer? {
    left ? node.pointee.left : node.pointee.right
  }
  private static func set(_ node: EntityPointer, left: Bool, to child: EntityPointer?) {
    if left { node.pointee.left = child } else { node.pointee.right = child }
  }

  /// The number of black nodes on every way down, or nil where the rules of the tree are broken.
  package var blackHeight: Int? { root.map { Self.height($0) } ?? 0 }

  private static func height(_ node: EntityPointer) -> Int? {
    for child in [node.pointee.left, node.pointee.right] {
      guard let child else { continue }
      guard child.pointee.parent == node, !(node.pointee.isRed && child.pointee.isRed) else {
        return nil
      }
    }
    guard let left = node.pointee.left.map({ height($0) }) ?? 0,
      let right = node.pointee.right.map({ height($0) }) ?? 0, left == right
    else { return nil }
    return left + (node.pointee.isRed ? 0 : 1)
  }
}

/// A list of entities, first come, first served.
package struct EntityList {
  package private(set) var first: EntityPointer?
  private var last: EntityPointer?

  package init() {}
  package var isEmpty: Bool { first == nil }

  package func next(after node: EntityPointer) -> EntityPointer? { node.pointee.next }

  package mutating func append(_ node: EntityPointer) {
    node.pointee.next = nil
    node.pointee.previous = last
    if let last { last.pointee.next = node } else { first = node }
    last = node
  }

  package mutating func prepend(_ node: EntityPointer) {
    node.pointee.previous = nil
    node.pointee.next = first
    if let first { first.pointee.previous = node } else { last = node }
    first = node
  }

  package mutating func remove(_ node: EntityPointer) {
    if let previous = node.pointee.previous {
      previous.pointee.next = node.pointee.next
    } else {
      first = node.pointee.next
    }
    if let next = node.pointee.next {
      next.pointee.previous = node.pointee.previous
    } else {
      last = node.pointee.previous
    }
    node.pointee.next = nil
    node.pointee.previous = nil
  }
}
