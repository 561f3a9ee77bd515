/// Three small things about locks: against softirqs, by bits, and counted.
import KernelArch

/// A lock that tasklets take too must keep them off the processor.
enum BottomHalvesDemo {
  private static let lock = SpinLock("demo halves")

  static func run() -> Bool {
    let ran = AtomicBits(count: 1)
    defer { ran.deallocate() }
    let tasklet = Tasklet { ran.set(0) }
    let timer = Timer { _ in tasklet.schedule() }
    Demo.say("An interrupt schedules a tasklet while a thread holds a spinlock.")
    let inside = lock.withLock {
      timer.start(after: 100_000)
      return isSet(ran, within: 20_000_000)
    }
    var passed = Demo.check(
      inside, "`withLock`: it ran there and then. Had it wanted the lock, it would wait for ever")
    ran.clear(0)
    let insideBH = lock.withLockBH {
      timer.start(after: 100_000)
      return isSet(ran, within: 2_000_000)
    }
    passed =
      Demo.check(!insideBH, "`withLockBH`: the interrupt came, but the tasklet had to wait")
      && passed
    passed =
      Demo.check(isSet(ran, within: 20_000_000), "and ran as soon as the lock was given back")
      && passed
    tasklet.kill()
    return passed
  }

  private static func isSet(_ bits: AtomicBits, within time: UInt64) -> Bool {
    let end = Clock.nanoseconds + time
    while Clock.nanoseconds < end, !bits[0] { cpu_pause() }
    return bits[0]
  }
}

/// Bits that are set and cleared by one indivisible instruction.
enum BitsDemo {
  static func run() -> Bool {
    Demo.say("A map of 256 bits. Four threads claim free ones, 64 each, without a lock.")
    let map = AtomicBits(count: 256)
    let owners = UnsafeMutablePointer<UInt32>.allocate(capacity: 256)
    owners.initialize(repeating: 0, count: 256)
    defer {
      map.deallocate()
      owners.deallocate()
    }
    let crew = Crew()
    for number in 0..<4 {
      crew.start("demo-bits", on: number % CPU.count) {
        for _ in 0..<64 {
          guard let bit = map.claim() else { return }
          _ = atomic_add32(owners + bit, 1)
          Thread.yield()
        }
      }
    }
    crew.join()
    var isExact = true
    for bit in 0..<256 where owners[bit] != 1 || !map[bit] { isExact = false }
    var passed = Demo.check(isExact, "every bit has been claimed once, and by one thread only")
    passed = Demo.check(map.claim() == nil, "there is none left") && passed
    passed =
      Demo.check(
        map.clear(7) && !map.clear(7), "clearing says whether the bit was set: one of two is first")
      && passed
    return Demo.check(map.claim() == 7, "and that one can be claimed again") && passed
  }
}

/// What locks cost, counted by class while the kernel runs.
enum LockStatisticsDemo {
  static func run() -> Bool {
    let wasOn = LockStatistics.isOn
    LockStatistics.start()
    defer { if !wasOn { LockStatistics.stop() } }
    Demo.say("Counting is on, as after `echo 1 > /proc/locks`. Two threads take a mutex 50 times")
    Demo.say("each, and let the other run while they have it.")
    let mutex = Mutex("demo counted")
    let before = LockStatistics.row(of: mutex.name)
    let crew = Crew()
    let cpu = Thread.current.cpu
    for _ in 0..<2 {
      crew.start("demo-counted", on: cpu) {
        for _ in 0..<50 { mutex.withLock { Thread.yield() } }
      }
    }
    crew.join()
    let after = LockStatistics.row(of: mutex.name)
    var passed = Demo.check(
      after.acquisitions - before.acquisitions == 100, "taken 100 times: the table says so")
    passed =
      Demo.check(after.contentions > before.contentions, "and that somebody had to wait for it")
      && passed
    return Demo.check(
      after.held > before.held && after.longest > 0 && after.longest <= after.held,
      "how long it was held, altogether and at most: see /proc/locks") && passed
  }
}
