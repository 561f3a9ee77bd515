/// What a machine is made of.
///
/// Equal configurations, images and inputs give equal executions.
public struct MachineConfiguration: Equatable, Sendable {
  /// What a machine does when its guest asks for a reset.
  public enum ResetBehavior: Equatable, Sendable {
    /// Loads the image again and starts it.
    case restart
    /// Ends the run.
    case stop
  }

  /// RAM, in bytes.
  public var memory: UInt64
  /// The number of processors.
  public var processors = 1
  /// What CPUID reports, and with it which instructions there are.
  public var processorModel = ProcessorModel.max
  /// Instructions that one of several processors retires before the next one has its turn.
  public var quantum = defaultQuantum
  /// The kernel's command line.
  public var commandLine: String
  /// Files that are handed to the kernel.
  public var modules: [BootModule]
  /// Where a Linux kernel is entered; nil takes the 64-bit entry where there is one.
  public var linuxEntry: LinuxKernel.Entry?
  /// What the real-time clock shows at power-on, in seconds since 1970.
  public var startTime: UInt64
  /// What a kernel finds where nothing is specified: zeroes (0), or numbers that follow from it.
  public var seed: UInt64
  /// What a reset does.
  public var resetBehavior: ResetBehavior
  /// Disks, in the order in which the guest finds them.
  public var disks: [DiskDrive] = []
  /// Where there is a virtio entropy device, whose numbers follow from the seed.
  public var entropy: VirtIOBus?
  /// Where there is a virtio console.
  public var virtioConsole: VirtIOBus?
  /// The network interface.
  public var network: NetworkInterface?

  /// Firmware that the machine starts with, instead of a kernel.
  public var firmware: FirmwareImage?
  /// The display adapter.
  public var display: DisplayAdapter?
  /// The serial port, 0 for COM1, that SeaBIOS shows its screen on and takes keys from.
  public var firmwareConsole: Int?

  /// RAM unless told otherwise: 128 MiB.
  public static let defaultMemory: UInt64 = 128 << 20
  /// The least RAM that boot structures, ACPI tables and a kernel fit into.
  public static let smallestMemory: UInt64 = 2 << 20
  /// PCI slots for devices, of which some are left to the chipset.
  private static let mostDevices = 24
  /// The most RAM: what a bare ELF64 kernel is entered with a map of.
  public static let largestMemory: UInt64 = 256 << 30
  /// The most processors.
  public static let mostProcessors = 64
  /// Instructions in a turn unless told otherwise.
  public static let defaultQuantum: UInt64 = 10_000
  /// 1 January 2026, 00:00 UTC.
  public static let defaultStartTime: UInt64 = 1_767_225_600

  /// A configuration; what is not given has the usual value.
  public init(
    memory: UInt64 = defaultMemory, commandLine: String = "", modules: [BootModule] = [],
    startTime: UInt64 = defaultStartTime, seed: UInt64 = 0,
    resetBehavior: ResetBehavior = .restart
  ) {
    self.memory = memory
    self.commandLine = commandLine
    self.modules = modules
    self.startTime = startTime
    self.seed = seed
    self.resetBehavior = resetBehavior
  }

  /// Checks that a machine can be made this way.
  public func validate() throws(ConfigurationError) {
    guard memory % PhysicalMemory.pageSize == 0 else {
      throw ConfigurationError(
        "the memory size (--memory) \(memory) is no multiple of 4096 bytes")
    }
    guard memory >= Self.smallestMemory, memory <= Self.largestMemory else {
      throw ConfigurationError(
        "the memory size (--memory) must lie between \(Self.smallestMemory >> 20) MiB "
          + "and \(Self.largestMemory >> 30) GiB")
    }
    let deviceCount = disks.count + 3
    guard deviceCount <= Self.mostDevices else {
      throw ConfigurationError("there is room for \(Self.mostDevices - 3) disks at the most")
    }
    guard disks.count(where: { $0.bus == .ide }) <= IDEController.largestDriveCount else {
      throw ConfigurationError(
        "IDE has room for \(IDEController.largestDriveCount) disks and CDs")
    }
    guard disks.allSatisfy({ !$0.isOptical || $0.bus == .ide }) else {
      throw ConfigurationError("a CD can only be attached to IDE")
    }
    guard disks.allSatisfy({ $0.access != .writable || !$0.backend.isReadOnly }) else {
      throw ConfigurationError("a disk that can only be read cannot be attached as writable")
    }
    guard network.map({ $0.address.count == 6 && $0.address[0] & 1 == 0 }) ?? true else {
      throw ConfigurationError("an Ethernet address has six bytes, the first of them even")
    }
    guard (1...Self.mostProcessors).contains(processors) else {
      throw ConfigurationError(
        "a machine has 1 to \(Self.mostProcessors) processors, not \(processors)")
    }
    guard quantum > 0 else {
      throw ConfigurationError("a processor's turn has at least 1 instruction")
    }
  }
}

/// Why no machine can be made: one sentence.
public struct ConfigurationError: Error, Equatable, CustomStringConvertible {
  /// The sentence.
  public let description: String

  init(_ description: String) { self.description = description }
}
