/// The policies that differ from their neighbours in one point each: round robin, batch, idle.
import KernelArch

/// Equals in real time: with round robin they take turns, with FIFO they do not.
enum RoundRobinDemo {
  private final class Order {
    private let lock = SpinLock("demo order")
    private(set) var names: [UInt8] = []

    init() { names.reserveCapacity(16) }

    /// Notes who has the processor, when that has changed.
    func note(_ name: UInt8) {
      lock.withLock { if names.last != name, names.count < 16 { names.append(name) } }
    }
  }

  static func run() -> Bool {
    Demo.say("A and B, both real time with priority 50, on one processor. First FIFO, 8 ms each:")
    var passed = Demo.check(
      order(.fifo, milliseconds: 8).equals("AB"), "A runs until it is done, then B")
    Demo.say("Now round robin, 130 ms each; a turn is 100 ms:")
    passed =
      Demo.check(
        Demo.attempt { order(.roundRobin, milliseconds: 130).equals("ABAB") },
        "A has a turn, B has a turn, then A its rest and B its rest") && passed
    return passed
  }

  private static func order(_ policy: SchedulingPolicy, milliseconds: UInt64) -> [UInt8] {
    let order = Order()
    let crew = Crew()
    _ = Busy.onOneProcessor { cpu in
      for name in [0x41, 0x42] as [UInt8] {
        crew.start("demo-turns", on: cpu, policy: policy, priority: 50) {
          // Under a host that is busy itself all of the time may pass before the first look.
          repeat {
            order.note(name)
            Busy.spin(ownTime: 500_000)
          } while Thread.current.processorTime < milliseconds * 1_000_000
        }
      }
      return true
    }
    crew.join()
    return order.names
  }
}

/// How soon somebody who wakes gets the processor from one who is busy.
private enum Latency {
  /// The shortest and the longest of six waits, from being woken to running, in microseconds.
  ///
  /// By the scheduler's own account: when the timer comes is another matter.
  static func measure(
    sleeper: SchedulingPolicy, nice: Int = 0, busy: SchedulingPolicy
  ) -> (shortest: UInt64, longest: UInt64) {
    let crew = Crew()
    var waits: (shortest: UInt64, longest: UInt64) = (.max, 0)
    var isOver: UInt32 = 0
    withUnsafeMutablePointer(to: &waits) { waits in
      withUnsafeMutablePointer(to: &isOver) { isOver in
        _ = Busy.onOneProcessor { cpu in
          crew.start("demo-busy", on: cpu, policy: busy) {
            while atomic_load32(isOver) == 0 { cpu_pause() }
          }
          crew.start("demo-sleeper", on: cpu, policy: sleeper, nice: nice) {
            let entity = Thread.current.entity
            for _ in 0..<6 {
              let before = entity.pointee.waitTime
              Thread.sleep(nanoseconds: 4_000_000)
              let wait = (entity.pointee.waitTime - before) / 1000
              waits.pointee.shortest = min(waits.pointee.shortest, wait)
              waits.pointee.longest = max(waits.pointee.longest, wait)
            }
            atomic_store32(isOver, 1)
          }
          return true
        }
        crew.join()
      }
    }
    return waits
  }
}

/// Batch: fair shares, but no hurry.
enum BatchDemo {
  static func run() -> Bool {
    Demo.say("One thread computes; another sleeps 4 ms at a time, on the same processor.")
    var passed = true
    passed =
      Demo.check(
        Demo.attempt { Latency.measure(sleeper: .other, busy: .other).shortest < 1000 },
        "an ordinary sleeper has earned its turn: it gets the processor as soon as it wakes")
      && passed
    passed =
      Demo.check(
        Demo.attempt { Latency.measure(sleeper: .batch, busy: .other).longest > 2000 },
        "of the policy batch it waits until the other's turn is over: fewer switches, same share")
      && passed
    return passed
  }
}

/// Idle: what nobody else wants.
enum IdlePolicyDemo {
  static func run() -> Bool {
    Demo.say("Two threads that never wait: one of the policy idle, one ordinary of nice 19.")
    var passed = Demo.check(
      Demo.attempt {
        let shares = measure()
        return shares.ordinary > 2 * shares.idle && shares.idle > 0
      }, "weight 3 against 15: the idle one gets a sixth of the time, but is not starved")
    passed =
      Demo.check(
        Demo.attempt { Latency.measure(sleeper: .other, nice: 19, busy: .idle).shortest < 1000 },
        "and whoever wakes takes the processor from it at once, even with nice 19") && passed
    return passed
  }

  private static func measure() -> (idle: UInt64, ordinary: UInt64) {
    let crew = Crew()
    let times = UnsafeMutablePointer<UInt64>.allocate(capacity: 2)
    times.initialize(repeating: 0, count: 2)
    defer { times.deallocate() }
    _ = Busy.onOneProcessor { cpu in
      let end = Clock.nanoseconds + 150_000_000
      crew.start("demo-idle", on: cpu, policy: .idle) {
        Busy.spin(until: end)
        times[0] = Thread.current.processorTime
      }
      crew.start("demo-nice", on: cpu, nice: 19) {
        Busy.spin(until: end)
        times[1] = Thread.current.processorTime
      }
      return true
    }
    crew.join()
    return (times[0], times[1])
  }
}
