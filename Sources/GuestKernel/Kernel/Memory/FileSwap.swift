/// Swap space in a file: slot n is page n+1 of it, since the first may hold a label.
///
/// To write a page by way of the file system would take memory, for its cache and its journal, when there
/// is none. So the file system is asked once where the file's pages lie on its disk, and they go there
/// directly; the file must have no holes, and nobody may write to it or cut it off meanwhile.
import KernelArch

final class FileSwap: SwapArea {
  private static let sectorsPerPage: UInt64 = 8
  private let file: OpenFile
  private let inode: Inode
  private let disk: BlockDevice
  private let blocks: [UInt32]

  /// Takes over the caller's use of the file; nil when its file system does not tell where it lies.
  init?(_ file: OpenFile, name: [UInt8]) throws(SystemFailure) {
    guard let inode = file.inode, !inode.isSwapSpace else { return nil }
    inode.isSwapSpace = true
    let place: (disk: BlockDevice, blocks: [UInt32])?
    do throws(SystemFailure) {
      place = try inode.diskBlocks()
    } catch {
      inode.isSwapSpace = false
      throw error
    }
    guard let place, place.blocks.count >= 2 else {
      inode.isSwapSpace = false
      return nil
    }
    self.file = file
    self.inode = inode
    disk = place.disk
    blocks = place.blocks
    super.init(name: name, slots: min(blocks.count - 1, 1 << 20))
  }

  deinit {
    inode.isSwapSpace = false
    file.drop()
  }

  override func write(_ slot: Int, from frame: PhysicalAddress) -> Bool {
    transfer(slot, frame, isWrite: true)
  }

  override func read(_ slot: Int, into frame: PhysicalAddress) -> Bool {
    transfer(slot, frame, isWrite: false)
  }

  private func transfer(_ slot: Int, _ frame: PhysicalAddress, isWrite: Bool) -> Bool {
    do throws(SystemFailure) {
      try disk.transfer(
        UInt64(blocks[slot + 1]) * FileSwap.sectorsPerPage, FileSwap.sectorsPerPage,
        isWrite: isWrite, frame.pointer)
      return true
    } catch {
      return false
    }
  }
}
