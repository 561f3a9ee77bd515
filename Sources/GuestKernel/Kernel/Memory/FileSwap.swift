/// Swap space in a file or on a disk: slot n is page n of it. The first page is left alone, since disks
/// keep labels there.
import KernelArch

final class FileSwap: SwapArea {
  private let file: OpenFile

  /// Takes over the caller's use of the file.
  init?(_ file: OpenFile, name: [UInt8], size: UInt64) {
    guard size >= 2 * pageSize else { return nil }
    self.file = file
    super.init(name: name, slots: Int(min(size / pageSize - 1, 1 << 20)))
  }

  deinit { file.drop() }

  private func position(_ slot: Int) -> UInt64 { UInt64(slot + 1) * pageSize }

  override func write(_ slot: Int, from frame: PhysicalAddress) -> Bool {
    let page = UnsafeRawBufferPointer(start: frame.pointer, count: Int(pageSize))
    do throws(SystemFailure) {
      return try file.write(at: position(slot), page) == page.count
    } catch {
      return false
    }
  }

  override func read(_ slot: Int, into frame: PhysicalAddress) -> Bool {
    let page = UnsafeMutableRawBufferPointer(start: frame.pointer, count: Int(pageSize))
    do throws(SystemFailure) {
      return try file.read(at: position(slot), into: page) == page.count
    } catch {
      return false
    }
  }
}
