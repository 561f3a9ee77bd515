/// A disk in memory: /dev/ram0 and /dev/ram1, with the same request queue as real ones.
import KernelArch

final class RAMDisk: BlockDevice {
  // A page for each eight sectors, made when first written. Lock: `pageLock`.
  private var pages: [UnsafeMutableRawPointer?]
  private let pageLock = SpinLock("ram disk")

  init(_ name: [UInt8], sectorCount: UInt64, minor: UInt32) {
    pages = [UnsafeMutableRawPointer?](repeating: nil, count: Int(sectorCount / 8))
    super.init(name, sectorCount: sectorCount, number: DeviceNumber(1, minor))
  }

  static func start() {
    for minor in 0..<2 as Range<UInt32> {
      let name = [UInt8](text: "ram") + [UInt8](decimal: UInt64(minor))
      BlockDevices.add(RAMDisk(name, sectorCount: 8192, minor: minor))
    }
  }

  override func start(_ transfer: DiskTransfer) {
    var error: SystemError?
    for request in transfer.requests where !copy(request) { error = .noSpace }
    finish(transfer, error)
  }

  private func copy(_ request: DiskRequest) -> Bool {
    for index in 0..<request.count {
      let sector = request.sector + index
      let memory = request.bytes + Int(index * sectorSize)
      guard let page = page(Int(sector / 8), make: request.isWrite) else {
        if request.isWrite { return false }
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: Int(sectorSize))
        continue
      }
      let place = page + Int(sector % 8 * sectorSize)
      if request.isWrite {
        place.copyMemory(from: memory, byteCount: Int(sectorSize))
      } else {
        memory.copyMemory(from: place, byteCount: Int(sectorSize))
      }
    }
    return true
  }

  private func page(_ index: Int, make: Bool) -> UnsafeMutableRawPointer? {
    pageLock.withLock {
      if pages[index] == nil, make {
        pages[index] = Frames.allocate(order: 0, .zero)?.pointer
      }
      return pages[index]
    }
  }
}
