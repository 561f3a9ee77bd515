/// A disk's request queue: sorting, merging, and the transfers that the hardware sees.
enum DiskDemo {
  private final class Log {
    var transfers: [(sector: UInt64, count: UInt64)] = []
    init() {}
  }

  static func run() -> Bool {
    guard let disk = BlockDevices.find(DeviceNumber(1, 1)) else {
      return Demo.check(false, "there is a RAM disk")
    }
    let page = UnsafeMutableRawPointer.allocate(byteCount: 4096, alignment: 4096)
    defer { page.deallocate() }
    let log = Log()
    disk.observer = { log.transfers.append(($0.run.sector, $0.run.count)) }
    defer { disk.observer = nil }
    do throws(SystemFailure) {
      Demo.say("Eight requests for neighbouring sectors, handed over in disorder:")
      try perform(disk, page, [3, 0, 7, 1, 2, 6, 4, 5])
      show(log)
      var passed = Demo.check(
        log.transfers.count == 1 && log.transfers.first?.count == 8,
        "merged into one transfer of eight sectors")
      log.transfers = []
      Demo.say("Five requests far apart, the head being behind sector 8:")
      try perform(disk, page, [900, 100, 500, 2, 300])
      show(log)
      var isSorted = log.transfers.count == 5
      for (index, sector) in ([100, 300, 500, 900, 2] as [UInt64]).enumerated()
      where isSorted && log.transfers[index].sector != sector { isSorted = false }
      passed = Demo.check(isSorted, "upwards from the head, then back to the lowest") && passed
      return try hardware(page) && passed
    } catch {
      return Demo.check(false, "no request fails (\(error.error.name))")
    }
  }

  /// The same eight requests to a disk that is a machine of its own, if there is one.
  private static func hardware(_ page: UnsafeMutableRawPointer) throws(SystemFailure) -> Bool {
    guard let disk = BlockDevices.find(DeviceNumber(252, 0)) else {
      Demo.say("There is no virtio disk; with one (emu: --disk FILE) this goes on.")
      return true
    }
    Demo.say("The first sectors of /dev/vda, read by the device itself (DMA):")
    let before = disk.statistics
    try perform(disk, page, [3, 0, 7, 1, 2, 6, 4, 5])
    let after = disk.statistics
    return Demo.check(
      after.requests - before.requests == 8 && after.transfers - before.transfers == 1,
      "8 requests, one chain of descriptors, one interrupt")
  }

  private static func perform(
    _ disk: BlockDevice, _ page: UnsafeMutableRawPointer, _ sectors: [UInt64]
  ) throws(SystemFailure) {
    var requests: [DiskRequest] = []
    for (index, sector) in sectors.enumerated() {
      requests.append(
        DiskRequest(
          sector: sector, count: 1, isWrite: false, bytes: page + index * Int(sectorSize)))
    }
    try disk.perform(requests)
  }

  private static func show(_ log: Log) {
    for transfer in log.transfers {
      Demo.say("  sector \(transfer.sector), \(transfer.count) sectors")
    }
  }
}
