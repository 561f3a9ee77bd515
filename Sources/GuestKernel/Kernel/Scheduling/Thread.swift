/// One flow of control: a kernel stack, and what is needed to go on where it left off.
import KernelArch
import Synchronization

final class Thread {
  enum State: UInt8 {
    case new
    case ready
    case running
    /// Waiting, to be woken by whatever it waits for, by a signal, or by its deadline.
    case interruptible
    /// Waiting: of the signals only a deadly one ends it.
    case killable
    /// Waiting: signals do not end it.
    case uninterruptible
    case ended

    var name: StaticString {
      switch self {
      case .new: "new"
      case .ready: "ready"
      case .running: "running"
      case .interruptible: "interruptible"
      case .killable: "killable"
      case .uninterruptible: "uninterruptible"
      case .ended: "ended"
      }
    }

    var isWaiting: Bool { self == .interruptible || self == .killable || self == .uninterruptible }
  }

  let id: Int
  /// Of a program's thread the program's, which `exec` changes.
  ///
  /// Lock: none, so that a panic can say it; who reads it meanwhile may see half of either.
  var name: RecordName
  /// Nil for a thread of the kernel itself.
  let process: Process?
  /// The top of the kernel stack.
  let stackTop: UInt64
  /// The last large stack that it runs on, which leads to those before; 0 on its own.
  ///
  /// Written by the thread itself.
  var borrowedStack: UInt64 = 0
  /// A file that it holds while a module's code is at work on it, which may crash.
  ///
  /// Written by the thread itself.
  var fileInUse: Unmanaged<OpenFile>?
  /// Where `switch_context` keeps the stack pointer while the thread is not running.
  let savedStackPointer: UnsafeMutablePointer<UInt64>
  /// The FXSAVE image of a thread in ring 3; the kernel itself never touches SSE or x87.
  let floatingPoint: UnsafeMutableRawPointer?

  /// What a program sees of the thread; nil for a thread of the kernel.
  ///
  /// Set before it runs.
  var user: UserThread?

  /// Written by the thread itself when it goes to wait, by its run queue's holder otherwise.
  private let stateWord = Atomic<UInt8>(State.new.rawValue)
  /// Something wants the thread's attention: it ends its interruptible waiting.
  private let interruption = Atomic<UInt8>(0)

  /// Lock for these: the run queue of processor `cpu`; see `RunQueue.lock(of:)`.
  let entity: EntityPointer
  var cpu = 0
  /// The processors it may run on, a bit each.
  var affinity = UInt64.max
  var group: SchedulingGroup?
  var preemptions: UInt64 = 0
  var waits: UInt64 = 0
  var migrations: UInt64 = 0

  /// The real-time priority that waiters for its mutexes lend it (lock: `Inheritance.lock`).
  var lentPriority = 0
  var ownPolicy = SchedulingPolicy.other
  var ownPriority = 0
  var blockedOn: Mutex?
  /// Sleeping locks it holds; written by the thread itself.
  let heldLocks: UnsafeMutablePointer<HeldLock>
  var heldCount = 0

  /// Its name is known outside: see `Announcement`.
  ///
  /// Written on the processor where it runs.
  var isAnnounced = false

  /// What `HungTasks` has seen of it.
  var watched = HungTasks.Record()

  // Written by the thread itself.
  var systemCalls: UInt64 = 0
  /// The number of the call that was interrupted, to be made again.
  var interruptedCall: UInt64?
  /// The registers are not those of a system call's return: IRETQ must restore all of them.
  var needsFullReturn = false
  /// Its registers at the last page fault under a limit of memory, in one number; see `GroupMemory`.
  var faultState: UInt64 = 0

  /// Lock: that of `Timeouts`.
  let timeout: EntityPointer

  /// What a kernel thread runs.
  fileprivate var body: (() -> Void)?

