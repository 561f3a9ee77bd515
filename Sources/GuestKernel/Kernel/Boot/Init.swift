/// The first thread: starts the first program, and starts the shell again when it ends.
import KernelArch

enum Init {
  static func run() {
    let options = Power.options
    RootFS.start()
    TerminalDevice.start()
    Randomness.start()
    MemoryDevices.start()
    Uevents.start()
    QueueDevice.start()
    BlockDevices.start()
    RAMDisk.start()
    PCI.bus.add(VirtIOBlockDriver())
    PCI.start()
    ApusFileSystem.start()
    if options.testsItself { SelfTest.run() }
    ModuleLoader.loadAtBoot()
    log(
      "init", "\(Files.all.count) programs and modules; starting \(text: firstProgram.first ?? [])")
    KernelLog.isOnConsole = false
    Console.write("\n")
    while true {
      startAndWait(firstProgram)
      if options.exitsAfterwards { Power.off() }
      Console.write("The shell has ended; starting another.\n")
      Power.options.commands = []
      Power.options.program = []
    }
  }

  /// The program named by `init=`, or the shell with the commands of `cmd=`.
  private static var firstProgram: [[UInt8]] {
    let options = Power.options
    if !options.program.isEmpty { return Words.split(options.program) }
    let shell = [UInt8](text: "shell")
    guard !options.commands.isEmpty else { return [shell] }
    let flag = [UInt8](text: options.exitsAfterwards ? "-x" : "-c")
    return [shell, flag, options.commands]
  }

  private static func startAndWait(_ arguments: [[UInt8]]) {
    withInterruptsOff {
      do throws(SystemFailure) {
        let parent = Scheduler.running?.id ?? 0
        let pid = try Spawn.start(arguments, parent: parent, isForeground: true)
        _ = Processes.wait(parent: parent, pid: pid, noHang: false)
      } catch {
        panic("cannot start \(text: arguments.first ?? []): \(error.error.name)")
      }
    }
  }
}
