/// Switches between threads and between processes, by the shortest ways there are, and locks.
///
/// Both sides run with the same real-time priority: who gives way then lets the other run, always.
import Apus
import UserSystem

enum SwitchCosts {
  static func measure() {
    Cost.measure("sched_yield with nobody else") { _ = Call.sched_yield() }
    guard setPolicy(1, 10).isSuccess else { return }
    Cost.show("switch to another thread of the process", betweenThreads())
    Cost.show("switch to another process", betweenProcesses())
    mutexes()
    _ = setPolicy(0, 0)
    Cost.show("a byte to another process by a pipe, and one back", pipeRoundTrip())
  }

  private static func setPolicy(_ policy: Int32, _ priority: Int32) -> Outcome {
    var priority = priority
    return withUnsafeBytes(of: &priority) { Call.sched_setscheduler(0, policy, $0.baseAddress) }
  }

  private static let rounds = 32

  /// Half of there and back; the other side gives way as often and then ends.
  private static func yields() -> UInt64 { Cost.least(rounds) { _ = Call.sched_yield() } / 2 }

  private static func betweenThreads() -> UInt64 {
    guard let other = try? Thread({ for _ in 0...rounds { _ = Call.sched_yield() } }) else {
      return 0
    }
    let ticks = yields()
    other.join()
    return ticks
  }

  private static func betweenProcesses() -> UInt64 {
    let pid = Cost.child { for _ in 0...rounds { _ = Call.sched_yield() } }
    let ticks = yields()
    Cost.wait(pid)
    return ticks
  }

  nonisolated(unsafe) private static var released: UInt64 = 0

  /// Held by one, wanted by the other, which therefore sleeps in the kernel; then handed over.
  private static func mutexes() {
    let mutex = Mutex()
    Cost.measure("mutex of a program, taken and released") {
      mutex.lock()
      mutex.unlock()
    }
    var least = UInt64.max
    let other = try? Thread({
      for _ in 0..<rounds {
        mutex.lock()
        least = min(least, rdtsc() - released)
        mutex.unlock()
        _ = Call.sched_yield()
      }
    })
    guard let other else { return }
    for _ in 0..<rounds {
      mutex.lock()
      _ = Call.sched_yield()
      released = rdtsc()
      mutex.unlock()
      _ = Call.sched_yield()
    }
    other.join()
    Cost.show("mutex of a program, to a thread that waits for it", least)
  }

  private static func pipeRoundTrip() -> UInt64 {
    guard let there = try? Descriptor.pipe(), let back = try? Descriptor.pipe() else { return 0 }
    let pid = Cost.child {
      var byte: UInt8 = 0
      for _ in 0..<rounds {
        _ = Call.read(there.reading.rawValue, &byte, 1)
        _ = Call.write(back.writing.rawValue, &byte, 1)
      }
    }
    var byte: UInt8 = 0
    let ticks = Cost.least(rounds) {
      _ = Call.write(there.writing.rawValue, &byte, 1)
      _ = Call.read(back.reading.rawValue, &byte, 1)
    }
    Cost.wait(pid)
    for pipe in [there, back] {
      try? pipe.reading.close()
      try? pipe.writing.close()
    }
    return ticks
  }
}
