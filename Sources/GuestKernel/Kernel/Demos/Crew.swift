/// The threads of a demonstration: started together, waited for together.
import KernelArch

final class Crew {
  private let ended = Semaphore(0)
  private var count = 0

  func start(
    _ name: StaticString, on cpu: Int? = nil, policy: SchedulingPolicy = .other,
    priority: Int = 0, nice: Int = 0, group: SchedulingGroup? = nil, _ body: @escaping () -> Void
  ) {
    let ended = ended
    let thread = Thread.trySpawn(
      [UInt8](text: name),
      configure: { thread in
        if policy != .other { thread.setPolicy(policy, priority: priority) }
        if nice != 0 { thread.setNice(nice) }
        if let group { thread.setGroup(group) }
        if let cpu { _ = thread.setAffinity(1 << UInt64(cpu)) }
      },
      {
        body()
        ended.post()
      })
    if thread != nil { count += 1 }
  }

  func join() {
    while count > 0 {
      ended.wait()
      count -= 1
    }
  }
}

/// What threads of demonstrations do when they have nothing to do but use the processor.
enum Busy {
  /// Until that time.
  @inline(never)
  static func spin(until deadline: UInt64) { while Clock.nanoseconds < deadline { cpu_pause() } }

  /// For that much of the processor's time, however long it takes.
  ///
  /// Returns the longest hole: time that passed while the thread had the processor, but the processor
  /// did nothing, because a host had given its own to somebody else.
  @inline(never)
  @discardableResult
  static func spin(ownTime: UInt64) -> UInt64 {
    let thread = Thread.current
    var last = thread.processorTime
    let end = last + ownTime
    var hole: UInt64 = 0
    while last < end {
      cpu_pause()
      let now = thread.processorTime
      hole = max(hole, now - last)
      last = now
    }
    return hole
  }

  /// Runs `body` with the caller on one processor and before all of `priority` and less.
  static func onOneProcessor(
    priority: Int = 95, _ body: (Int) -> Bool
  ) -> Bool {
    let thread = Thread.current
    let affinity = thread.affinity
    let cpu = thread.cpu
    _ = thread.setAffinity(1 << UInt64(cpu))
    thread.setPolicy(.fifo, priority: priority)
    let passed = body(cpu)
    thread.setPolicy(.other)
    _ = thread.setAffinity(affinity)
    return passed
  }
}
