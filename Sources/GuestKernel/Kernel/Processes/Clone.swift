/// `clone`: another thread in the same process, or a process, by what is shared.
///
/// A thread has a kernel stack, registers, a signal mask and a thread-local base of its own; address space,
/// files and signal actions are its process's. This kernel knows two mixtures: everything shared, which
/// is a thread, and nothing shared, which is `fork`. Others are refused rather than half done.
import KernelArch

enum Clone {
  private struct Flags: OptionSet {
    let rawValue: UInt64
    static let memory = Flags(rawValue: 0x100)
    static let directories = Flags(rawValue: 0x200)
    static let files = Flags(rawValue: 0x400)
    static let handlers = Flags(rawValue: 0x800)
    static let vfork = Flags(rawValue: 0x4000)
    static let thread = Flags(rawValue: 0x1_0000)
    static let setStorage = Flags(rawValue: 0x8_0000)
    static let setParentWord = Flags(rawValue: 0x10_0000)
    static let clearChildWord = Flags(rawValue: 0x20_0000)
    static let setChildWord = Flags(rawValue: 0x100_0000)
    /// Semaphore undo lists, of which there are none here: they may be shared.
    static let semaphores = Flags(rawValue: 0x4_0000)
    /// The low byte: the signal that tells the parent of the child's end.
    static let signal = Flags(rawValue: 0xff)
    static let known: Flags = [
      .everything, .vfork, .setStorage, .setParentWord, .clearChildWord, .setChildWord, .semaphores,
      .signal,
    ]
    static let everything: Flags = [.memory, .directories, .files, .handlers, .thread]
  }

  static func clone(
    _ frame: UnsafeMutablePointer<trap_frame>, _ flags: UInt64, _ stack: UInt64,
    parentWord: UInt64, childWord: UInt64, storage: UInt64
  ) throws(SystemFailure) -> UInt64 {
    let flags = Flags(rawValue: flags)
    let signal = flags.intersection(.signal).rawValue
    // A parent hears of its children by SIGCHLD, and of threads not at all.
    guard flags.isSubset(of: .known), signal == 0 || signal == UInt64(Signal.child.number) else {
      throw SystemFailure(.invalidArgument)
    }
    let shared = flags.intersection(.everything)
    if shared.isEmpty || shared == .memory && flags.contains(.vfork) {
      return try Fork.fork(frame, stackPointer: stack)
    }
    guard shared == .everything, stack != 0, Layout.userSpace.contains(stack) else {
      throw SystemFailure(.invalidArgument)
    }
    if flags.contains(.setStorage), !Layout.userSpace.contains(storage) {
      throw SystemFailure(.notPermitted)
    }
    let thread = try makeThread(frame, stack)
    guard let user = thread.user else { throw SystemFailure(.outOfMemory) }
    if flags.contains(.setStorage) { user.threadPointer = storage }
    if flags.contains(.clearChildWord) { user.clearAtExit = childWord }
    let id = thread.id
    let number = UInt32(truncatingIfNeeded: id)
    if flags.contains(.setParentWord) { _ = UserMemory.write(record: number, to: parentWord) }
    if flags.contains(.setChildWord) { _ = UserMemory.write(record: number, to: childWord) }
    Process.current.add(thread)
    Scheduler.makeReady(thread)
    return UInt64(id)
  }

  private static func makeThread(
    _ frame: UnsafeMutablePointer<trap_frame>, _ stack: UInt64
  ) throws(SystemFailure) -> Thread {
    let process = Process.current
    guard let user = Thread.current.user, Processes.mayStartThread(process) else {
      throw SystemFailure(.tryAgain)
    }
    defer { Processes.didStartThread() }
    guard let kernelStack = KernelStacks.allocate(.normal, .user) else {
      throw SystemFailure(.tryAgain)
    }
    let thread = Scheduler.add(
      name: Thread.current.name.bytes, process: process, stackTop: kernelStack)
    let copy = UserThread(copying: user)
    copy.alternateStack = SignalStack()
    thread.user = copy
    Fork.copyFloatingPoint(to: thread)
    var registers = frame.pointee
    registers.rax = 0
    registers.rsp = stack
    thread.start(user: registers)
    return thread
  }
}

extension SystemCalls {
  static func clone(
    _ frame: UnsafeMutablePointer<trap_frame>, _ flags: UInt64, _ stack: UInt64,
    _ parentWord: UInt64, _ childWord: UInt64, _ storage: UInt64
  ) throws(SystemFailure) -> UInt64 {
    try Clone.clone(
      frame, flags, stack, parentWord: parentWord, childWord: childWord, storage: storage)
  }

  /// Sets or reads the bases of FS and GS.
  static func archControl(_ code: UInt64, _ address: UInt64) throws(SystemFailure) -> UInt64 {
    guard let user = Thread.current.user else { throw SystemFailure(.invalidArgument) }
    let setFS: UInt64 = 0x1002
    let getFS: UInt64 = 0x1003
    switch code {
    case setFS:
      guard address < Layout.userSpace.upperBound else { throw SystemFailure(.notPermitted) }
      Interrupts.off {
        user.threadPointer = address
        wrmsr(0xc000_0100, address)  // IA32_FS_BASE
      }
    case getFS:
      try UserMemory.put(user.threadPointer, at: address)
    default:
      throw SystemFailure(.invalidArgument)
    }
    return 0
  }

  static func setClearAtExit(_ word: UInt64) -> Answer {
    Thread.current.user?.clearAtExit = word
    return .success(UInt64(Thread.current.id))
  }
}
