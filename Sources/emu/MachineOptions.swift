import ArgumentParser
import Emulator
import EmulatorTesting

/// What a machine is made of, as options of the command.
struct MachineOptions: ParsableArguments, Sendable {
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
      "What a kernel finds in registers that its boot protocol leaves open: zeroes, or numbers "
        + "that follow from n. RDRAND follows from it too.", valueName: "n"))
  var seed: UInt64 = 0

  func validate() throws {
    do {
      try configuration(modules: []).validate()
    } catch {
      throw ValidationError(error.description)
    }
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

  /// Makes the machine.
  ///
  /// `console` is the serial port that somebody looks at, relative names of files begin in `folder`,
  /// or in the current directory, and `firstDisk` takes the first disk's place.
  func makeMachine(
    console: Int?, folder: String? = nil,
    resetBehavior: MachineConfiguration.ResetBehavior = .restart, firstDisk: RecordedDisk? = nil
  ) throws -> Machine {
    func path(_ name: String) -> String { name.relative(to: folder) }
    do {
      var configuration = configuration(modules: try readModules(path))
      configuration.resetBehavior = resetBehavior
      configuration.disks = try disks.enumerated().map { index, disk in
        guard index == 0, let firstDisk else { return try disk.open(folder: folder) }
        return DiskDrive(firstDisk, bus: disk.bus, access: .writable)
      }
      try firmware.apply(to: &configuration, console: console, folder: folder)
      let file = try image.map(path) ?? (firmware.bios == nil ? BundledKernel.path() : nil)
      return try Machine(
        image: file.map { try .file($0, bootProtocol: bootProtocol) },
        configuration: configuration)
    } catch let error as Failure {
      throw error
    } catch let error as ConfigurationError {
      throw Failure(error, status: ExitStatus.usage)
    } catch let error as any CustomStringConvertible & Error {
      throw Failure(error, status: ExitStatus.unusableFile)
    }
  }

  private func readModules(_ path: (String) -> String) throws -> [BootModule] {
    try modules.map { argument in
      let (file, name) = Self.moduleParts(argument)
      return BootModule(name: name, bytes: try Self.read(path(file)))
    }
  }

  /// The file and the name of a `--module`.
  static func moduleParts(_ argument: String) -> (file: String, name: String) {
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let name = parts.count == 2 ? parts[1] : parts[0].split(separator: "/").last ?? parts[0]
    return (String(parts[0]), String(name))
  }

  /// The content of a file that an option names.
  static func read(_ path: String) throws -> [UInt8] {
    do {
      return try HostFile.read(path)
    } catch {
      throw Failure(error, status: ExitStatus.unusableFile)
    }
  }
}

extension String {
  /// The path from `folder` on, unless it is absolute.
  func relative(to folder: String?) -> String {
    guard let folder, !folder.isEmpty, !hasPrefix("/") else { return self }
    return folder.hasSuffix("/") ? folder + self : "\(folder)/\(self)"
  }
}

extension LinuxKernel.Entry: ExpressibleByArgument {}

extension ProcessorModel: ExpressibleByArgument {}
