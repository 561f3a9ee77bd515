/// A disk behind a descriptor, for the file system's own code in programs: `mkfs` and `fsck`.
import UserSystem

/// Blocks by `pread64` and `pwrite64`; a flush is `fsync`.
package final class DescriptorStore: BlockStore {
  private let descriptor: Int32

  /// Fails with `busy` while a file system on the disk is mounted.
  package static func open(_ path: [UInt8]) throws(SystemError) -> DescriptorStore {
    let descriptor = try Descriptor.open(path, .readWrite).rawValue
    var size: UInt64 = 0
    let asked = withUnsafeMutableBytes(of: &size) {
      Call.ioctl(
        descriptor, DeviceRequest.blockDeviceSize, UInt64(UInt(bitPattern: $0.baseAddress)))
    }
    guard asked.isSuccess else { throw .notBlockDevice }
    guard size >= UInt64(diskBlockSize) else { throw .noSpace }
    return DescriptorStore(descriptor, UInt32(min(size / UInt64(diskBlockSize), 1 << 30)))
  }

  private init(_ descriptor: Int32, _ blocks: UInt32) {
    self.descriptor = descriptor
    super.init(blockCount: blocks)
  }

  package override func read(_ block: UInt32, into target: UnsafeMutableRawPointer)
    throws(DiskFailure)
  {
    try whole(
      Call.pread64(
        descriptor, target, UInt64(diskBlockSize), Int64(block) * Int64(diskBlockSize)))
  }

  package override func write(_ blocks: [BlockWrite]) throws(DiskFailure) {
    for write in blocks {
      try whole(
        Call.pwrite64(
          descriptor, write.bytes, UInt64(diskBlockSize),
          Int64(write.block) * Int64(diskBlockSize)))
    }
  }

  package override func flush() throws(DiskFailure) {
    if case .failure(let error) = Call.fsync(descriptor) { throw DiskFailure(error) }
  }

  /// Bytes at any place, past the file system: to damage a disk on purpose.
  package func writeRaw(_ bytes: [UInt8], at position: UInt64) {
    _ = Call.pwrite64(descriptor, bytes, UInt64(bytes.count), Int64(position))
  }

  package func close() { _ = Call.close(descriptor) }

  private func whole(_ outcome: Outcome) throws(DiskFailure) {
    switch outcome {
    case .failure(let error): throw DiskFailure(error)
    case .success(let count):
      if count != UInt64(diskBlockSize) { throw DiskFailure(.inputOutput) }
    }
  }
}
