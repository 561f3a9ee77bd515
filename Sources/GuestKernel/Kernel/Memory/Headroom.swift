/// What keeps a program from stopping the kernel by taking all its memory: who makes something new, asks here first.
///
/// Swift's objects have no way to say that there was no memory for them, so theirs must never fail. All
/// that a program can make grow (its pages and tables, kernel stacks, contents of files and pipes) leaves
/// `Frames.minimum` frames free; objects may use those. Before each system call and at each page fault,
/// where nothing is held yet, whoever finds less than that waits until reclaim or the killer of processes
/// has brought it back. So the reserve only has to last for what the calls under way still need.
import KernelArch

enum Headroom {
  /// Whether there is room for something new that may not use the reserve.
  ///
  /// Larger objects need some frames in a row.
  static var isThere: Bool {
    let free = Frames.freeCount
    return free >= Frames.low || free >= Frames.minimum && Frames.hasFramesInARow
  }

  /// Waits until there is room, at a place where nothing is held; it is the caller's process that goes
  /// when it is the worst.
  @inline(__always)
  static func secure() {
    if !isThere { waitForRoom() }
  }

  @inline(never)
  private static func waitForRoom() {
    guard Reclaim.mayWait, let process = Scheduler.running?.process else { return }
    var rounds = 0
    while !isThere, !Thread.current.isDying, rounds < 1000 {
      rounds += 1
      let hasFound = Reclaim.makeRoom(max(1, Frames.minimum - Frames.freeCount))
      // What reclaim finds others may take: that must not go on for ever.
      if hasFound, rounds % 16 != 0 { continue }
      if OutOfMemory.killSomebody(insteadOf: process.space) { continue }
      return OutOfMemory.end(process)
    }
  }

  /// An object finds not even a reserve: where it may, the running thread waits before that is a fault.
  ///
  /// `attempt` is made again after each step, for as long as victims may need to end where others wait
  /// for the processors too.
  static func lastResort(
    _ attempt: () -> UnsafeMutableRawPointer?
  ) -> UnsafeMutableRawPointer? {
    guard Interrupts.areOn, Reclaim.mayWait, let thread = Scheduler.running,
      thread.state == .running
    else { return nil }
    MemoryStatistics.count(.allocationFailures)
    let end = Clock.nanoseconds + 20_000_000_000
    while Clock.nanoseconds < end {
      if !Reclaim.makeRoom(1), let space = thread.process?.space {
        _ = OutOfMemory.killSomebody(insteadOf: space)
      }
      if let memory = attempt() { return memory }
      Thread.sleep(nanoseconds: 10_000_000)
    }
    return nil
  }
}
