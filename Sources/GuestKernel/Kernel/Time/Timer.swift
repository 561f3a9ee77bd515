/// Something to be done at a point in time: a callback that runs in the interrupt of the processor's
/// own timer, to the nanosecond as far as the hardware goes.
///
/// Each processor keeps its timers in a heap and programs its local APIC for the first of them; there is
/// no periodic interrupt below this. A timer goes to the processor that starts it. The callback must not
/// sleep; it may start its timer again.
import KernelArch

final class Timer: HasDeadline {
  private let callback: (Timer) -> Void
  /// Nanoseconds since boot.
  ///
  /// Lock for these: that of the queue `home`.
  private(set) var deadline: UInt64 = 0
  var sequence: UInt64 = 0
  var heapIndex = -1
  /// The number of the processor it is or was queued on; `moving` for an instant.
  private var home: UInt32 = 0
  private static let moving = UInt32.max

  init(_ callback: @escaping (Timer) -> Void) {
    self.callback = callback
    TimerQueue.makeRoom()
  }

  deinit { TimerQueue.leaveRoom() }

  func start(after nanoseconds: UInt64) { start(at: Clock.nanoseconds &+ nanoseconds) }

  /// Starts it, or moves it if it has been started already.
  func start(at deadline: UInt64) {
    Interrupts.off {
      var queue = lockQueue()
      queue.heap.remove(self)
      let here = TimerQueue.current
      if queue !== here, queue.running !== self {
        atomic_store32(&home, Timer.moving)
        queue.lock.unlock()
        here.lock.lock()
        atomic_store32(&home, UInt32(here.processor))
        queue = here
      }
      self.deadline = deadline
      queue.heap.insert(self)
      if queue.heap.first === self { queue.firstHasChanged() }
      queue.lock.unlock()
    }
  }

  /// Stops it; false when it was not waiting: its callback has run, or runs now.
  @discardableResult
  func cancel() -> Bool {
    Interrupts.off {
      let queue = lockQueue()
      defer { queue.lock.unlock() }
      return queue.heap.remove(self)
    }
  }

  /// The same, and the callback is over when this returns; not to be called from the callback.
  @discardableResult
  func cancelAndWait() -> Bool {
    var wasWaiting = cancel()
    while isRunning {
      cpu_pause()
      wasWaiting = cancel() || wasWaiting  // the callback may have started it again
    }
    return wasWaiting
  }

  var isWaiting: Bool { heapIndex >= 0 }

  private var isRunning: Bool {
    Interrupts.off {
      let queue = lockQueue()
      defer { queue.lock.unlock() }
      return queue.running === self
    }
  }

  fileprivate func expire() { callback(self) }

  /// Locks the queue that the timer belongs to, however it moves meanwhile.
  private func lockQueue() -> TimerQueue {
    while true {
      let number = atomic_load32(&home)
      if number != Timer.moving {
        let queue = TimerQueue.all[Int(number)]
        queue.lock.lock()
        if atomic_load32(&home) == number { return queue }
        queue.lock.unlock()
      }
      cpu_pause()
    }
  }
}

/// One processor's timers.
final class TimerQueue {
  let processor: Int
  let lock = SpinLock("timers")
  /// Lock for all of these: `lock`, with interrupts off.
  fileprivate var heap = DeadlineHeap<Timer>()
  fileprivate var running: Timer?
  private(set) var expired: UInt64 = 0

  fileprivate static let all = {
    var queues: [TimerQueue] = []
    for index in 0..<CPU.capacity { queues.append(TimerQueue(index)) }
    return queues
  }()

  private init(_ processor: Int) { self.processor = processor }

  static var current: TimerQueue { all[Int(percpu_index())] }

  /// How many timers there are, and how many each queue has memory for; the former changed by atomic
  /// operations.
  nonisolated(unsafe) private static var timers: UInt32 = 0
  nonisolated(unsafe) private static var room = 256

  /// For one timer more, wherever it will be started: then nobody can wait for memory.
  fileprivate static func makeRoom() {
    guard atomic_add32(&timers, 1) >= UInt32(room) else { return }
    room *= 2
    for index in 0..<CPU.count { all[index].grow(to: room) }
  }

  fileprivate static func leaveRoom() { _ = atomic_add32(&timers, UInt32.max) }

  private func grow(to room: Int) {
    let memory = UnsafeMutablePointer<Timer>.allocate(capacity: room)
    lock.withLockIRQ { heap.elements.exchange(memory, capacity: room) }.deallocate()
  }

  /// Prepares the running processor's timer.
  static func startProcessor() {
    current.grow(to: room)
    LocalAPIC.startTimer()
  }

  /// The timer's interrupt: runs everything that is due, and programs the next one.
  static func interrupt() {
    let queue = current
    queue.lock.lock()
    while let timer = queue.heap.popDue(at: Clock.nanoseconds) {
      queue.running = timer
      queue.expired &+= 1
      queue.lock.unlock()
      timer.expire()
      queue.lock.lock()
      queue.running = nil
    }
    if let next = queue.heap.first { LocalAPIC.setTimer(at: next.deadline) }
    queue.lock.unlock()
  }

  /// There is a new first timer; the queue's lock is held.
  fileprivate func firstHasChanged() {
    if processor == Int(percpu_index()) {
      if running == nil, let first = heap.first { LocalAPIC.setTimer(at: first.deadline) }
    } else {
      // It looks at its queue as if its timer had expired, and programs it.
      LocalAPIC.send(
        LocalAPIC.Command.fixed(InterruptVector.timer), to: CPU(processor).apicID)
    }
  }

  /// What `/proc/timer_list` says.
  static func writeTable(to text: inout Text) {
    text.append("tick \(Clock.nanosecondsPerTick) ns, device \(LocalAPIC.timerKind)\n")
    for index in 0..<CPU.count {
      let queue = all[index]
      let line: TextLine = queue.lock.withLockIRQ {
        "cpu \(index): \(queue.heap.count) waiting, \(queue.expired) expired"
      }
      text.append("\(line)\n")
    }
  }
}
