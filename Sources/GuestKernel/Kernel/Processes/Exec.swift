/// `execve`: another program in the same process.
///
/// The new address space is built beside the old one, so that every mistake in the file or in the arguments
/// still finds the caller as it was. Then there is no way back: the other threads end, the spaces are
/// exchanged, descriptors marked so are closed, handlers are forgotten because their code is gone.
import KernelArch

enum Exec {
  /// The most that arguments and environment may take together.
  static let longestArguments = 128 << 10

  /// What a program starts with.
  struct Start {
    let space: AddressSpace
    let entry: UInt64
    let stackPointer: UInt64
    let name: [UInt8]
    let commandLine: [UInt8]
    let environment: [UInt8]
    let owner: Executable.Owner
  }

  static func execute(
    _ frame: UnsafeMutablePointer<trap_frame>, _ path: [UInt8], _ arguments: [[UInt8]],
    _ environment: [[UInt8]]
  ) throws(SystemFailure) -> UInt64 {
    let start = try prepare(path, arguments, environment)
    let process = Process.current
    guard let user = Thread.current.user else { throw SystemFailure(.notPermitted) }
    guard endOtherThreads(of: process) else {
      start.space.release()
      throw SystemFailure(.interrupted)
    }
    exchange(process, start.space)
    Processes.lock.withLockIRQ {
      process.name = RecordName(bytes: start.name)
      Thread.current.name = process.name
      process.commandLine = start.commandLine
      process.environment = start.environment
      process.hasExecuted = true
      for index in process.actions.indices {
        let isIgnored = process.actions[index].handler == SignalAction.ignore
        process.actions[index] = SignalAction()
        if isIgnored { process.actions[index].handler = SignalAction.ignore }
      }
    }
    Announcement.renamed()
    process.deleteTimers()
    process.files?.closeOnExec()
    becomeOwner(process, start.owner)
    user.alternateStack = SignalStack()
    user.threadPointer = 0
    if let segments = user.segments {
      Interrupts.off {
        user.segments = nil
        Segments.load(nil)
      }
      segments.deallocate()
    }
    user.clearAtExit = 0
    Thread.withCurrent { $0.needsFullReturn = true }
    var registers = trap_frame()
    registers.vector = frame.pointee.vector
    registers.rip = start.entry
    registers.rsp = start.stackPointer
    registers.cs = Selector.userCode
    registers.ss = Selector.userData
    registers.rflags = 0x202
    frame.pointee = registers
    return 0
  }

  /// Builds the program's memory.
  static func prepare(
    _ path: [UInt8], _ arguments: [[UInt8]], _ environment: [[UInt8]]
  ) throws(SystemFailure) -> Start {
    var arguments = arguments
    let file = try Executable.find(path, &arguments)
    guard let space = AddressSpace() else {
      throw SystemFailure(.outOfMemory)
    }
    let credentials = Permission.callersCredentials
    let stack = InitialStack(
      top: space.stackTop, arguments: arguments, environment: environment,
      fileName: file.path, random: (rdtsc() &* 0x9e37_79b9_7f4a_7c15, rdtsc()),
      auxiliary: [
        (.pageSize, pageSize), (.entry, file.image.entry),
        (.userID, UInt64(credentials.realUser)), (.groupID, UInt64(credentials.realGroup)),
        (.clockTicks, Clock.ticksPerSecond),
      ])
    let isLoaded =
      file.load(into: space) && space.makeStack()
      && stack.bytes.withUnsafeBytes { space.fill(stack.stackPointer, from: $0) }
    guard isLoaded else {
      space.release()
      throw SystemFailure(.outOfMemory)
    }
    return Start(
      space: space, entry: file.image.entry, stackPointer: stack.stackPointer, name: file.name,
      commandLine: strings(arguments), environment: strings(environment), owner: file.owner)
  }

  /// One after the other, each ending in NUL.
  private static func strings(_ list: [[UInt8]]) -> [UInt8] {
    var bytes: [UInt8] = []
    for text in list { bytes += text + [0] }
    return bytes
  }

  /// From here on in the name that the file asks for; who writes calls down must not read along.
  private static func becomeOwner(_ process: Process, _ owner: Executable.Owner) {
    let wanted = owner.credentials
    let old = process.files?.credentials
    if old?.effectiveUser != wanted.effectiveUser { process.tracer = nil }
    _ = process.files?.changeCredentials {
      $0 = wanted
      return true
    }
  }

  /// False when the caller itself is to end.
  private static func endOtherThreads(of process: Process) -> Bool {
    let own = Thread.current
    Processes.lock.withLockIRQ {
      for thread in process.threads where thread !== own {
        thread.user?.exitCode = 0
        thread.interrupt(fatal: true)
      }
      // Threads that wait for the end of a stop look again.
      process.resumed.wakeAll()
    }
    return process.threadLeft.wait(as: .killable) {
      Processes.lock.withLockIRQ { process.users == 1 }
    } == .done
  }

  private static func exchange(_ process: Process, _ space: AddressSpace) {
    let old = process.space
    space.take(process.limits)
    Interrupts.off {
      process.space = space
      TLB.load(space.tables.root)
      CPU.current.setKernelStack(Thread.current.stackTop)
    }
    old.release()
  }
}

// MARK: Programs that the kernel starts

enum Spawn {
  /// Starts the program that the first argument names, as a process group of its own, in the foreground.
  static func start(_ arguments: [[UInt8]], parent: Int) throws(SystemFailure) -> Int {
    guard let name = arguments.first else { throw SystemFailure(.notFound) }
    let path = name.contains(0x2f) ? name : [UInt8](text: "/bin/") + name
    let start = try Exec.prepare(path, arguments, [[UInt8](text: "PATH=/bin")])
    guard let stack = KernelStacks.allocate() else {
      start.space.release()
      throw SystemFailure(.outOfMemory)
    }
    let session = Processes.find(parent)?.session ?? 0
    let process = Process(
      name: start.name, parent: parent, group: 0, session: session, space: start.space)
    process.commandLine = start.commandLine
    process.environment = start.environment
    process.isProtected = true
    process.files = Processes.find(parent)?.files?.fork() ?? FileTable.initial()
    let thread = process.makeFirstThread(stackTop: stack, UserThread())
    thread.start(user: start.entry, stackPointer: start.stackPointer)
    Processes.add(process)
    let pid = process.pid
    Console.foreground = pid
    Scheduler.makeReady(thread)
    return pid
  }
}
