/// What the kernel's own steps cost: /proc/costs measures when it is read.
///
/// Each is the least of several tries by the time-stamp counter, without the counter's own cost. In `emu`
/// with one processor the counter counts instructions, so that the figures are exact. The program `costs`
/// adds what can be measured from ring 3.
import KernelArch

enum KernelCosts {
  static func start() {
    ProcFS.add("costs") { text in
      let none = least {}
      for (name, measure) in all { text.append("\(name)\t\(measure() - none)\n") }
    }
  }

  private static let spinLock = SpinLock("costs")
  private static let mutex = Mutex("costs")

  private static var all: [(StaticString, () -> UInt64)] {
    [
      ("null interrupt, in the kernel", { least { raise_spurious_interrupt() } }),
      ("spinlock, taken and released", { least { spinLock.withLock {} } }),
      ("mutex, taken and released", { least { mutex.withLock {} } }),
      (
        "kmalloc of 64 bytes, and its release",
        {
          least {
            if let object = Kmalloc.allocate(64) { Kmalloc.release(object) }
          }
        }
      ),
      (
        "a page of memory, and its release",
        {
          least {
            if let page = Frames.allocate(order: 0, []) { Frames.release(page) }
          }
        }
      ),
      ("switch to another kernel thread", threadSwitch),
      (
        "a kernel thread: start, end, join",
        {
          least(8) {
            let crew = Crew()
            crew.start("costs") {}
            crew.join()
          }
        }
      ),
    ]
  }

  @inline(never)
  private static func least(_ tries: Int = 16, _ body: () -> Void) -> UInt64 {
    var best = UInt64.max
    for _ in 0..<tries {
      let start = rdtsc()
      body()
      best = min(best, rdtsc() - start)
    }
    return best
  }

  /// Two real-time threads of one processor give way to each other: half of there and back.
  private static func threadSwitch() -> UInt64 {
    var best = UInt64.max
    // Before them while both are being started, so that neither runs alone.
    _ = Busy.onOneProcessor { cpu in
      let crew = Crew()
      for isMeasuring in [true, false] {
        crew.start("costs", on: cpu, policy: .fifo, priority: 50) {
          let least = Self.least(32) { Thread.yield() }
          if isMeasuring { best = least }
        }
      }
      crew.join()
      return true
    }
    return best / 2
  }
}
