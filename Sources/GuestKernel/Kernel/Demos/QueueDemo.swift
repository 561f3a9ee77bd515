/// Producers and consumers, readers and writers: the classical problems with the classical solutions.
import KernelArch

enum ProducerConsumerDemo {
  private static let size = 4
  private static let items = 150

  private final class Buffer {
    let empty = Semaphore(ProducerConsumerDemo.size)
    let full = Semaphore(0)
    let mutex = Mutex("demo buffer")
    var slots: [Int] = []
    var mostUsed = 0
    var sum = 0
    var taken = 0

    init() { slots.reserveCapacity(ProducerConsumerDemo.size + 1) }
  }

  static func run() -> Bool {
    Demo.say("Three producers, two consumers, a buffer of four slots.")
    Demo.say("One semaphore counts the empty slots, one the full ones, a mutex guards the buffer.")
    let buffer = Buffer()
    let crew = Crew()
    for producer in 0..<3 {
      crew.start("demo-producer") {
        for item in 0..<items {
          buffer.empty.wait()
          buffer.mutex.withLock {
            buffer.slots.append(producer * items + item)
            buffer.mostUsed = max(buffer.mostUsed, buffer.slots.count)
          }
          buffer.full.post()
        }
      }
    }
    let total = 3 * items
    for share in [total / 3, total - total / 3] {
      crew.start("demo-consumer") {
        for _ in 0..<share {
          buffer.full.wait()
          buffer.mutex.withLock {
            buffer.sum += buffer.slots.removeFirst()
            buffer.taken += 1
          }
          buffer.empty.post()
        }
      }
    }
    crew.join()
    var passed = Demo.check(buffer.taken == total, "all 450 items have come through")
    passed =
      Demo.check(buffer.sum == total * (total - 1) / 2, "each exactly once, as their sum says")
      && passed
    return Demo.check(
      buffer.mostUsed <= size && buffer.slots.isEmpty, "the buffer never held more than four")
      && passed
  }
}

enum ReadersWritersDemo {
  private final class Book {
    let lock = RWLock("demo book")
    let inside = Mutex("demo inside")
    var first = 0
    var second = 0
    var readers = 0
    var mostReaders = 0
    var torn = 0
  }

  static func run() -> Bool {
    Demo.say("Four readers and two writers. A writer changes two numbers, one after the other.")
    let book = Book()
    let crew = Crew()
    for _ in 0..<4 {
      crew.start("demo-reader") {
        for _ in 0..<20 {
          book.lock.withReadLock {
            book.inside.withLock {
              book.readers += 1
              book.mostReaders = max(book.mostReaders, book.readers)
            }
            if book.first != book.second { book.torn += 1 }
            Thread.sleep(nanoseconds: 200_000)
            book.inside.withLock { book.readers -= 1 }
          }
        }
      }
    }
    for _ in 0..<2 {
      crew.start("demo-writer") {
        for _ in 0..<20 {
          book.lock.withWriteLock {
            book.first += 1
            Thread.yield()
            if book.readers != 0 { book.torn += 1 }
            book.second += 1
          }
        }
      }
    }
    crew.join()
    var passed = Demo.check(book.torn == 0, "no reader saw one number without the other")
    passed =
      Demo.check(book.mostReaders >= 2, "readers were inside at the same time") && passed
    return Demo.check(
      book.first == 40 && book.second == 40,
      "the writers were alone, and none of 40 updates is lost")
      && passed
  }
}

/// Readers without locks: what they read stays until all of them are through.
enum RCUDemo {
  private struct Node {
    var value: Int
    var twice: Int
    var isFreed = false
  }

  private final class Published {
    var address: UInt64 = 0
    var mustStop: UInt32 = 0
    var wrong: UInt64 = 0
    var reads: UInt64 = 0
  }

  static func run() -> Bool {
    Demo.say(
      "A writer publishes new copies of a record; three readers follow the pointer, no lock taken.")
    let published = Published()
    published.address = make(0)
    let crew = Crew()
    for _ in 0..<3 {
      crew.start("demo-rcu") { read(published) }
    }
    let before = RCU.gracePeriods
    for value in 1...20 {
      let old = published.address
      atomic_store64(&published.address, make(value))
      Thread.sleep(nanoseconds: 100_000)
      RCU.synchronize()
      node(old).pointee.isFreed = true
      node(old).pointee.twice = -1
      node(old).deallocate()
    }
    atomic_store32(&published.mustStop, 1)
    crew.join()
    node(published.address).deallocate()
    var passed = Demo.check(
      RCU.gracePeriods - before >= 20, "20 copies, each freed after a grace period of its own")
    passed = Demo.check(published.reads > 0, "the readers were busy all the time") && passed
    return Demo.check(
      published.wrong == 0, "none of them ever saw a copy that was freed or half written") && passed
  }

  private static func read(_ published: Published) {
    while atomic_load32(&published.mustStop) == 0 {
      let isGood = RCU.read {
        let node = node(atomic_load64(&published.address))
        for _ in 0..<50 where node.pointee.twice != 2 * node.pointee.value { return false }
        return !node.pointee.isFreed
      }
      _ = atomic_add64(&published.reads, 1)
      if !isGood { _ = atomic_add64(&published.wrong, 1) }
      Thread.yield()
    }
  }

  private static func make(_ value: Int) -> UInt64 {
    let node = UnsafeMutablePointer<Node>.allocate(capacity: 1)
    node.initialize(to: Node(value: value, twice: 2 * value))
    return UInt64(UInt(bitPattern: node))
  }

  private static func node(_ address: UInt64) -> UnsafeMutablePointer<Node> {
    pointer_to(address).assumingMemoryBound(to: Node.self)
  }
}

/// Two numbers that belong together, read without keeping the writer out.
enum SeqLockDemo {
  private final class Pair {
    let lock = SeqLock("demo seqlock")
    var first: UInt64 = 0
    var second: UInt64 = 0
    var mustStop: UInt32 = 0
    var torn: UInt64 = 0
  }

  static func run() -> Bool {
    Demo.say(
      "A writer keeps two numbers equal, 2000 times; readers copy both and check the sequence.")
    let pair = Pair()
    let crew = Crew()
    for _ in 0..<2 {
      crew.start("demo-seqlock") {
        while atomic_load32(&pair.mustStop) == 0 {
          let copy = pair.lock.read { (atomic_load64(&pair.first), atomic_load64(&pair.second)) }
          if copy.0 != copy.1 { _ = atomic_add64(&pair.torn, 1) }
          Thread.yield()
        }
      }
    }
    for value in 1...2000 as ClosedRange<UInt64> {
      pair.lock.write {
        atomic_store64(&pair.first, value)
        atomic_store64(&pair.second, value)
      }
    }
    atomic_store32(&pair.mustStop, 1)
    crew.join()
    let last = pair.lock.read { pair.first }
    return Demo.check(
      pair.torn == 0, "no reader ever used two numbers that did not belong together")
      && Demo.check(last == 2000, "and the writer never waited for one")
  }
}
