/// A disk, or a file that holds the image of one, for programs that work on file systems from outside:
/// the same code that the kernel mounts with runs here on a descriptor.
package final class DiskStore: BlockStore {
  private let file: Descriptor
  private let isDevice: Bool

  package init(_ path: [UInt8]) throws(SystemError) {
    let file = try Descriptor.open(path, .readWrite)
    let status = try file.status()
    var size = status.size
    let isDevice = status.mode.kind == .blockDevice
    if isDevice {
      let outcome = withUnsafeMutableBytes(of: &size) {
        file.deviceControl(DeviceRequest.blockDeviceSize, $0.baseAddress)
      }
      try outcome.check()
    }
    self.file = file
    self.isDevice = isDevice
    super.init(blockCount: UInt32(clamping: size / UInt64(diskBlockSize)))
  }

  deinit { _ = Call.close(file.rawValue) }

  package override func read(
    _ block: UInt32, into target: UnsafeMutableRawPointer
  ) throws(DiskFailure) {
    var done = 0
    while done < diskBlockSize {
      let position = Int64(block) * Int64(diskBlockSize) + Int64(done)
      let rest = UInt64(diskBlockSize - done)
      switch Call.pread64(file.rawValue, target + done, rest, position) {
      case .success(0): throw DiskFailure(.inputOutput)
      case .success(let count): done += Int(count)
      case .failure(let error): throw DiskFailure(error)
      }
    }
  }

  package override func write(_ blocks: [BlockWrite]) throws(DiskFailure) {
    for block in blocks {
      var done = 0
      while done < diskBlockSize {
        let position = Int64(block.block) * Int64(diskBlockSize) + Int64(done)
        let rest = UInt64(diskBlockSize - done)
        switch Call.pwrite64(file.rawValue, block.bytes + done, rest, position) {
        case .success(0): throw DiskFailure(.noSpace)
        case .success(let count): done += Int(count)
        case .failure(let error): throw DiskFailure(error)
        }
      }
    }
  }

  package override func flush() throws(DiskFailure) {
    let outcome =
      isDevice
      ? file.deviceControl(DeviceRequest.flushBlockDevice, nil) : Call.fsync(file.rawValue)
    if let error = outcome.error { throw DiskFailure(error) }
  }
}
