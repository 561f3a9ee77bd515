/// The oldest race: two threads add to a counter, and updates get lost between reading and writing.
import KernelArch
import Synchronization

enum RaceDemo {
  private final class Counter {
    var value = 0
    let mutex = Mutex("demo counter")
  }

  private static let rounds = 100

  static func run() -> Bool {
    Demo.say("Two threads add 1 to a counter, 100 times each: read it, get interrupted, write it.")
    let without = Counter()
    add(without) { add in add() }
    var passed = Demo.check(
      without.value < 2 * rounds, "without a lock updates are lost: fewer than 200 arrive")
    passed = Demo.check(without.value >= rounds, "what one thread alone does is not lost") && passed
    let with = Counter()
    add(with) { add in with.mutex.withLock(add) }
    passed = Demo.check(with.value == 2 * rounds, "with a mutex all 200 arrive") && passed
    return inParallel() && passed
  }

  private static let lock = SpinLock("demo race")

  /// On two processors, and in memory that has a name, so that a checker outside can watch it.
  private static func inParallel() -> Bool {
    Demo.say("On two processors, if there are two, 500 times each: `race_counter` without a lock,")
    Demo.say("`race_counter_locked` under a spinlock. A checker need not wait for a lost update:")
    Demo.say("emu boot --cpus 2 --check locks --locks race_lock:race_unlock --shared race_counter")
    locked { atomic_store64(&race_counter_locked, 0) }
    let crew = Crew()
    for number in 0..<2 {
      crew.start("demo-race", on: number % CPU.count) {
        for _ in 0..<500 {
          increment(&race_counter)
          locked { increment(&race_counter_locked) }
          Thread.yield()
        }
      }
    }
    crew.join()
    var sum: UInt64 = 0
    locked { sum = atomic_load64(&race_counter_locked) }
    return Demo.check(sum == 1000, "under the spinlock all 1000 arrive")
  }

  /// Takes the lock and says so to the checker.
  private static func locked(_ body: () -> Void) {
    lock.withLockIRQ {
      let name = Unmanaged.passUnretained(lock).toOpaque()
      race_lock(name)
      body()
      race_unlock(name)
    }
  }

  @inline(never)
  private static func increment(_ counter: UnsafeMutablePointer<UInt64>) {
    let seen = atomic_load64(counter)
    cpu_pause()
    atomic_store64(counter, seen + 1)
  }

  private static func add(_ counter: Counter, _ guarded: @escaping (() -> Void) -> Void) {
    let crew = Crew()
    let cpu = Thread.current.cpu
    for _ in 0..<2 {
      crew.start("demo-race", on: cpu) {
        for _ in 0..<rounds {
          guarded {
            let seen = counter.value
            Thread.yield()
            counter.value = seen + 1
          }
        }
      }
    }
    crew.join()
  }
}

/// A counter of users that goes wrong on purpose.
enum ReferenceCountDemo {
  static func run() -> Bool {
    Demo.say("A count of users that overflows would free what is in use; this one saturates.")
    let before = ReferenceCount.faults.load(ordering: .relaxed)
    let count = ReferenceCount("demo")
    count.increment()
    var passed = Demo.check(!count.decrement() && count.decrement(), "the last one is told so")
    passed = Demo.check(!count.decrement(), "one decrement too many frees nothing") && passed
    passed =
      Demo.check(count.isSaturated, "the count is stuck from then on, on the safe side") && passed
    let full = ReferenceCount("demo", ReferenceCount.saturated / 2)
    full.increment()
    passed = Demo.check(full.isSaturated && !full.decrement(), "neither does an overflow") && passed
    let faults = ReferenceCount.faults.load(ordering: .relaxed) - before
    return Demo.check(faults == 2, "both are reported in the log: see dmesg") && passed
  }
}
