/// A variable, and the locks that all its accesses have in common.
///
/// The algorithm is that of S. Savage and others, "Eraser: A Dynamic Data Race Detector for
/// Multithreaded Programs" (1997), with processors and their interrupt handlers as the threads.
struct SharedVariable {
  /// An access, with what is needed to judge it.
  struct Access {
    let owner: Int
    let isWrite: Bool
    let locks: Set<UInt64>
    let stack: CallStack
    let position: UInt64
  }

  private enum Phase {
    case untouched
    case exclusive(Int)
    case shared
    case modified
  }

  let name: String
  private var phase = Phase.untouched
  private var common: Set<UInt64> = []
  /// The last access of each owner.
  private var last: [Int: Access] = [:]

  init(name: String) { self.name = name }

  /// Notes an access.
  ///
  /// - Returns: An access by somebody else with which it makes a race.
  mutating func access(_ access: Access) -> Access? {
    defer { last[access.owner] = access }
    switch phase {
    case .untouched:
      phase = .exclusive(access.owner)
      return nil
    case .exclusive(access.owner): return nil
    case .exclusive(let owner):
      common = access.locks
      if let earlier = last[owner] { common.formIntersection(earlier.locks) }
      phase = access.isWrite || last[owner]?.isWrite == true ? .modified : .shared
    case .shared:
      common.formIntersection(access.locks)
      if access.isWrite { phase = .modified }
    case .modified: common.formIntersection(access.locks)
    }
    guard case .modified = phase, common.isEmpty else { return nil }
    return last.filter { $0.key != access.owner }.max { $0.value.position < $1.value.position }?
      .value
  }
}
