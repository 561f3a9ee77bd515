/// What a debugger needs of a machine, beside running it.
extension Machine {
  /// Linear addresses of instructions before which a run stops, on every processor.
  public var breakpoints: Set<UInt64> {
    get { processor.breakpoints }
    set { processor.breakpoints = newValue }
  }

  /// Bytes whose accesses stop a run, behind the instruction.
  public var watchpoints: [Watchpoint] {
    get { processor.watchpoints }
    set { processor.watchpoints = newValue }
  }

  /// Whether the instruction that comes next has a breakpoint.
  package var isAtBreakpoint: Bool { processor.cpu.isAtBreakpoint }

  /// Makes the run stop at the next boundary, as at a breakpoint; for observers.
  package func stopSoon() {
    requests.isDebuggerStop = true
    processor.cpu.requestStop()
  }

  /// The numbers of the pages of RAM written since the last snapshot, or the last restored one.
  package var writtenPages: Set<Int> { memory.writtenPages }

  /// Bytes that pages of all the machine's snapshots take.
  package var snapshotBytes: Int { memory.snapshotBytes }

  /// The numbers of the pages of RAM that a range of physical addresses touches.
  package func ramPages(_ address: UInt64, count: UInt64) -> [Int] {
    stride(from: address & ~0xFFF, to: address &+ max(count, 1), by: 4096).compactMap {
      memory.ram.writableOffset(of: PhysicalAddress($0)).map { $0 >> 12 }
    }
  }

  /// Whether `requestStop` was called and no run has noticed; it is noticed hereby.
  package func takeStopRequest() -> Bool {
    requests.isStopRequested.exchange(false, ordering: .relaxed)
  }

  /// Whether the machine is what it was when a snapshot was taken: for finding out that it is
  /// not, so pages that were not written since the last snapshot are taken as the same.
  package func matches(_ snapshot: MachineSnapshot) -> Bool {
    guard instructionCount == snapshot.instructionCount, now == snapshot.now,
      zip(processors, snapshot.processors).allSatisfy({ $0.matches($1) })
    else { return false }
    return memory.matches(snapshot.memory)
  }
}

extension CPU {
  /// The linear address of the instruction that comes next.
  public var instructionPointer: LinearAddress { codeAddress(state.pointee.rip) }
}
