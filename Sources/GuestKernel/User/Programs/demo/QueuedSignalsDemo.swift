/// Real-time signals: none is lost, each says who sent it and carries a word, and a program can wait for them
/// instead of being interrupted.
import Apus

nonisolated(unsafe) private var received: [UInt64] = []
nonisolated(unsafe) private var sender: Int32 = 0
nonisolated(unsafe) private var code: Int32 = 1

enum QueuedSignalsDemo {
  private static let first = Signal.realTime(2)
  private static let second = Signal.realTime(3)

  static func run() -> Bool {
    var passed = handled()
    passed = waitedFor() && passed
    passed = timer() && passed
    return files() && passed
  }

  /// A child sends ten while they are blocked; unblocked, all are handled, in their order.
  private static func handled() -> Bool {
    SignalAction(
      { _, record, _ in
        guard let record = record?.load(as: SignalRecord.self) else { return }
        received.append(record.value)
        (sender, code) = (record.pid, record.code)
      }, flags: .information
    ).install(for: first)
    SignalMask.change(.block, first.mask)
    let parent = Process.id
    let child = Child.start {
      for value in 1...10 {
        guard (try? first.queue(to: parent, value: UInt64(value))) != nil else { return 1 }
      }
      return 0
    }
    received.reserveCapacity(16)
    let isSent = Child.code(child) == 0
    Demo.say("A child queues ten signals with the words 1 to 10, while we hold them back.")
    SignalMask.change(.unblock, first.mask)
    var passed = Demo.check(isSent && received == Array(1...10), "all ten come, in their order")
    passed =
      Demo.check(
        sender == child && code == SignalRecord.byQueue, "each says that it is queued, and by whom")
      && passed
    SignalAction.standard.install(for: first)
    return passed
  }

  private static func waitedFor() -> Bool {
    let set = first.mask | second.mask
    SignalMask.change(.block, set)
    defer { SignalMask.change(.unblock, set) }
    let own = Process.id
    guard (try? second.queue(to: own, value: 30)) != nil,
      (try? first.queue(to: own, value: 20)) != nil,
      let one = try? Signal.wait(for: set), let two = try? Signal.wait(for: set)
    else { return Demo.check(false, "two signals are queued and taken") }
    Demo.say("Two are sent to ourselves, the higher number first, and taken by sigtimedwait.")
    var passed = Demo.check(
      one.signal == first.rawValue && one.value == 20 && two.value == 30,
      "the lower number comes first")
    var error: SystemError?
    do throws(SystemError) {
      _ = try Signal.wait(for: set, nanoseconds: 1_000_000)
    } catch let failure {
      error = failure
    }
    passed = Demo.check(error == .tryAgain, "and after a millisecond without one: EAGAIN") && passed
    return passed
  }

  /// A period of 1 ms that nobody looks at for 20.
  private static func timer() -> Bool {
    SignalMask.change(.block, second.mask)
    defer { SignalMask.change(.unblock, second.mask) }
    guard let timer = try? SignalTimer(second, value: 77) else { return false }
    defer { timer.delete() }
    let millisecond: UInt64 = 1_000_000
    guard (try? timer.start(after: millisecond, every: millisecond)) != nil else { return false }
    Time.sleep(nanoseconds: 20 * millisecond)
    guard let record = try? Signal.wait(for: second.mask) else { return false }
    Demo.say("A timer sends one each millisecond; we sleep for twenty.")
    var passed = Demo.check(
      record.code == SignalRecord.byTimer && record.value == 77, "its signal has its word")
    passed =
      Demo.check(record.status >= 15, "there is one, and the count of those that were missed")
      && passed
    let next = try? Signal.wait(for: second.mask, nanoseconds: 1000 * millisecond)
    return Demo.check(next?.value == 77, "taken, it starts the timer again") && passed
  }

  /// SIGIO as a queued signal names the descriptor.
  private static func files() -> Bool {
    guard let pipe = try? Descriptor.pipe() else { return false }
    SignalMask.change(.block, first.mask)
    defer { SignalMask.change(.unblock, first.mask) }
    let reading = pipe.reading
    defer {
      try? reading.close()
      try? pipe.writing.close()
    }
    _ = reading.control(.setOwner, UInt64(UInt32(bitPattern: Process.id)))
    _ = reading.control(.setSignal, UInt64(first.rawValue))
    _ = reading.control(.setFlags, UInt64(OpenFlags.asynchronous.rawValue))
    _ = try? pipe.writing.write([1])
    let record = try? Signal.wait(for: first.mask, nanoseconds: 1_000_000_000)
    Demo.say("A pipe with O_ASYNC and F_SETSIG, and a byte written into it.")
    return Demo.check(
      record?.code == SignalRecord.byFile && record?.value == UInt64(reading.rawValue),
      "the signal names the descriptor that can be read")
  }
}