  init(id: Int, name: [UInt8], process: Process?, stackTop: UInt64) {
    self.id = id
    self.name = RecordName(bytes: name)
    self.process = process
    self.stackTop = stackTop
    savedStackPointer = .allocate(capacity: 1)
    savedStackPointer.initialize(to: 0)
    floatingPoint = process == nil ? nil : Thread.initialFloatingPoint()
    entity = .allocate(capacity: 2)
    entity.initialize(repeating: Entity(), count: 2)
    timeout = entity + 1
    heldLocks = .allocate(capacity: Thread.mostHeldLocks)
    heldLocks.initialize(repeating: HeldLock(), count: Thread.mostHeldLocks)
    entity.pointee.owner = Unmanaged.passUnretained(self).toOpaque()
    timeout.pointee.owner = entity.pointee.owner
  }

  /// Gives the stacks back; the thread must not be the running one.
  ///
  /// All else stays until nobody knows the thread any more.
  func release() {
    KernelStacks.release(top: stackTop)
    KernelStacks.releaseBorrowed(borrowedStack)
  }

  deinit {
    savedStackPointer.deallocate()
    floatingPoint?.deallocate()
    entity.deallocate()
    heldLocks.deallocate()
  }

  static func of(_ entity: EntityPointer) -> Thread {
    guard let owner = entity.pointee.owner else { panic("an entity without a thread") }
    return Unmanaged<Thread>.fromOpaque(owner).takeUnretainedValue()
  }

  var rootTable: PhysicalAddress { process?.space.tables.root ?? KernelSpace.tables.root }
  var isIsolated: Bool { process?.space.isIsolated ?? Isolation.isOn }

  var state: State {
    get { State(rawValue: stateWord.load(ordering: .acquiring)) ?? .ended }
    // The full barrier orders "I am going to wait" before the last look at what would forbid it.
    set { stateWord.store(newValue.rawValue, ordering: .sequentiallyConsistent) }
  }

  /// Nanoseconds it has run for, up to now.
  var processorTime: UInt64 {
    RunQueue.with(self) { queue in
      queue.queue.update(now: Clock.nanoseconds)
      return entity.pointee.runTime
    }
  }

  /// Timer ticks it has run for, as `ps` counts.
  var ticks: UInt64 { entity.pointee.runTime / Clock.nanosecondsPerTick }
  /// The end of waiting, in nanoseconds since boot.
  var wakeTime: UInt64 { timeout.pointee.isQueued ? timeout.pointee.key : .max }

  // SDM Vol. 1, "FXSAVE area": the control words as after FNINIT and reset.
  private static func initialFloatingPoint() -> UnsafeMutableRawPointer {
    let area = UnsafeMutableRawPointer.allocate(byteCount: 512, alignment: 16)
    area.initializeMemory(as: UInt8.self, repeating: 0, count: 512)
    area.storeBytes(of: 0x037f, as: UInt16.self)
    area.storeBytes(of: 0x1f80, toByteOffset: 24, as: UInt32.self)
    return area
  }
}

// MARK: Threads of the kernel

extension Thread {
  /// The running thread.
  static var current: Thread {
    guard let thread = percpu_thread() else { panic("there are no threads yet") }
    return Unmanaged<Thread>.fromOpaque(thread).takeUnretainedValue()
  }

  /// The running thread for a moment, without a reference of its own: that would cost more than most of what
  /// is asked on the way into the kernel and back.
  @inline(__always)
  static func withCurrent<Result>(_ body: (Thread) -> Result) -> Result {
    guard let thread = percpu_thread() else { panic("there are no threads yet") }
    return Unmanaged<Thread>.fromOpaque(thread)._withUnsafeGuaranteedRef(body)
  }

