import ArgumentParser
import Emulator
import Glibc

/// `emu boot`: boots a kernel and attaches the terminal to its serial console.
struct Boot: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Boot a kernel and attach the terminal to its serial console.",
    discussion: """
      Keys: Ctrl-A x quits, Ctrl-A h lists the keys, Ctrl-A Ctrl-A sends Ctrl-A.
      \(ExitStatus.help)
      """)

  @Argument(
    help: "The kernel: an ELF file or a Linux bzImage. Without it, the bundled Images/kernel.elf.")
  var image: String?

  @Option(
    name: .customLong("protocol"),
    help: ArgumentHelp(
      "How to start an image that offers several ways; otherwise the first of this list.",
      valueName: "name"))
  var bootProtocol: BootProtocol?

  @Option(help: ArgumentHelp("The kernel's command line.", valueName: "text"))
  var append = ""

  @Option(
    name: [.customLong("module"), .customLong("initrd")], parsing: .singleValue,
    help: ArgumentHelp(
      "Hand a file to the kernel, as Linux's initial RAM disk too; may be repeated.",
      valueName: "file[=name]"))
  var modules: [String] = []

  @Option(
    help: ArgumentHelp(
      "Where a Linux kernel is entered: 64 (where it can), 32, or 16, which needs --bios.",
      valueName: "bits"))
  var entry: LinuxKernel.Entry?

  @Option(
    name: .customLong("disk"), parsing: .singleValue,
    help: ArgumentHelp(
      "Attach a disk: snapshot (the default) keeps writes in memory, writable lets them go to the "
        + "file; bus is virtio-pci, virtio-mmio or ide; may be repeated.",
      valueName: "file[,readonly|,writable][,bus=name]"))
  var disks: [DiskOption] = []

  @OptionGroup var firmware: FirmwareOptions

  @Option(
    help: ArgumentHelp(
      "A virtio console (hvc0 in Linux), connected as --serial is; with stdio the terminal is here "
        + "and not on the serial port.", valueName: "where"))
  var hvc: SerialOption?

  @Option(
    help: ArgumentHelp(
      "A virtio network interface; user: the guest reaches others as you do, and nobody reaches it.",
      valueName: "kind"))
  var net: NetworkOption?

  @Flag(help: "Attach a virtio entropy device, whose numbers follow from --seed.")
  var rng = false

  @Option(
    help: ArgumentHelp(
      "What --rng, --hvc and --net attach their virtio devices to: pci or mmio.",
      valueName: "bus"))
  var virtio = VirtIOBus.pci

  @Option(help: ArgumentHelp("RAM, with K, M or G behind the number.", valueName: "size"))
  var memory = MemorySize(bytes: MachineConfiguration.defaultMemory)

  @Option(
    help: ArgumentHelp(
      "What CPUID reports and which instructions there are: x86-64-v1, x86-64-v2, x86-64-v3 or "
        + "max.", valueName: "model"))
  var cpu = ProcessorModel.max

  @Option(
    help: ArgumentHelp(
      "The number of processors, 1 to \(MachineConfiguration.mostProcessors).", valueName: "n"))
  var cpus = 1

  @Option(
    help: ArgumentHelp(
      "Instructions that one of several processors executes before the next has its turn.",
      valueName: "n"))
  var quantum = MachineConfiguration.defaultQuantum

  @Option(
    help: ArgumentHelp(
      "The serial console: stdio, null, file:PATH, unix:PATH or tcp:HOST:PORT (both listen).",
      valueName: "where"))
  var serial = SerialOption.stdio

  @Option(
    help: ArgumentHelp(
      "Type the content of a file on the serial console; standard input is not read then.",
      valueName: "file"))
  var input: String?

  @Option(
    help: ArgumentHelp(
      "Type the lines of --input one by one, each when a line of output matches (POSIX extended "
        + "syntax).", valueName: "regex"))
  var prompt: String?

  @Option(help: ArgumentHelp("End the run after so many instructions.", valueName: "n"))
  var limit: UInt64?

  @Option(help: ArgumentHelp("End the run after so many seconds.", valueName: "s"))
  var timeout: Double?

  @Option(
    name: .customLong("exit-on"),
    help: ArgumentHelp(
      "End the run when a line of serial output matches (POSIX extended syntax).",
      valueName: "regex"))
  var exitOn: String?

  @Flag(help: "Say nothing but errors.")
  var quiet = false

  @Flag(help: "Say at the end how many instructions ran, and how fast.")
  var statistics = false

  @Option(
    help: ArgumentHelp(
      "What a kernel finds in registers that its boot protocol leaves open: zeroes, or numbers "
        + "that follow from n. RDRAND follows from it too.", valueName: "n"))
  var seed: UInt64 = 0

  func validate() throws {
    do {
      try configuration(modules: []).validate()
      if let exitOn { _ = try OutputPattern(exitOn) }
      if let prompt { _ = try OutputPattern(prompt, option: "--prompt") }
    } catch let error as any CustomStringConvertible & Error {
      throw ValidationError(error.description)
    }
    if prompt != nil, input == nil {
      throw ValidationError("--prompt waits for what --input types; name a file with --input")
    }
    if let timeout, !(timeout >= 0 && timeout < 1e9) {
      throw ValidationError("--timeout takes a number of seconds, not \(timeout)")
    }
  }

  func run() throws {
    let machine = try makeMachine()
    if hvc == .stdio { machine.console = machine.virtioConsole }
    if let input, prompt == nil {
      let bytes = try readFile(input)
      if firmware.keyboard { machine.typeKeys(bytes) } else { machine.console.send(bytes) }
    }
    machine.debugConsole.keepsOutput = false
    machine.debugConsole.transmitted = { byte in
      var byte = byte
      write(STDERR_FILENO, &byte, 1)
    }
    try firmware.connect(machine)
    let end = try runSession(machine)
    try firmware.saveScreen(of: machine)
    if statistics { ExitStatus.say(Self.statistics(of: machine)) }
    try finish(machine, end)
  }

  // MARK: Making the machine

  private func configuration(modules: [BootModule]) -> MachineConfiguration {
    var configuration = MachineConfiguration(
      memory: memory.bytes, commandLine: append, modules: modules, seed: seed)
    configuration.processors = cpus
    configuration.entropy = rng ? virtio : nil
    configuration.virtioConsole = hvc == nil ? nil : virtio
    configuration.network = net == nil ? nil : NetworkInterface(bus: virtio)
    configuration.processorModel = cpu
    configuration.quantum = quantum
    configuration.linuxEntry = entry
    return configuration
  }

  private func makeMachine() throws -> Machine {
    do {
      var configuration = configuration(modules: try readModules())
      configuration.disks = try disks.map { try $0.open() }
      try firmware.apply(to: &configuration, console: serial == .null ? nil : 0)
      let path = try image ?? (firmware.bios == nil ? BundledKernel.path() : nil)
      return try Machine(
        image: path.map { try .file($0, bootProtocol: bootProtocol) },
        configuration: configuration)
    } catch let error as Failure {
      throw error
    } catch let error as ConfigurationError {
      throw Failure(error, status: ExitStatus.usage)
    } catch let error as any CustomStringConvertible & Error {
      throw Failure(error, status: ExitStatus.unusableFile)
    }
  }

  private func readModules() throws -> [BootModule] {
    try modules.map { argument in
      let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let path = String(parts[0])
      let name = parts.count == 2 ? parts[1] : parts[0].split(separator: "/").last ?? parts[0]
      return BootModule(name: String(name), bytes: try readFile(path))
    }
  }

  private func readFile(_ path: String) throws -> [UInt8] {
    do {
      return try HostFile.read(path)
    } catch {
      throw Failure(error, status: ExitStatus.unusableFile)
    }
  }

  // MARK: Running it

  private func runSession(_ machine: Machine) throws -> Session.End {
    let main = hvc == .stdio ? .stdio : serial
    let terminal = main == .stdio && input == nil ? Terminal() : nil
    let streams = StandardStreams(readsInput: input == nil, terminal: terminal)
    let backend: any SerialBackend
    let channels: [any SessionChannel]
    do {
      backend = try main.open(standardStreams: streams)
      let mirror = firmware.vga == .text ? [ScreenMirror(machine, streams)] : []
      channels = try openChannels(machine) + mirror
    } catch let error as HostError {
      throw Failure(error, status: ExitStatus.unusableFile)
    }
    defer { for channel in channels { channel.close() } }
    defer { backend.close() }
    let session = Session(
      machine: machine, backend: backend, channels: channels, limits: try limits(),
      terminal: terminal,
      signals: SignalWatch(), say: ExitStatus.say)
    if terminal != nil, !quiet { ExitStatus.say("Ctrl-A x quits, Ctrl-A h helps") }
    do {
      return try session.run()
    } catch {
      if case .closedOutput = error.kind { return .signal(SIGPIPE) }
      throw Failure(error, status: ExitStatus.hostFailure)
    }
  }

  /// What is connected beside the main console.
  private func openChannels(_ machine: Machine) throws -> [any SessionChannel] {
    var channels: [any SessionChannel] = []
    if hvc == .stdio {
      // Without a place of its own the serial port goes nowhere.
      let other = serial == .stdio ? .null : serial
      channels.append(
        ConsoleChannel(
          machine.serialPorts[0], try other.open()))
    } else if let hvc {
      channels.append(
        ConsoleChannel(
          machine.virtioConsole, try hvc.open()))
    }
    if net != nil { channels.append(try UserNetwork(machine.network)) }
    return channels
  }

  private func limits() throws -> Session.Limits {
    var limits = Session.Limits()
    limits.instructions = limit ?? .max
    limits.seconds = timeout
    limits.typesOnKeyboard = firmware.keyboard
    if let input, let prompt {
      limits.script = InputScript(
        try readFile(input), prompt: try OutputPattern(prompt, option: "--prompt"))
    }
    if let pattern = try exitOn.map({ try OutputPattern($0) }) {
      limits.outputMatcher = { pattern.matches(next: $0) }
    }
    return limits
  }

  // MARK: The end

  private func finish(_ machine: Machine, _ end: Session.End) throws {
    switch end {
    case .quit, .machine(.poweredOff), .machine(.conditionMet): return
    case .machine(.debugExit(let value)):
      throw ExitCode(Int32(truncatingIfNeeded: value << 1 | 1) & 0xFF)
    case .machine(.shutdown):
      explain(machine, .shutdown)
      throw ExitCode(ExitStatus.shutdown)
    case .machine(.haltedForever), .machine(.idle):
      explain(machine, .haltedForever)
      throw ExitCode(ExitStatus.haltedForever)
    case .machine(.instructionLimit):
      remark("\(machine.instructionCount) instructions: the limit is reached")
      throw ExitCode(ExitStatus.instructionLimit)
    case .timeout:
      remark("the timeout is over, after \(machine.instructionCount) instructions")
      throw ExitCode(ExitStatus.timeout)
    case .signal(let number):
      ExitStatus.leave(bySignal: number)
    case .machine(.reset), .machine(.stopped): return
    }
  }

  private static func statistics(of machine: Machine) -> String {
    let seconds = Double(clock()) / Double(CLOCKS_PER_SEC)
    let count = machine.instructionCount
    let virtual = Double(machine.now) / 1e9
    let rate = Int(Double(count) / max(seconds, 1e-6) / 1e6)
    return "\(count) instructions in \(seconds) s of processor time, \(rate) million a second; "
      + "\(virtual) s of virtual time"
  }

  /// Prints what is known about a bad end.
  private func explain(_ machine: Machine, _ stop: StopReason) {
    let lines = machine.diagnosis(of: stop).lines
    ExitStatus.say(lines.joined(separator: "\n"))
  }

  private func remark(_ text: String) {
    if !quiet { ExitStatus.say(text) }
  }
}

extension LinuxKernel.Entry: ExpressibleByArgument {}

extension ProcessorModel: ExpressibleByArgument {}
