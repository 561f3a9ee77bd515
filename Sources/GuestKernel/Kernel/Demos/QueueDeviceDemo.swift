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
    Thread.sleep(nanoseconds: 5_000_000)
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

  /// A counter as a driver without a lock would keep it.
  private final class Shared {
    var entries = 0
    let access = Semaphore(1)
    init() {}
  }

  private static func fill(_ shared: Shared, isLocked: Bool) -> Int {
    shared.entries = 0
    let done = Semaphore(0)
    for _ in 0..<2 {
      Thread.spawn("racer") {
        for _ in 0..<50 {
          if isLocked { shared.access.wait() }
          let seen = shared.entries
          // Here the other one may come in between: reading and writing are two steps.
          Thread.sleep(nanoseconds: 1000)
          shared.entries = seen + 1
          if isLocked { shared.access.post() }
        }
        done.post()
      }
    }
    done.wait()
    done.wait()
    return shared.entries
  }

  private static func race() -> Bool {
    Demo.say("Two threads add 50 entries each, without a lock: read the count, then write it.")
    let shared = Shared()
    let lost = fill(shared, isLocked: false) < 100
    let passed = Demo.check(lost, "entries are lost: both had read the same count")
    Demo.say("The same with the semaphore around both steps.")
    return Demo.check(fill(shared, isLocked: true) == 100, "all 100 are there") && passed
  }
}