  /// Starts a thread of the kernel; it ends when `body` returns.
  ///
  /// With `cpu`, it runs on that processor only.
  @discardableResult
  static func spawn(
    _ name: StaticString, on cpu: Int? = nil, _ body: @escaping () -> Void
  ) -> Thread {
    let thread = trySpawn(
      [UInt8](text: name), configure: { if let cpu { $0.affinity = 1 << UInt64(cpu) } }, body)
    guard let thread else { panic("no memory for a kernel stack") }
    return thread
  }

  /// The same, for callers that go on when memory has run out, or that want to say where and how it
  /// runs before it does.
  static func trySpawn(
    _ name: [UInt8], configure: (Thread) -> Void = { _ in }, _ body: @escaping () -> Void
  ) -> Thread? {
    guard let stack = KernelStacks.allocate() else { return nil }
    let thread = Scheduler.add(name: name, process: nil, stackTop: stack)
    thread.body = body
    thread.start(threadMain)
    configure(thread)
    Scheduler.makeReady(thread)
    return thread
  }

  /// Takes the body away from the thread, so that nothing of it is left when it has returned.
  fileprivate static func runBody() {
    let thread = Thread.current
    let body = thread.body
    thread.body = nil
    body?()
  }

  static func sleep(nanoseconds: UInt64) { sleep(until: Clock.nanoseconds &+ nanoseconds) }

  /// Sleeps whatever happens.
  static func sleep(until deadline: UInt64) {
    _ = WaitQueue.never.wait(interruptible: false, until: deadline) { false }
  }

  static func yield() { Scheduler.yield() }
}

@c(thread_main)
func threadMain() { Thread.runBody() }

// MARK: Interruption

extension Thread {
  /// Ends interruptible waiting, and when `fatal` killable waiting too, now or when it would begin.
  func interrupt(fatal: Bool) {
    interruption.bitwiseOr(fatal ? 3 : 1, ordering: .sequentiallyConsistent)
    Scheduler.wake(self) { $0 == .interruptible || fatal && $0 == .killable }
  }

  /// The cause has been attended to.
  func clearInterruption() {
    if !isDying { interruption.store(0, ordering: .sequentiallyConsistent) }
  }

  var isInterrupted: Bool { interruption.load(ordering: .acquiring) != 0 }
  var isDying: Bool { interruption.load(ordering: .acquiring) & 2 != 0 }

  /// Whether waiting in this way is to end now.
  func isInterrupted(in state: State) -> Bool {
    state == .interruptible ? isInterrupted : state == .killable && isDying
  }
}

// MARK: First instructions

extension Thread {
  /// Prepares the stack so that the first switch starts `function` in the kernel.
  ///
  func start(_ function: @convention(c) () -> Void) {
    let words = push(count: 8)
    // Popped by switch_context: R15, R14, R13, R12, RBX, RBP, and the return address.
    words[3] = UInt64(UInt(bitPattern: unsafeBitCast(function, to: UnsafeRawPointer.self)))
    words[6] = address_of_thread_start()
  }

  /// Prepares the stack so that the first switch goes to ring 3.
  func start(user entry: UInt64, stackPointer: UInt64) {
    let interruptsOn: UInt64 = 0x202
    var frame = trap_frame()
    frame.rip = entry
    frame.cs = Selector.userCode
    frame.ss = Selector.userData
    frame.rsp = stackPointer
    frame.rflags = interruptsOn
    start(user: frame)
  }

  /// Prepares the stack so that the first switch goes to ring 3 with these registers.
  func start(user frame: trap_frame) {
    let words = push(count: 7 + MemoryLayout<trap_frame>.size / 8)
    words[6] = address_of_thread_start_user()
    UnsafeMutableRawPointer(words + 7).storeBytes(of: frame, as: trap_frame.self)
  }

  private func push(count: Int) -> UnsafeMutablePointer<UInt64> {
    let at = stackTop &- UInt64(count * 8)
    savedStackPointer.pointee = at
    let words = pointer_to(at).assumingMemoryBound(to: UInt64.self)
    words.initialize(repeating: 0, count: count)
    return words
  }
}
