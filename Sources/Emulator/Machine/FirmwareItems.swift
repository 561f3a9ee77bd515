/// What a machine tells its firmware.
enum FirmwareItems {
  /// Types of ranges in a memory map as BIOS interrupt 15h, function E820h, has them.
  private static let usable: UInt32 = 1

  /// The items that have a number.
  static func numbered(
    _ configuration: MachineConfiguration
  ) -> [FirmwareConfiguration.Selector: [UInt8]] {
    typealias Item = FirmwareConfiguration.Item
    let processors = UInt64(configuration.processors)
    return [
      Item.uuid: [UInt8](repeating: 0, count: 16),
      Item.memorySize: configuration.memory.littleEndianBytes(8),
      Item.hasNoDisplay: [configuration.display == nil ? 1 : 0, 0],
      Item.processorCount: processors.littleEndianBytes(2),
      Item.nodeCount: [UInt8](repeating: 0, count: 8),
      Item.bootMenu: [0, 0],
      Item.largestProcessorCount: processors.littleEndianBytes(2),
    ]
  }

  /// The items that have a name.
  static func files(
    _ configuration: MachineConfiguration, tables: ACPITables
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
