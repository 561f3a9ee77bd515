extension Processor {
  /// Linear addresses of instructions before which a run stops, on every processor of the machine.
  package var breakpoints: Set<UInt64> {
    get { connections.stopPoints.breakpoints }
    set {
      guard newValue != connections.stopPoints.breakpoints else { return }
      connections.stopPoints.breakpoints = newValue
      // Blocks end before breakpoints.
      connections.blocks.dropEverything()
      for cpu in connections.blocks.processors {
        cpu.state.pointee.hasBreakpoints = !newValue.isEmpty
      }
    }
  }

  /// Bytes whose accesses stop a run, on every processor of the machine.
  package var watchpoints: [Watchpoint] {
    get { connections.stopPoints.watchpoints }
    set {
      guard newValue != connections.stopPoints.watchpoints else { return }
      connections.stopPoints.watchpoints = newValue
      for cpu in connections.blocks.processors {
        cpu.state.pointee.hasWatchpoints = !newValue.isEmpty
        cpu.withdrawTags()
      }
      let points = connections.stopPoints
      connections.memory.writeObserver =
        newValue.isEmpty ? nil : { [unowned points] in points.noteTransfer($0, $1) }
    }
  }

  /// The accesses to watched bytes since the last call.
  package func takeWatchHits() -> [WatchHit] {
    guard !connections.stopPoints.hits.isEmpty else { return [] }
    defer { connections.stopPoints.hits.removeAll(keepingCapacity: true) }
    return connections.stopPoints.hits
  }
}

extension Processor {
  /// Makes stores to the lines that MONITOR armed look again, after every processor was restored.
  func markMonitors() { connections.blocks.markMonitors() }
}
