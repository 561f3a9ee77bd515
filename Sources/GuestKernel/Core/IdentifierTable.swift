/// A hash table by number: how a process is found by its pid.
///
/// Numbers are given out in order, so their low bits are the hash: neighbours never collide until there
/// are more entries than buckets, and then the table doubles.
package struct IdentifierTable<Value> {
  private var buckets: [[(id: Int, value: Value)]]
  package private(set) var count = 0

  package init(buckets: Int = 64) {
    self.buckets = Array(repeating: [], count: buckets)
  }

  private func bucket(_ id: Int) -> Int { id & (buckets.count - 1) }

  package subscript(id: Int) -> Value? {
    for entry in buckets[bucket(id)] where entry.id == id { return entry.value }
    return nil
  }

  /// Adds a value under a number that is not taken; false when it is.
  @discardableResult
  package mutating func insert(_ value: Value, _ id: Int) -> Bool {
    guard self[id] == nil else { return false }
    if count >= buckets.count { grow() }
    buckets[bucket(id)].append((id, value))
    count += 1
    return true
  }

  package mutating func remove(_ id: Int) {
    let index = bucket(id)
    for (at, entry) in buckets[index].enumerated() where entry.id == id {
      buckets[index].remove(at: at)
      count -= 1
      return
    }
  }

  /// All values, in the order of their numbers.
  package var values: [Value] {
    var all: [(id: Int, value: Value)] = []
    all.reserveCapacity(count)
    for bucket in buckets { all += bucket }
    all.sort { $0.id < $1.id }
    return all.map { $0.value }
  }

  /// Calls `body` for each value, in no particular order, without asking for memory.
  package func forEach(_ body: (Value) -> Void) {
    for bucket in buckets { for entry in bucket { body(entry.value) } }
  }

  private mutating func grow() {
    let old = buckets
    buckets = Array(repeating: [], count: old.count * 2)
    for entries in old {
      for entry in entries { buckets[bucket(entry.id)].append(entry) }
    }
  }
}
