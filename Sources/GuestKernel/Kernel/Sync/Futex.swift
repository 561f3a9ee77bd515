/// Fast user-space mutexes: a program changes a word of its memory by itself and calls the kernel only to
/// wait until somebody else has changed it, or to wake those who wait.
///
/// A waiter is noted before the word is read: whoever changes the word and then wakes either is
/// seen in the word or finds the note. Franke, Russell, Kirkwood: "Fuss, Futexes and Furwocks", 2002.
import KernelArch

enum Futex {
  /// Which word of memory: by address space and address, or for shared memory by its place in RAM.
  struct Key: Equatable {
    let space: UInt64
    let address: UInt64
  }

  private struct Waiter {
    var key: Key
    var isWoken = false
    var next: UnsafeMutablePointer<Waiter>?
  }

  private final class Bucket {
    let lock = SpinLock("futex")
    /// The oldest one (lock: `lock`).
    var first: UnsafeMutablePointer<Waiter>?
    let queue = WaitQueue()

    func append(_ waiter: UnsafeMutablePointer<Waiter>) {
      waiter.pointee.next = nil
      guard var last = first else { return first = waiter }
      while let next = last.pointee.next { last = next }
      last.pointee.next = waiter
    }

    func remove(_ waiter: UnsafeMutablePointer<Waiter>) {
      if first == waiter { return first = waiter.pointee.next }
      var at = first
      while let here = at {
        if here.pointee.next == waiter { return here.pointee.next = waiter.pointee.next }
        at = here.pointee.next
      }
    }
  }

  private static let buckets = {
    var buckets: [Bucket] = []
    for _ in 0..<64 { buckets.append(Bucket()) }
    return buckets
  }()

  /// Held by whoever locks a second bucket inside the first: only one may.
  private static let moving = SpinLock("futex move")

  private static func bucket(_ key: Key) -> Bucket {
    let mixed = (key.address >> 2 ^ key.space >> 4) &* 0x9e37_79b9_7f4a_7c15
    return buckets[Int(mixed >> 58)]
  }

  static func key(_ word: UInt64, isPrivate: Bool) throws(SystemFailure) -> Key {
    // Also brings the page in.
    guard UserMemory.read(word, count: 4) != nil, let process = Thread.current.process else {
      throw SystemFailure(.badAddress)
    }
    let root = process.space.tables.root.value
    if isPrivate { return Key(space: root, address: word) }
    let physical = process.space.translate(word)
    guard let physical else { throw SystemFailure(.badAddress) }
    return Key(space: 0, address: physical.value)
  }

  /// Waits if the word is still `value`.
  static func wait(
    _ key: Key, _ word: UInt64, _ value: UInt32, until deadline: UInt64?
  ) throws(SystemFailure) -> UInt64 {
    let bucket = bucket(key)
    var waiter = Waiter(key: key)
    let failure = withUnsafeMutablePointer(to: &waiter) { waiter -> SystemError? in
      bucket.lock.withLock { bucket.append(waiter) }
      guard isStill(word, value) else {
        return leave(waiter)
          ? nil : UserMemory.read(word, count: 4) == nil ? .badAddress : .tryAgain
      }
      // The bucket may change when the waiter is moved to another word.
      var result = WaitResult.done
      while !isWoken(waiter), result == .done {
        // Read once: moved in between, it would wait where nobody wakes it any more.
        let before = place(of: waiter)
        result = self.bucket(before).queue.wait(until: deadline) {
          isWoken(waiter) || waiter.pointee.key != before
        }
      }
      if leave(waiter) { return nil }
      return result == .timedOut ? .timedOut : .interrupted
    }
    if let failure { throw SystemFailure(failure) }
    return 0
  }

  private static func isStill(_ word: UInt64, _ value: UInt32) -> Bool {
    guard let bytes = UserMemory.read(word, count: 4) else { return false }
    return bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) } == value
  }

  @inline(never)
  private static func isWoken(_ waiter: UnsafeMutablePointer<Waiter>) -> Bool {
    waiter.pointee.isWoken
  }

  @inline(never)
  private static func place(of waiter: UnsafeMutablePointer<Waiter>) -> Key { waiter.pointee.key }

  /// Takes the note back; true when it has been used.
  private static func leave(_ waiter: UnsafeMutablePointer<Waiter>) -> Bool {
    while true {
      let key = waiter.pointee.key
      let bucket = bucket(key)
      let answer: Bool? = bucket.lock.withLock {
        guard waiter.pointee.key == key else { return nil }
        if !waiter.pointee.isWoken { bucket.remove(waiter) }
        return waiter.pointee.isWoken
      }
      if let answer { return answer }
    }
  }

  /// Wakes up to `most` waiters, the oldest first; moves up to `atMost` others to the word `rest`.
  @discardableResult
  static func wake(_ key: Key, most: Int, rest: Key? = nil, atMost: Int = 0) -> Int {
    let bucket = bucket(key)
    var woken = 0
    var moved: UnsafeMutablePointer<Waiter>?
    var movedCount = 0
    if rest != nil { moving.lock() }
    defer { if rest != nil { moving.unlock() } }
    bucket.lock.withLock {
      var at = bucket.first
      while let waiter = at {
        at = waiter.pointee.next
        guard waiter.pointee.key == key else { continue }
        if woken < most {
          bucket.remove(waiter)
          waiter.pointee.isWoken = true
          woken += 1
        } else if rest != nil, movedCount < atMost {
          bucket.remove(waiter)
          waiter.pointee.next = moved
          moved = waiter
          movedCount += 1
        }
      }
      if let rest, let first = moved { move(first, to: rest, from: bucket) }
    }
    if woken + movedCount > 0 { bucket.queue.wakeAll() }
    return woken + movedCount
  }

  /// The note and its place change together, under the lock of the bucket it goes to.
  private static func move(
    _ first: UnsafeMutablePointer<Waiter>, to key: Key, from old: Bucket
  ) {
    let target = bucket(key)
    var at: UnsafeMutablePointer<Waiter>? = first
    while let waiter = at {
      at = waiter.pointee.next
      if target !== old { target.lock.lock() }
      waiter.pointee.key = key
      target.append(waiter)
      if target !== old { target.lock.unlock() }
    }
  }
}
