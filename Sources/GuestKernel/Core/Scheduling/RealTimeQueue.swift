/// The real-time class: 99 priorities, and a list for each.
///
/// Two words of bits say which lists are not empty, so the choice takes the same few instructions
/// however many threads are ready.

package struct RealTimeQueue {
  package static let turn: UInt64 = 100_000_000

  private let lists: UnsafeMutablePointer<EntityList>
  private var low: UInt64 = 0
  private var high: UInt64 = 0
  package private(set) var count = 0

  package init() {
    lists = .allocate(capacity: 128)
    lists.initialize(repeating: EntityList(), count: 128)
  }

  /// The highest priority that is ready; 0 for none.
  package var highest: Int {
    high != 0 ? 127 - high.leadingZeroBitCount : low != 0 ? 63 - low.leadingZeroBitCount : 0
  }

  package var first: EntityPointer? { count == 0 ? nil : lists[highest].first }

  package mutating func add(_ entity: EntityPointer, atHead: Bool) {
    let priority = entity.pointee.priority
    if atHead { lists[priority].prepend(entity) } else { lists[priority].append(entity) }
    mark(priority)
    count += 1
  }

  package mutating func remove(_ entity: EntityPointer) {
    let priority = entity.pointee.priority
    lists[priority].remove(entity)
    mark(priority)
    count -= 1
  }

  package mutating func moveToTail(_ entity: EntityPointer) {
    lists[entity.pointee.priority].remove(entity)
    lists[entity.pointee.priority].append(entity)
  }

  /// Whether another thread of the same priority waits for its turn.
  package func hasEquals(_ entity: EntityPointer) -> Bool {
    lists[entity.pointee.priority].first != entity
      || lists[entity.pointee.priority].next(after: entity) != nil
  }

  /// The first that is not `running` and satisfies `condition`, from the highest priority down.
  package func find(_ condition: (EntityPointer) -> Bool) -> EntityPointer? {
    for priority in stride(from: highest, to: 0, by: -1) {
      var at = lists[priority].first
      while let entity = at {
        if condition(entity) { return entity }
        at = lists[priority].next(after: entity)
      }
    }
    return nil
  }

  private mutating func mark(_ priority: Int) {
    let bit: UInt64 = 1 << UInt64(priority & 63)
    let isEmpty = lists[priority].isEmpty
    if priority < 64 {
      low = isEmpty ? low & ~bit : low | bit
    } else {
      high = isEmpty ? high & ~bit : high | bit
    }
  }
}
