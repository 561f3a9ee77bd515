import Emulator

/// The history of a debugged machine: checkpoints to go back to, and what has to happen again on
/// the way from one of them.
struct Timeline {
  /// A moment to which the machine can return at once.
  struct Checkpoint {
    let snapshot: MachineSnapshot
    /// Pages written since the checkpoint before, and perhaps others.
    var writtenPages: Set<Int>

    var position: UInt64 { snapshot.instructionCount }
  }

  /// A change that a user made.
  struct Modification {
    let position: UInt64
    let body: (Machine) -> Void
  }

  /// In ascending order of positions, which differ.
  private(set) var checkpoints: [Checkpoint]
  private(set) var modifications: [Modification] = []
  /// Everything that came from outside.
  var inputs = InputLog()
  /// The latest position ever reached.
  var end: UInt64

  init(start: MachineSnapshot) {
    checkpoints = [Checkpoint(snapshot: start, writtenPages: [])]
    end = start.instructionCount
  }

  var start: UInt64 { checkpoints[0].position }

  /// The index of the last checkpoint at or before a position, 0 if there is none.
  func index(at position: UInt64) -> Int {
    var low = 0
    var high = checkpoints.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if checkpoints[middle].position <= position { low = middle } else { high = middle }
    }
    return low
  }

  /// The checkpoint at exactly this position.
  func checkpoint(at position: UInt64) -> Checkpoint? {
    let candidate = checkpoints[index(at: position)]
    return candidate.position == position ? candidate : nil
  }

  /// The first modification behind a position.
  func nextModification(after position: UInt64) -> Modification? {
    modifications.first { $0.position > position }
  }

  mutating func insert(_ checkpoint: Checkpoint) {
    let index = index(at: checkpoint.position)
    guard checkpoints[index].position != checkpoint.position else { return }
    let place = checkpoints[index].position < checkpoint.position ? index + 1 : index
    checkpoints.insert(checkpoint, at: place)
  }

  /// Forgets everything behind a position, which becomes the end.
  mutating func cut(at position: UInt64, inputCount: Int) {
    checkpoints.removeAll { $0.position > position }
    modifications.removeAll { $0.position > position }
    inputs = InputLog(Array(inputs.entries.prefix(inputCount)))
    end = position
  }

  mutating func append(_ modification: Modification, snapshot: MachineSnapshot, pages: Set<Int>) {
    // A checkpoint at the same position is without the change.
    let start = start
    checkpoints.removeAll { $0.position == modification.position && $0.position != start }
    modifications.append(modification)
    if snapshot.instructionCount == start {
      checkpoints[0] = Checkpoint(snapshot: snapshot, writtenPages: pages)
      modifications.removeAll { $0.position == start }
    } else {
      insert(Checkpoint(snapshot: snapshot, writtenPages: pages))
    }
  }

  /// Removes checkpoints until they take no more than `budget` bytes: the density of those that
  /// are left falls with their distance from `present`, so that going back a little is fast and
  /// going back far is possible.
  mutating func thin(to budget: Int, bytes: (_ checkpoints: Int) -> Int, present: UInt64) {
    while checkpoints.count > 2 && bytes(checkpoints.count) > budget {
      var best = 1
      var bestValue = Double.infinity
      for index in 1..<checkpoints.count - 1 {
        let gap = checkpoints[index + 1].position - checkpoints[index - 1].position
        let position = checkpoints[index].position
        let distance = position < present ? present - position : position - present
        let value = Double(gap) / Double(distance + 1)
        if value < bestValue {
          bestValue = value
          best = index
        }
      }
      checkpoints[best + 1].writtenPages.formUnion(checkpoints[best].writtenPages)
      checkpoints.remove(at: best)
    }
  }
}
