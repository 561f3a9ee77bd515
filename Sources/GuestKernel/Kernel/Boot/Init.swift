/// The first thread: starts the first program, and starts the shell again when it ends.
import KernelArch

enum Init {
  static func run() {
    let options = Power.options
    RootFS.start()
    TerminalDevice.start()
    Randomness.start()
    MemoryDevices.start()
    RTCDevice.start()
    ProcessReports.start()
    Uevents.start()
    if Configuration.QUEUE_DEVICE { QueueDevice.start() }
    BlockDevices.start()
    if Configuration.RAM_DISK { RAMDisk.start() }
    if Configuration.VIRTIO_BLOCK { PCI.bus.add(VirtIOBlockDriver()) }
    if Configuration.PCI { PCI.start() }
    if Configuration.APUSFS { ApusFileSystem.start() }
    if options.testsItself, Configuration.SELF_TESTS { SelfTest.run() }
    if Configuration.TRACING { Trace.enableAtBoot() }
    if Configuration.MODULES { ModuleLoader.loadAtBoot() }
    log(
      "init", "\(Files.all.count) programs and modules; starting \(text: firstProgram.first ?? [])")
    KernelLog.isOnConsole = false
    Console.write("\n")
    makeEarly()
    AtomicAllocations.hasPrograms = true
    while true {
      startAndWait(firstProgram)
      if options.exitsAfterwards { Power.off() }
      Console.write("The first program has ended; starting init.\n")
      Power.options.commands = []
      Power.options.program = []
    }
  }

  /// What would otherwise be made at its first use, under a lock.
  private static func makeEarly() {
    _ = SystemCalls.node
    _ = Processes.adoptedChanged
    _ = Processes.count
    ImageObject.prepare()
    FileLocks.prepare()
    if Configuration.KPROBES { Kprobes.prepare() }
  }

  /// The program named by `init=`, or /bin/init, which hands the commands of `cmd=` to the shell.
  private static var firstProgram: [[UInt8]] {
    let options = Power.options
    if !options.program.isEmpty { return Words.split(options.program) }
    let program = [UInt8](text: "init")
    guard !options.commands.isEmpty else { return [program] }
    let flag = [UInt8](text: options.exitsAfterwards ? "-x" : "-s")
    return [program, flag, options.commands]
  }

  /// Waits for the program, and meanwhile for every orphan that ends.
  private static func startAndWait(_ arguments: [[UInt8]], attempts: Int = 60) {
    do throws(SystemFailure) {
      let pid = try Spawn.start(arguments, parent: Processes.adopter)
      while true {
        let news = try Processes.wait(parent: Processes.adopter, .any, .exited)
        if news?.pid == pid { return }
      }
    } catch {
      let name = arguments.first ?? []
      if error.error != .outOfMemory, RootFS.restoreProgram(name) {
        log(.error, "init", "\(text: name): \(error.error.name); the image's own is put back")
        return startAndWait(arguments)
      }
      // There may be memory again when what ends has been cleared away.
      guard error.error == .outOfMemory, attempts > 0 else {
        panic("cannot start \(text: name): \(error.error.name)")
      }
      Thread.sleep(nanoseconds: 1_000_000_000)
      startAndWait(arguments, attempts: attempts - 1)
    }
  }
}
