/// The blocking queue device, and what happens to a queue without its semaphore.
enum QueueDeviceDemo {
  static func run() -> Bool {
    do throws(SystemFailure) {
      let passed = try device()
      return race() && passed
    } catch {
      return Demo.check(false, "no step fails (this one: \(error.error.name))")
    }
  }

  private static func open(_ flags: OpenFlags) throws(SystemFailure) -> OpenFile {
    try Namespace.open([UInt8](text: "/dev/queue3"), flags, permissions: 0, nil)
  }

  private static func device() throws(SystemFailure) -> Bool {
    let writer = try open(.writeOnly)
    let reader = try open(.readOnly)
    let impatient = try open([.readWrite, .nonBlocking])
    defer {
      writer.drop()
      reader.drop()
      impatient.drop()
    }
    _ = try impatient.control(QueueDevice.clear, 0)
    _ = try impatient.control(QueueDevice.resize, 8)
    Demo.say("/dev/queue3 has room for 8 bytes. A thread writes 24, and must wait twice.")
    let done = Completion()
    Thread.spawn("writer") {
      do throws(SystemFailure) {
        for _ in 0..<3 { try FileBytes.write([UInt8](text: "12345678"), to: writer) }
      } catch {}
      done.complete()
    }
    while impatient.poll(nil).contains(.writable) { Thread.sleep(nanoseconds: 1_000_000) }
    var passed = Demo.check(
      !done.isDone && impatient.poll(nil) == .readable, "the queue is full, the writer waits")
    do throws(SystemFailure) {
      try FileBytes.write([0], to: impatient)
    } catch {
      passed =
        Demo.check(error.error == .tryAgain, "with O_NONBLOCK: \(error.error.symbol)") && passed
    }
    var bytes: [UInt8] = []
    while bytes.count < 24 { bytes += try FileBytes.read(100, from: reader) }
    done.wait()
    passed =
      Demo.check(
        bytes.equals("123456781234567812345678"), "a reader lets it go on: 24 bytes in order")
      && passed
    do throws(SystemFailure) {
      _ = try FileBytes.read(1, from: impatient)
    } catch {
      passed =
        Demo.check(error.error == .tryAgain, "empty again, with O_NONBLOCK: \(error.error.symbol)")
        && passed
    }
    _ = try impatient.control(QueueDevice.resize, UInt64(QueueDevice.initialCapacity))
    return passed
  }

  /// A counter as a driver without a lock would keep it, and where its two users are: the worst
  /// interleaving is made to happen, not hoped for.
  private final class Shared {
    /// No lock, or the semaphore: that is what the demonstration is about.
    var entries = 0
    let access = Semaphore(1)
    private let lock = SpinLock("racers")
    private let moved = WaitQueue()
    // Lock for these: `lock`.
    /// How often each of the two has read the count.
    private var readings = [0, 0]
    /// Who waits for the semaphore, is about to, or needs it no more.
    private var isAtDoor = [false, false]

    init() {}

    func noteReading(_ racer: Int) {
      lock.withLock { readings[racer] += 1 }
      moved.wakeAll()
    }

    func noteDoor(_ racer: Int, _ isThere: Bool) {
      lock.withLock { isAtDoor[racer] = isThere }
      moved.wakeAll()
    }

    /// Waits until the other one has read the count as often, or, if it cannot, stands at the door.
    func letOtherIn(_ racer: Int, isLocked: Bool) {
      _ = moved.wait(interruptible: false) {
        lock.withLock {
          isLocked ? isAtDoor[1 - racer] : readings[1 - racer] >= readings[racer]
        }
      }
    }
  }

  private static func fill(isLocked: Bool) -> Int {
    let shared = Shared()
    let done = Semaphore(0)
    for racer in 0..<2 {
      Thread.spawn("racer") {
        for _ in 0..<50 {
          shared.noteDoor(racer, true)
          if isLocked { shared.access.wait() }
          shared.noteDoor(racer, false)
          let seen = shared.entries
          shared.noteReading(racer)
          // Here the other one comes in between: reading and writing are two steps.
          shared.letOtherIn(racer, isLocked: isLocked)
          shared.entries = seen + 1
          if isLocked { shared.access.post() }
        }
        shared.noteDoor(racer, true)
        done.post()
      }
    }
    done.wait()
    done.wait()
    return shared.entries
  }

  private static func race() -> Bool {
    Demo.say("Two threads add 50 entries each, without a lock: read the count, then write it.")
    let lost = fill(isLocked: false) < 100
    let passed = Demo.check(lost, "entries are lost: both had read the same count")
    Demo.say("The same with the semaphore around both steps.")
    return Demo.check(fill(isLocked: true) == 100, "all 100 are there") && passed
  }
}
