/// Swap space on a disk: slot n is the n+1st page of it, since the first may hold a label.
///
/// Pages go to the device directly, past the page cache and any file system.
import KernelArch

final class DiskSwap: SwapArea {
  private static let sectorsPerPage: UInt64 = 8
  private let device: BlockDevice

  /// Takes over the caller's claim of the disk.
  init?(_ device: BlockDevice, name: [UInt8]) {
    let pages = device.sectorCount / DiskSwap.sectorsPerPage
    guard pages > 1 else { return nil }
    self.device = device
    super.init(name: name, slots: Int(min(pages - 1, 1 << 20)))
  }

  deinit { device.unclaim() }

  override func write(_ slot: Int, from frame: PhysicalAddress) -> Bool {
    transfer(slot, frame, isWrite: true)
  }

  override func read(_ slot: Int, into frame: PhysicalAddress) -> Bool {
    transfer(slot, frame, isWrite: false)
  }

  private func transfer(_ slot: Int, _ frame: PhysicalAddress, isWrite: Bool) -> Bool {
    do throws(SystemFailure) {
      try device.transfer(
        UInt64(slot + 1) * DiskSwap.sectorsPerPage, DiskSwap.sectorsPerPage, isWrite: isWrite,
        frame.pointer)
      return true
    } catch {
      return false
    }
  }
}
