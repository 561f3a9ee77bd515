/// Threads that wait until something has become true.
///
/// A waiter is a note on the waiting thread's own stack, hung into the queue before the condition is
/// tested; whoever makes the condition true afterwards finds the note. Between the test and the switch
/// a wake-up is therefore never lost: it marks the note, and a thread with a marked note does not block.
import KernelArch

/// Why waiting ended.
enum WaitResult {
  case done
  /// By a signal, or by whatever else wanted the thread's attention.
  case interrupted
  case timedOut
}

final class WaitQueue {
  fileprivate struct Waiter {
    let thread: Unmanaged<Thread>
    let isExclusive: Bool
    var wasWoken = false
    var isLinked = false
    var next: UnsafeMutablePointer<Waiter>?
    var previous: UnsafeMutablePointer<Waiter>?
  }
  private typealias Link = UnsafeMutablePointer<Waiter>

  /// Lock: interrupts off.
  private var first: Link?
  private var last: Link?

  /// Nobody is ever woken here: for those who wait for time to pass.
  static let never = WaitQueue()

  init() {}

  var isEmpty: Bool { first == nil }

  /// Returns as soon as `condition` is true, which is tested first and after every wake-up.
  ///
  /// An exclusive waiter is one of those of whom `wakeOne` and `wakeAll` wake a single one, because only
  /// one can have what all wait for. `deadline` is in nanoseconds since boot.
  func wait(
    interruptible: Bool = true, until deadline: UInt64? = nil, exclusive: Bool = false,
    _ condition: () -> Bool
  ) -> WaitResult {
    wait(
      as: interruptible ? .interruptible : .uninterruptible, until: deadline, exclusive: exclusive,
      condition)
  }

  /// The same for any manner of waiting.
  func wait(
    as state: Thread.State, until deadline: UInt64? = nil, exclusive: Bool = false,
    _ condition: () -> Bool
  ) -> WaitResult {
    if condition() { return .done }
    var waiter = Waiter(
      thread: Unmanaged.passUnretained(Thread.current), isExclusive: exclusive)
    return withUnsafeMutablePointer(to: &waiter) { link in
      defer { withInterruptsOff { remove(link) } }
      while true {
        withInterruptsOff { add(link) }
        if condition() { return .done }
        let result = block(link, state, deadline ?? .max)
        if result != .done { return condition() ? .done : result }
      }
    }
  }

  /// Gives the processor away unless somebody has woken this waiter since it was added.
  private func block(
    _ link: Link, _ state: Thread.State, _ deadline: UInt64
  ) -> WaitResult {
    withInterruptsOff {
      let thread = link.pointee.thread
      if link.pointee.wasWoken { return .done }
      if thread._withUnsafeGuaranteedRef({ $0.isInterrupted(in: state) }) { return .interrupted }
      if Clock.nanoseconds >= deadline { return .timedOut }
      thread._withUnsafeGuaranteedRef {
        $0.wakeTime = deadline
        $0.state = state
      }
      Scheduler.yield()
      thread._withUnsafeGuaranteedRef { $0.wakeTime = .max }
      return .done
    }
  }
}

// MARK: Waking, also from interrupts

extension WaitQueue {
  /// Wakes all that are not exclusive, up to and with the first exclusive one.
  func wakeOne() { wake(exclusive: 1) }

  /// Wakes everybody.
  func wakeAll() { wake(exclusive: .max) }

  private func wake(exclusive limit: Int) {
    withInterruptsOff {
      var left = limit
      while left > 0, let link = first {
        if link.pointee.isExclusive { left -= 1 }
        remove(link)
        link.pointee.wasWoken = true
        link.pointee.thread._withUnsafeGuaranteedRef {
          if $0.state.isWaiting { Scheduler.makeReady($0) }
        }
      }
    }
  }
}

// MARK: The list

extension WaitQueue {
  /// Exclusive waiters stand at the end, so that a single wake-up reaches all others.
  private func add(_ link: Link) {
    link.pointee.wasWoken = false
    guard !link.pointee.isLinked else { return }
    link.pointee.isLinked = true
    if link.pointee.isExclusive || first == nil {
      link.pointee.previous = last
      link.pointee.next = nil
      if let last { last.pointee.next = link } else { first = link }
      last = link
    } else {
      link.pointee.previous = nil
      link.pointee.next = first
      first?.pointee.previous = link
      first = link
    }
  }

  private func remove(_ link: Link) {
    guard link.pointee.isLinked else { return }
    link.pointee.isLinked = false
    if let next = link.pointee.next {
      next.pointee.previous = link.pointee.previous
    } else {
      last = link.pointee.previous
    }
    if let previous = link.pointee.previous {
      previous.pointee.next = link.pointee.next
    } else {
      first = link.pointee.next
    }
  }
}
