/// eventfd: a number that one side adds to and the other takes, as a file: the smallest thing that `poll` and
/// epoll can wait for.
///
/// A read takes all of it and waits while it is 0; with EFD_SEMAPHORE it takes 1. A write waits while the sum
/// would not fit.
import KernelArch

final class EventCounter: OpenFile {
  static let countsDown: UInt64 = 1
  private static let most = UInt64.max - 1

  private let lock = SpinLock("event counter")
  /// Lock: `lock`.
  private var value: UInt64
  private let takesOne: Bool
  private let news = Readiness("event counter readiness")

  init(_ value: UInt64, _ flags: OpenFlags, takesOne: Bool) {
    self.value = value
    self.takesOne = takesOne
    super.init(nil, flags.union(.readWrite))
  }

  override var title: [UInt8] { [UInt8](text: "eventfd") }

  override func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemFailure) -> Int {
    guard buffer.count >= 8 else { throw SystemFailure(.invalidArgument) }
    while true {
      let taken = lock.withLock {
        let taken = takesOne ? min(value, 1) : value
        value -= taken
        return taken
      }
      if taken > 0 {
        buffer.storeBytes(of: taken, as: UInt64.self)
        news.notify()
        return 8
      }
      if isNonBlocking { throw SystemFailure(.tryAgain) }
      try news.wait { lock.withLock { value > 0 } }
    }
  }

  override func write(_ buffer: UnsafeRawBufferPointer) throws(SystemFailure) -> Int {
    guard buffer.count >= 8 else { throw SystemFailure(.invalidArgument) }
    let more = buffer.loadUnaligned(as: UInt64.self)
    guard more <= EventCounter.most else { throw SystemFailure(.invalidArgument) }
    while true {
      let fits = lock.withLock {
        let fits = more <= EventCounter.most - value
        if fits { value += more }
        return fits
      }
      if fits {
        news.notify()
        return 8
      }
      if isNonBlocking { throw SystemFailure(.tryAgain) }
      try news.wait { lock.withLock { more <= EventCounter.most - value } }
    }
  }

  override func poll(_ poller: Poller?) -> PollEvents {
    news.add(poller)
    return lock.withLock {
      var events: PollEvents = []
      if value > 0 { events.insert(.readable) }
      if value < EventCounter.most { events.insert(.writable) }
      return events
    }
  }
}

extension SystemCalls {
  static func makeEventCounter(_ value: UInt32, _ flags: UInt64) throws(Failure) -> UInt64 {
    let known: OpenFlags = [.nonBlocking, .closeOnExec]
    guard flags & ~(UInt64(known.rawValue) | EventCounter.countsDown) == 0 else {
      throw Failure(.invalidArgument)
    }
    let wanted = OpenFlags(rawValue: UInt32(flags & UInt64(known.rawValue)))
    let file = EventCounter(
      UInt64(value), OpenFile.kept(wanted), takesOne: flags & EventCounter.countsDown != 0)
    return UInt64(
      try FileTable.ofCaller().add(file, closesOnExec: wanted.contains(.closeOnExec)))
  }
}
