/// What a machine tells its firmware.
enum FirmwareItems {
  /// Types of ranges in a memory map as BIOS interrupt 15h, function E820h, has them.
  private static let usable: UInt32 = 1

  private typealias Item = FirmwareConfiguration.Item

  /// The items that have a number.
  static func numbered(
    _ configuration: MachineConfiguration, kernel: LinuxParts?
  ) -> [FirmwareConfiguration.Selector: [UInt8]] {
    let processors = UInt64(configuration.processors)
    let items = [
      Item.uuid: [UInt8](repeating: 0, count: 16),
      Item.memorySize: configuration.memory.littleEndianBytes(8),
      Item.hasNoDisplay: [configuration.display == nil ? 1 : 0, 0],
      Item.processorCount: processors.littleEndianBytes(2),
      Item.nodeCount: [UInt8](repeating: 0, count: 8),
      Item.bootMenu: [0, 0],
      Item.largestProcessorCount: processors.littleEndianBytes(2),
    ]
    guard let kernel else { return items }
    return items.merging(Self.items(of: kernel)) { $1 }
  }

  /// The items that the option ROM for a kernel asks for.
  private static func items(
    of kernel: LinuxParts
  ) -> [FirmwareConfiguration.Selector: [UInt8]] {
    func number(_ value: UInt64) -> [UInt8] { value.littleEndianBytes(4) }
    func size(_ part: LinuxParts.Part) -> [UInt8] { number(UInt64(part.bytes.count)) }
    return [
      Item.kernelAddress: number(kernel.system.address), Item.kernelSize: size(kernel.system),
      Item.kernelData: kernel.system.bytes,
      Item.ramdiskAddress: number(kernel.ramdisk.address), Item.ramdiskSize: size(kernel.ramdisk),
      Item.ramdiskData: kernel.ramdisk.bytes,
      Item.commandLineAddress: number(kernel.commandLine.address),
      Item.commandLineSize: size(kernel.commandLine),
      Item.commandLineData: kernel.commandLine.bytes,
      Item.setupAddress: number(kernel.setup.address), Item.setupSize: size(kernel.setup),
      Item.setupData: kernel.setup.bytes,
    ]
  }

  /// The items that have a name.
  static func files(
    _ configuration: MachineConfiguration, tables: ACPITables, hasKernel: Bool
  ) -> [(name: String, content: [UInt8])] {
    let loader = ACPITableLoader(tables)
    var files: [(name: String, content: [UInt8])] = [
      (ACPITableLoader.rsdpName, loader.rsdp), (ACPITableLoader.tablesName, loader.tables),
      (ACPITableLoader.commandsName, loader.commands),
      ("etc/e820", memoryMap(configuration)),
      // S3 and S4 are not offered, S5 has type 5; for the built-in tables of old firmware.
      ("etc/system-states", [128, 0, 0, 1, 2, 128 | 5]),
      // Seconds to wait before the next attempt to start anything.
      ("etc/boot-fail-wait", UInt64(60_000).littleEndianBytes(4)),
    ]
    if let port = configuration.firmwareConsole, PortMap.serial.indices.contains(port) {
      files.append(("etc/sercon-port", UInt64(PortMap.serial[port]).littleEndianBytes(8)))
    }
    if hasKernel {
      files.append((LinuxROM.name, LinuxROM.bytes))
      files.append(("bootorder", Array("/rom@\(LinuxROM.name)".utf8) + [0]))
    }
    return files
  }

  private static func memoryMap(_ configuration: MachineConfiguration) -> [UInt8] {
    let low = min(configuration.memory, PhysicalMemory.holeStart)
    var ranges: [(start: UInt64, size: UInt64)] = [(0, low)]
    if configuration.memory > low {
      ranges.append((PhysicalMemory.highStart, configuration.memory - low))
    }
    return ranges.flatMap {
      $0.start.littleEndianBytes(8) + $0.size.littleEndianBytes(8)
        + UInt64(usable).littleEndianBytes(4)
    }
  }
}

extension MachineConfiguration {
  /// What the real-time clock's memory holds.
  var batteryBackedMemory: RTC.Configuration {
    let low = min(memory, PhysicalMemory.holeStart)
    var configuration = RTC.Configuration(
      startTime: Int64(clamping: startTime), memoryBelow4GiB: low, memoryAbove4GiB: memory - low)
    configuration.processors = processors
    if firmware != nil { configuration.bootOrder = [.optical, .disk, .network] }
    return configuration
  }
}

extension KernelImage {
  /// What an option ROM needs to start this kernel behind a machine's firmware.
  func parts(for configuration: MachineConfiguration) throws(ImageError) -> LinuxParts {
    guard case .linux(let kernel) = kind else {
      throw ImageError(
        name,
        "behind firmware (--bios) only a Linux bzImage can be started directly; put this kernel "
          + "on a disk or CD with GRUB, or leave --bios out")
    }
    guard configuration.linuxEntry ?? .real == .real else {
      throw ImageError(
        name,
        "firmware (--bios) starts a Linux kernel by its real-mode entry, and the others are for "
          + "machines without; use --entry 16, or leave --bios out")
    }
    return try LinuxParts(
      kernel, commandLine: configuration.commandLine, modules: configuration.modules,
      lowSize: min(configuration.memory, PhysicalMemory.holeStart))
  }
}
