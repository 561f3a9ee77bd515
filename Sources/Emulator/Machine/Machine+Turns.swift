/// Whose turn it is among several processors.
struct Turn {
  /// The number of the processor.
  var index = 0
  /// The instruction count of that processor at which the turn is over, if another one wants it.
  var end: UInt64 = .max
  /// Instructions that all the other processors have retired.
  var othersCount: UInt64 = 0
}

/// Several processors on one thread: each has its turn, a quantum of instructions long.
///
/// A turn ends early where the processor halts or executes PAUSE. Where no other processor has
/// anything to do, it goes on until one has, and ends at once then, if the quantum is over. What
/// one processor does to another, an IPI, an INIT or a store to a monitored line, is seen in the
/// other's next turn. All this follows from the machine's state alone, so that it does not matter
/// how a run is sliced.
extension Machine {
  /// Makes a processor the one that runs, at the present time.
  func giveTurn(to index: Int) {
    let now = now
    let total = instructionCount
    processor = processors[index]
    let count = processor.cpu.instructionCount
    let end = processors.count == 1 ? .max : count.addingClamped(configuration.quantum)
    turn = Turn(index: index, end: end, othersCount: total &- count)
    processor.setTime(now)
    chipset.bus.localAPIC = chipset.localAPICs[index]
  }

  /// Ends the current turn as soon as another processor wants one.
  func endTurn() { turn.end = processor.cpu.instructionCount }

  /// Lets the next processor have its turn if this one's is over.
  ///
  /// - Returns: The machine's instruction count at which the turn will be over.
  func changeTurn() -> UInt64 {
    guard let next = nextInTurn else { return .max }
    if processor.cpu.instructionCount >= turn.end || !processor.cpu.wantsTurn {
      giveTurn(to: next)
      // The one before may want to go on.
      if nextInTurn == nil { return .max }
    }
    return turn.end.addingClamped(turn.othersCount)
  }

  /// The next processor that has anything to do, but for the current one.
  var nextInTurn: Int? {
    for distance in 1..<max(processors.count, 1) {
      let index = (turn.index + distance) % processors.count
      if processors[index].cpu.wantsTurn { return index }
    }
    return nil
  }

  /// Gives processors the INIT and start-up messages that were sent to them.
  func deliverSignals() {
    let signals = requests.signals
    requests.signals.removeAll(keepingCapacity: true)
    for (index, signal) in signals {
      report(.signal(signal), processor: index)
      processors[index].receive(signal)
    }
  }

  func addTurn(to digest: inout StateDigest) {
    digest.add(UInt64(turn.index))
    digest.add(turn.end &- min(turn.end, processor.cpu.instructionCount))
  }
}
