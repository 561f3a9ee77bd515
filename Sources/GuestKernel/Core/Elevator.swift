/// The order in which a disk's requests are served: sorted by place, neighbours merged into one, the
/// head moving in one direction and then back to the lowest ("C-LOOK").
package struct Elevator {
  /// Requests that will be served as one.
  package struct Run: Equatable {
    package var sector: UInt64
    package var count: UInt64
    package var isWrite: Bool
    /// The requests, by the numbers that were given for them, in the order of their sectors.
    package var members: [Int]

    var end: UInt64 { sector + count }
  }

  /// Sorted by sector.
  package private(set) var runs: [Run] = []
  private var head: UInt64 = 0
  /// The most sectors, and requests, that one run may have.
  private let maximumSectors: UInt64
  private let maximumMembers: Int
  package private(set) var merges: UInt64 = 0

  package init(maximumSectors: UInt64, maximumMembers: Int) {
    self.maximumSectors = maximumSectors
    self.maximumMembers = maximumMembers
  }

  package var isEmpty: Bool { runs.isEmpty }

  package mutating func add(sector: UInt64, count: UInt64, isWrite: Bool, member: Int) {
    var index = 0
    while index < runs.count, runs[index].sector <= sector { index += 1 }
    if index > 0, canJoin(runs[index - 1], isWrite, count), runs[index - 1].end == sector {
      runs[index - 1].count += count
      runs[index - 1].members.append(member)
      merges += 1
      joinWithNext(index - 1)
      return
    }
    if index < runs.count, canJoin(runs[index], isWrite, count),
      sector + count == runs[index].sector
    {
      runs[index].sector = sector
      runs[index].count += count
      runs[index].members.insert(member, at: 0)
      merges += 1
      return
    }
    runs.insert(Run(sector: sector, count: count, isWrite: isWrite, members: [member]), at: index)
  }

  private func canJoin(_ run: Run, _ isWrite: Bool, _ count: UInt64) -> Bool {
    run.isWrite == isWrite && run.count + count <= maximumSectors
      && run.members.count < maximumMembers
  }

  /// A request that filled the gap between two runs makes them one.
  private mutating func joinWithNext(_ index: Int) {
    guard index + 1 < runs.count else { return }
    let (run, next) = (runs[index], runs[index + 1])
    guard run.end == next.sector, run.isWrite == next.isWrite,
      run.count + next.count <= maximumSectors,
      run.members.count + next.members.count <= maximumMembers
    else { return }
    runs[index].count += next.count
    runs[index].members += next.members
    runs.remove(at: index + 1)
    merges += 1
  }

  /// The next run in the direction of the head, or the lowest.
  package mutating func next() -> Run? {
    guard !runs.isEmpty else { return nil }
    var index = 0
    while index < runs.count, runs[index].sector < head { index += 1 }
    let run = runs.remove(at: index == runs.count ? 0 : index)
    head = run.end
    return run
  }
}
