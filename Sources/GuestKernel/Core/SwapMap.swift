/// Which slots of a swap area are taken, and by how many page table entries each.
///
/// Lock: none; the swap area's.
package struct SwapMap {
  private var users: [UInt16]
  private var next = 0
  package private(set) var used = 0

  package init(slots: Int) { users = [UInt16](repeating: 0, count: slots) }

  package var count: Int { users.count }

  /// A free slot, now with one user; the search goes on where the last one ended.
  package mutating func allocate() -> Int? {
    guard used < users.count else { return nil }
    for _ in 0..<users.count {
      let slot = next
      next = next + 1 == users.count ? 0 : next + 1
      if users[slot] == 0 {
        users[slot] = 1
        used += 1
        return slot
      }
    }
    return nil
  }

  package func users(of slot: Int) -> Int { Int(users[slot]) }

  /// One more user.
  package mutating func retain(_ slot: Int) { users[slot] += 1 }

  /// One user less; true when that was the last one and the slot is free again.
  package mutating func release(_ slot: Int) -> Bool {
    guard users[slot] > 0 else { return false }
    users[slot] -= 1
    if users[slot] == 0 { used -= 1 }
    return users[slot] == 0
  }
}
