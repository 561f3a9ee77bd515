/// The process control block: what the kernel knows of a program being executed in ring 3.
///
/// A process is an address space, a table of files and a table of signal actions, which its threads
/// share; it has a parent, belongs to a process group and a session, and stays as a zombie after its
/// end until its parent has asked how it ended.
import KernelArch

final class Process {
  /// The number of its first thread; set before anybody else can see the process.
  private(set) var pid = 0
  /// Replaced by `exec`, by the only thread that is left then.
  ///
  /// Lock: none.
  var space: AddressSpace
  /// There is a `currentTracer`; read at each call, without the lock.
  var isTraced = false
  /// Of `setitimer`; made when first used.
  var realTimer: RealTimer?
  /// Descriptors, root and working directory; set once, before the first thread runs.
  var files: FileTable?

  /// Lock for all of these: `Processes.lock`.
  var currentTracer: SystemCallTrace?
  /// That of its first thread; may be read without the lock, as that one's.
  var name: RecordName
  var parent: Int
  let children = GuardedList<Process>(capacity: 0)
  let threads = GuardedList<Thread>(capacity: 1)
  /// Those of them that are on their way out.
  var leavingThreads = 0
  var group: Int
  var session: Int
  /// The strings of argv, each ending in NUL.
  var commandLine: [UInt8] = []
  /// Those of the environment as the program got them.
  var environment: [UInt8] = []
  var actions = Array(repeating: SignalAction(), count: Int(Signal.count) + 1)
  /// Signals for whichever thread takes them.
  var pending = PendingSignals()
  /// Of `timer_create`, by their numbers.
  var timers: [PosixTimer?] = []
  /// Who reads its signals from files; made when first used.
  var signalReadiness: Readiness?
  var limits = ResourceLimits()
  /// Its time on processors is limited; read by the tick, without the lock.
  var isTimed = false
  /// The second of it in which SIGXCPU comes next.
  var nextTimeWarning: UInt64 = 0
  /// Decides which system calls it may make; inherited, never removed.
  var callFilter: ScriptProgram?
  /// Somebody looks at each of its calls before it is made.
  var callsAreWatched: Bool { isTraced || callFilter != nil }
  /// It has been told to end this way: each thread leaves before its next instruction in ring 3.
  var pendingEnd: ExitStatus?
  /// It has ended this way; its parent has yet to ask.
  var status: ExitStatus?
  /// Stopped by a signal: its threads wait before they return to ring 3.
  var stopSignal: Signal?
  /// What the parent has not been told yet about stopping and going on.
  var news: ExitStatus?
  /// It has called `execve` since `fork`: its group can no longer be changed by the parent.
  var hasExecuted = false
  var usage = ProcessUsage()
  /// Never killed for its memory: the kernel has started it.
  var isProtected = false

  /// Threads that may still have the page tables loaded.
  private(set) var users = 0

  let started = Clock.nanoseconds
  /// Woken when a child ends, stops or goes on.
  let childChanged = WaitQueue()
  /// Woken when the process goes on after a stop.
  let resumed = WaitQueue()
  /// Woken when a thread has left and been cleared away.
  let threadLeft = WaitQueue()

  init(name: [UInt8], parent: Int, group: Int, session: Int, space: AddressSpace) {
    self.name = RecordName(bytes: name)
    self.parent = parent
    self.group = group
    self.session = session
    self.space = space
  }

  /// Makes the first thread, which gives the process its number; it does not run yet.
  func makeFirstThread(stackTop: UInt64, _ user: UserThread) -> Thread {
    let thread = Scheduler.add(name: name.bytes, process: self, stackTop: stackTop)
    thread.user = user
    pid = thread.id
    if group == 0 { group = pid }
    if session == 0 { session = pid }
    add(thread)
    return thread
  }

  func add(_ thread: Thread) {
    threads.makeRoom(Processes.lock)
    Processes.lock.withLockIRQ {
      threads.append(thread)
      users += 1
    }
  }

  /// The reaper has taken a thread's stack away; with the last one goes the memory.
  func threadWasCleared() {
    let isLast = Processes.lock.withLockIRQ {
      users -= 1
      return users == 0
    }
    if isLast { space.release() }
    threadLeft.wakeAll()
  }
}

extension Process {
  /// The one that made the system call or caused the exception; a kernel thread has none.
  static var current: Process {
    guard let process = Thread.current.process else { panic("a kernel thread is no process") }
    return process
  }
}

/// What a process has used, itself and its children that were waited for.
struct ProcessUsage {
  var nanoseconds: UInt64 = 0
  var childrenNanoseconds: UInt64 = 0
  var childrenFaults: UInt64 = 0
}

/// A thread's own part of what a program sees: its signal mask, its pending signals, its stacks.
///
/// Lock: `Processes.lock`, but for what only the thread itself touches.
final class UserThread {
  var mask = SignalSet()
  var pending = PendingSignals()
  /// What it waits for in `rt_sigtimedwait`.
  var awaited = SignalSet()
  /// The mask to go back to after the handler that ends `rt_sigsuspend`.
  var maskToRestore: SignalSet?
  /// Only this thread leaves, with this code.
  var exitCode: Int32?

  // Its own.
  var alternateStack = SignalStack()
  /// The base of FS: where the thread keeps what is its own.
  var threadPointer: UInt64 = 0
  /// A local descriptor table, for the few programs that have one.
  var segments: UnsafeMutablePointer<Segments>?
  /// Cleared and woken as a futex when the thread leaves.
  var clearAtExit: UInt64 = 0

  init() {}

  /// For a child: everything but what is pending.
  init(copying other: UserThread) {
    mask = other.mask
    alternateStack = other.alternateStack
    threadPointer = other.threadPointer
    segments = other.segments.map { Segments.copy(of: $0) }
  }

  deinit { segments?.deallocate() }

  /// The signal would stay pending: it is masked, or will be the answer of a call.
  func holdsBack(_ signal: Signal) -> Bool { mask.contains(signal) || awaited.contains(signal) }

  /// It is worth waking for it.
  func couldTake(_ signal: Signal) -> Bool { !mask.contains(signal) || awaited.contains(signal) }
}

/// A system call's failure, as an error that Swift can pass along.
struct SystemFailure: Error {
  let error: SystemError
  init(_ error: SystemError) { self.error = error }
}
