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

  private let lock = SpinLock("wait queue")
  /// Lock for these: `lock`.
  private var first: Link?
  private var last: Link?

  /// Nobody is ever woken here: for those who wait for time to pass.
  static let never = WaitQueue()

  init() {}

  /// A look without the lock: may be out of date.
  var isEmpty: Bool { first == nil }

  /// Returns as soon as `condition` is true, which is tested first and after every wake-up.
  ///
  /// An exclusive waiter is one of those of whom `wakeOne` wakes a single one, because only one can have
  /// what all wait for. `deadline` is in nanoseconds since boot.
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
    Context.assertMaySleep("wait")
    if condition() { return .done }
    var waiter = Waiter(
      thread: Unmanaged.passUnretained(Thread.current), isExclusive: exclusive)
    return withUnsafeMutablePointer(to: &waiter) { link in
      defer { leave(link) }
      while true {
        lock.withLockIRQ { add(link) }
        if condition() { return .done }
        let result = block(link, state, deadline ?? .max)
        if result != .done { return condition() ? .done : result }
      }
    }
  }

  /// Waits with `outer` held, which is given up while the thread sleeps; the condition is tested with it.
  ///
  /// The condition variable of the textbooks. Interrupts stay off meanwhile if the caller has them off.
  func wait(
    releasing outer: SpinLock, interruptible: Bool = true, until deadline: UInt64? = nil,
    exclusive: Bool = false, _ condition: () -> Bool
  ) -> WaitResult {
    if condition() { return .done }
    var waiter = Waiter(
      thread: Unmanaged.passUnretained(Thread.current), isExclusive: exclusive)
    return withUnsafeMutablePointer(to: &waiter) { link in
      defer { leave(link) }
      while true {
        lock.withLockIRQ { add(link) }
        if condition() { return .done }
        outer.unlock()
        let result = block(
          link, interruptible ? .interruptible : .uninterruptible, deadline ?? .max)
        outer.lock()
        if result != .done { return condition() ? .done : result }
      }
    }
  }

  /// Takes the note back.
  ///
  /// A wake-up that came after the last look at the condition is not for this waiter, who needs it no
  /// more: if it was meant for a single one, the next one gets it.
  private func leave(_ link: Link) {
    let isUnused = lock.withLockIRQ {
      remove(link)
      return link.pointee.wasWoken && link.pointee.isExclusive
    }
    if isUnused { wakeOne() }
  }

  /// Gives the processor away unless somebody has woken this waiter since it was added.
  private func block(
    _ link: Link, _ state: Thread.State, _ deadline: UInt64
  ) -> WaitResult {
    let thread = link.pointee.thread.takeUnretainedValue()
    let mayBlock = lock.withLockIRQ {
      if link.pointee.wasWoken { return false }
      thread.state = state
      return true
    }
    guard mayBlock else { return .done }
    // Whoever interrupts from here on sees the state; who did so before is seen here.
    let isLate = Clock.nanoseconds >= deadline
    if isLate || thread.isInterrupted(in: state) {
      thread.state = .running
      return isLate ? .timedOut : .interrupted
    }
    Timeouts.add(thread, until: deadline)
    Scheduler.schedule(.waiting)
    Timeouts.remove(thread, until: deadline)
    return .done
  }
}

// MARK: Waking, also from interrupts

extension WaitQueue {
  /// Wakes all that are not exclusive, up to and with the first exclusive one.
  func wakeOne() { wake(exclusive: 1) }

  /// Wakes everybody.
  func wakeAll() { wake(exclusive: .max) }

  private func wake(exclusive limit: Int) {
    lock.withLockIRQ {
      var left = limit
      while left > 0, let link = first {
        if link.pointee.isExclusive { left -= 1 }
        remove(link)
        link.pointee.wasWoken = true
        link.pointee.thread._withUnsafeGuaranteedRef { Scheduler.wake($0) }
      }
    }
    Preemption.giveWayIfAsked()
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
