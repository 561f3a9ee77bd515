/// `fork`: a second process that goes on where the first one is, with a copy of everything it has.
///
/// Memory is not copied but shared until one side writes (`AddressSpace.fork`); open files are shared for
/// good. The child's kernel stack begins with a copy of the registers the parent had on its own, so the
/// child returns from the same call to the same place, with 0 for an answer.
import KernelArch

enum Fork {
  static func fork(
    _ frame: UnsafeMutablePointer<trap_frame>, stackPointer: UInt64 = 0
  ) throws(SystemFailure) -> UInt64 {
    let parent = Process.current
    guard let user = Thread.current.user, Processes.mayStartThread(parent) else {
      throw SystemFailure(.tryAgain)
    }
    defer { Processes.didStartThread() }
    guard let space = parent.space.fork() else {
      throw SystemFailure(.outOfMemory)
    }
    guard let stack = KernelStacks.allocate(.normal, .user) else {
      space.release()
      throw SystemFailure(.outOfMemory)
    }
    let child = copy(of: parent, space)
    let thread = child.makeFirstThread(stackTop: stack, UserThread(copying: user))
    copyFloatingPoint(to: thread)
    var registers = frame.pointee
    registers.rax = 0
    if stackPointer != 0 { registers.rsp = stackPointer }
    thread.start(user: registers)
    Processes.add(child)
    let pid = child.pid  // the child may be gone as soon as it can run
    Scheduler.makeReady(thread)
    Trace.record(.processFork, parent.pid, pid)
    return UInt64(pid)
  }

  private static func copy(of parent: Process, _ space: AddressSpace) -> Process {
    if Power.options.faults.contains(.forkLeak) { _ = Frames.allocate() }
    let child = Process(
      name: parent.name.bytes, parent: parent.pid, group: parent.group, session: parent.session,
      space: space)
    child.actions.withUnsafeMutableBufferPointer { own in
      Processes.lock.withLockIRQ {
        // Not the array itself: whoever wrote first would copy it, under a lock.
        _ = own.update(fromContentsOf: parent.actions)
        child.commandLine = parent.commandLine
        child.environment = parent.environment
      }
    }
    child.files = parent.files?.fork()
    child.inheritLimits(of: parent)
    if let tracer = parent.tracer, tracer.followsChildren { child.tracer = tracer }
    child.callFilter = parent.callFilter
    return child
  }

  /// The registers of SSE and x87 are the caller's: the kernel has not touched them.
  static func copyFloatingPoint(to thread: Thread) {
    guard let own = Thread.current.floatingPoint, let other = thread.floatingPoint else { return }
    fxsave64(own)
    other.copyMemory(from: own, byteCount: 512)
  }
}
