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
      return passed
    } catch {
      return Demo.check(false, "no request fails (\(error.error.name))")
    }
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
