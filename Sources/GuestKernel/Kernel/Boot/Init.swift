/// The first thread: starts the first program, and starts the shell again when it ends.
import KernelArch

enum Init {
  static func run() {
    let options = Power.options
    RootFS.start()
    TerminalDevice.start()
    Randomness.start()
    MemoryDevices.start()
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

  /// Waits for the program, and meanwhile for every orphan that ends.
  private static func startAndWait(_ arguments: [[UInt8]]) {
    do throws(SystemFailure) {
      let pid = try Spawn.start(arguments, parent: Processes.adopter, isForeground: true)
      while true {
        let news = try Processes.wait(parent: Processes.adopter, .any, .exited)
        if news?.pid == pid { return }
      }
    } catch {
      panic("cannot start \(text: arguments.first ?? []): \(error.error.name)")
    }
  }
}
