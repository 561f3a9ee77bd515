/// Who gets how much of a processor: each class shown against others.
import KernelArch

enum NiceDemo {
  static func run() -> Bool {
    Demo.say("Two threads that never wait, on one processor, nice 0 and nice 5: 1024 to 335.")
    var passed = Demo.check(
      Demo.attempt {
        let shares = Shares.measure(milliseconds: 120, [0, 5])
        return shares[0] > 2 * shares[1] && shares[0] < 5 * shares[1]
      }, "the first gets about three times as much")
    Demo.say("Three threads, nice 0, 0 and -5 (weights 1024, 1024, 3121):")
    passed =
      Demo.check(
        Demo.attempt {
          let three = Shares.measure(milliseconds: 120, [0, 0, -5])
          let (low, high) = (min(three[0], three[1]), max(three[0], three[1]))
          return three[2] > low + high && high - low < high / 2
        }, "the third gets more than both others together, and those about the same") && passed
    return passed
  }
}

/// How much each of some competing threads has run.
enum Shares {
  static func measure(
    milliseconds: UInt64, _ nices: [Int], groups: [SchedulingGroup?] = []
  ) -> [UInt64] {
    let results = UnsafeMutablePointer<UInt64>.allocate(capacity: nices.count)
    results.initialize(repeating: 0, count: nices.count)
    defer { results.deallocate() }
    let crew = Crew()
    _ = Busy.onOneProcessor { cpu in
      let end = Clock.nanoseconds + milliseconds * 1_000_000
      for (index, nice) in nices.enumerated() {
        crew.start("demo-share", on: cpu, nice: nice, group: groups.isEmpty ? nil : groups[index]) {
          Busy.spin(until: end)
          results[index] = Thread.current.processorTime
        }
      }
      return true
    }
    crew.join()
    return [UInt64](UnsafeBufferPointer(start: results, count: nices.count))
  }
}

/// Real-time threads against fair ones.
enum RealTimeDemo {
  private final class Order {
    private let lock = SpinLock("demo order")
    private(set) var names: [UInt8] = []
    func note(_ name: UInt8) { lock.withLock { names.append(name) } }
    init() { names.reserveCapacity(16) }
  }

  static func run() -> Bool {
    let order = Order()
    let crew = Crew()
    Demo.say("On one processor: F (fair), then L (FIFO 10), then H (FIFO 80); each wants 8 ms.")
    _ = Busy.onOneProcessor { cpu in
      crew.start("demo-fair", on: cpu) {
        Busy.spin(ownTime: 8_000_000)
        order.note(0x46)
      }
      crew.start("demo-low", on: cpu, policy: .fifo, priority: 10) {
        Busy.spin(ownTime: 8_000_000)
        order.note(0x4c)
      }
      crew.start("demo-high", on: cpu, policy: .fifo, priority: 80) {
        Busy.spin(ownTime: 8_000_000)
        order.note(0x48)
      }
      return true
    }
    crew.join()
    return Demo.check(
      order.names.equals("HLF"), "they end in the order H, L, F: FIFO starves everybody below it")
  }
}

/// Earliest deadline first, with a thread that would like to have everything.
enum DeadlineDemo {
  static func run() -> Bool {
    Demo.say(
      "Promised: 3 ms in every 10, and 8 ms in every 20; a fair thread takes all it can get.")
    var result: Bool?
    for _ in 0..<4 where result != true { result = meetsDeadlines() }
    var passed = true
    if let result {
      passed = Demo.check(
        result, "both ran once in each of their periods, and missed no deadline")
    } else {
      Demo.say("A host took this processor away for longer than a deadline allows: not judged.")
    }
    passed =
      Demo.check(refusesTooMuch(), "98 % of every processor, and once more, is not promised")
      && passed
    return passed
  }

  /// Both threads run for 100 ms; true when neither was ever late, nil when the processor itself was.
  private static func meetsDeadlines() -> Bool? {
    let largestHole: UInt64 = 300_000
    let runs = UnsafeMutablePointer<UInt64>.allocate(capacity: 7)
    runs.initialize(repeating: 0, count: 7)
    defer { runs.deallocate() }
    let crew = Crew()
    _ = Busy.onOneProcessor { cpu in
      let end = Clock.nanoseconds + 100_000_000
      crew.start("demo-hog", on: cpu) {
        while Clock.nanoseconds < end { runs[6] = max(runs[6], Busy.spin(ownTime: 100_000)) }
      }
      let promises: [(UInt64, UInt64)] = [(3_000_000, 10_000_000), (8_000_000, 20_000_000)]
      for (index, promise) in promises.enumerated() {
        crew.start("demo-edf", on: cpu, policy: .fifo, priority: 90) {
          let isAdmitted = Thread.current.setDeadline(
            DeadlineParameters(runtime: promise.0, deadline: promise.1, period: promise.1))
          let begin = Clock.nanoseconds
          while isAdmitted, Clock.nanoseconds < end {
            runs[index + 4] = max(runs[index + 4], Busy.spin(ownTime: promise.0 * 2 / 3))
            let jobs = runs[index] + 1
            // The job was to be done by the end of its period.
            if Clock.nanoseconds > begin + (jobs + 1) * promise.1 { runs[index + 2] += 1 }
            runs[index] = jobs
            Thread.yield()
          }
          Thread.current.setPolicy(.other)
        }
      }
      return true
    }
    crew.join()
    if runs[0] >= 8, runs[1] >= 4, runs[2] == 0, runs[3] == 0 { return true }
    return max(runs[4], runs[5], runs[6]) > largestHole ? nil : false
  }

