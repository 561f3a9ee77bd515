/// A table by number: how a process is found by its pid.
///
/// Numbers are given out in rising order, so a new one nearly always belongs at the end, and any is found
/// by halving. Lock: the owner's, who makes room in `entries` before (see `GuardedList`).
package struct IdentifierTable<Value> {
  package let entries: GuardedList<(id: Int, value: Value)>

  package init(capacity: Int = 64) { entries = GuardedList(capacity: capacity) }

  package var count: Int { entries.count }

  package subscript(id: Int) -> Value? {
    let at = place(of: id)
    return at < entries.count && entries[at].id == id ? entries[at].value : nil
  }

  /// Adds a value under a number that is not taken; false when it is.
  @discardableResult
  package func insert(_ value: Value, _ id: Int) -> Bool {
    let at = place(of: id)
    guard at == entries.count || entries[at].id != id else { return false }
    entries.insert((id, value), at: at)
    return true
  }

  package func remove(_ id: Int) {
    let at = place(of: id)
    if at < entries.count, entries[at].id == id { entries.remove(at: at) }
  }

  /// Calls `body` for each value, in the order of their numbers.
  package func forEach(_ body: (Value) -> Void) {
    for index in 0..<entries.count { body(entries[index].value) }
  }

  /// The first place whose number is not below `id`.
  private func place(of id: Int) -> Int {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].id < id { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