  /// One more thread than there are processors asks for nearly all of one.
  private static func refusesTooMuch() -> Bool {
    let tooMuch = DeadlineParameters(
      runtime: 64_000_000, deadline: 65_000_000, period: 65_000_000)
    let askers = Crew()
    let done = Completion()
    let counted = Semaphore(0)
    for _ in 0..<CPU.count + 1 {
      askers.start("demo-asker") {
        if Thread.current.setDeadline(tooMuch) { counted.post() }
        done.wait()
        Thread.current.setPolicy(.other)
      }
    }
    Thread.sleep(nanoseconds: 20_000_000)
    done.completeAll()
    askers.join()
    return counted.value < CPU.count + 1
  }
}

/// Groups: first the groups share, then their threads; and a group with a quota stops when it is used up.
enum GroupDemo {
  static func run() -> Bool {
    Demo.say("Group A has one thread, group B three; all want one processor.")
    let a = SchedulingGroups.make([UInt8](text: "demo-a"))
    let b = SchedulingGroups.make([UInt8](text: "demo-b"))
    var passed = Demo.check(
      Demo.attempt {
        let shares = Shares.measure(
          milliseconds: 120, [0, 0, 0, 0], groups: [a, b, b, b])
        let rest = shares[1] + shares[2] + shares[3]
        return shares[0] > rest / 2 && shares[0] < rest * 2
      }, "A's one thread gets as much as B's three")
    Demo.say("Now A may use 20 ms of every 100, and B nothing but what is left.")
    a.setQuota(20_000_000, period: 100_000_000)
    let limited = Shares.measure(milliseconds: 250, [0, 0], groups: [a, b])
    passed =
      Demo.check(
        limited[0] >= 30_000_000 && limited[0] <= 80_000_000,
        "in 250 ms A has had its portions and no more") && passed
    passed = Demo.check(limited[1] > 2 * limited[0], "and B the rest") && passed
    passed = Demo.check(a.throttles > 0, "A was stopped and let go again") && passed
    SchedulingGroups.remove(a)
    SchedulingGroups.remove(b)
    return passed
  }
}

/// Priority inversion, and its cure.
enum InversionDemo {
  private final class Story {
    let lock = SpinLock("demo story")
    var events: [UInt8] = []
    var isMediumReady: UInt32 = 0
    func note(_ event: UInt8) { lock.withLock { events.append(event) } }
    init() { events.reserveCapacity(16) }
  }

  static func run() -> Bool {
    Demo.say(
      "L (FIFO 10) holds a mutex that H (FIFO 80) wants; M (FIFO 40) wants only the processor.")
    let inverted = play(Mutex("demo plain", inherits: false))
    var passed = Demo.check(
      inverted.equals("MH"),
      "without inheritance M runs first: H waits for M, which it never heard of")
    let cured = play(Mutex("demo inheriting"))
    passed =
      Demo.check(
        cured.equals("HM"), "with inheritance L runs at 80 until it unlocks, then H, then M")
      && passed
    return passed
  }

  /// The order in which H and M got done.
  private static func play(_ mutex: Mutex) -> [UInt8] {
    let story = Story()
    let crew = Crew()
    _ = Busy.onOneProcessor { cpu in
      let isHeld = Completion()
      crew.start("demo-low", on: cpu, policy: .fifo, priority: 10) {
        mutex.lock()
        isHeld.complete()
        // L is not done with it before M is ready.
        while atomic_load32(&story.isMediumReady) == 0 { cpu_pause() }
        mutex.unlock()
      }
      isHeld.wait()
      crew.start("demo-high", on: cpu, policy: .fifo, priority: 80) {
        mutex.withLock {}
        story.note(0x48)
      }
      while !mutex.hasWaiters { Thread.sleep(nanoseconds: 200_000) }
      crew.start("demo-medium", on: cpu, policy: .fifo, priority: 40) {
        Busy.spin(ownTime: 2_000_000)
        story.note(0x4d)
      }
      atomic_store32(&story.isMediumReady, 1)
      return true
    }
    crew.join()
    return story.events
  }
}

/// Threads spread over the processors, and threads that must not.
enum AffinityDemo {
  static func run() -> Bool {
    Demo.say("Twice as many threads as processors, none tied to any, all started from here.")
    let used = AtomicBits(count: CPU.capacity)
    let crew = Crew()
    // A host with other work may not run a virtual processor for a while.
    let end = Clock.nanoseconds + 10_000_000_000
    for _ in 0..<2 * CPU.count {
      crew.start("demo-free") {
        while !hasAll(used), Clock.nanoseconds < end {
          used.set(Preemption.off { CPU.current.index })
          cpu_pause()
        }
      }
    }
    crew.join()
    var passed = Demo.check(hasAll(used), "every processor has run some of them")
    Demo.say("A thread for each processor, tied to it, that sleeps and wakes.")
    let strays = AtomicBits(count: CPU.capacity)
    for cpu in 0..<CPU.count {
      crew.start("demo-tied", on: cpu) {
        for _ in 0..<20 {
          if Preemption.off({ CPU.current.index }) != cpu { strays.set(cpu) }
          Thread.sleep(nanoseconds: 300_000)
        }
      }
    }
    crew.join()
    let strayed = (0..<CPU.count).contains { strays[$0] }
    passed = Demo.check(!strayed, "none of them was ever seen elsewhere") && passed
    var moved = true
    let affinity = Thread.current.affinity
    for cpu in 0..<CPU.count {
      _ = Thread.current.setAffinity(1 << UInt64(cpu))
      moved = Thread.current.cpu == cpu && moved
    }
    _ = Thread.current.setAffinity(affinity)
    used.deallocate()
    strays.deallocate()
    return Demo.check(moved, "this thread has asked to run on each in turn, and did") && passed
  }

  private static func hasAll(_ processors: AtomicBits) -> Bool {
    (0..<CPU.count).allSatisfy { processors[$0] }
  }
}
