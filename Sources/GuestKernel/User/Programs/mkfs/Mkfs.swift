/// mkfs DEVICE: writes an empty apusfs. fsck DEVICE: repeats the journal and checks everything.
///
/// Both are the kernel's own code for the file system (Core/ApusFS), over a disk that is a descriptor.
import Apus

@main
struct Mkfs: Program {
  static func run(_ arguments: [[UInt8]]) -> Int32 {
    let isCheck = arguments.first?.last == 0x6b  // fsck
    guard arguments.count == 2 else {
      say("usage: \(isCheck ? "fsck" as StaticString : "mkfs" as StaticString) DEVICE\n")
      return 2
    }
    guard let disk = DescriptorStore.open(arguments[1]) else {
      say("\(text: arguments[1]): cannot be opened, or is no disk\n")
      return 1
    }
    do throws(DiskFailure) {
      return isCheck ? try check(disk) : try make(disk)
    } catch {
      say("\(text: arguments[1]): \(error.error.name)\n")
      return 1
    }
  }

  private static func make(_ disk: BlockStore) throws(DiskFailure) -> Int32 {
    try ApusVolume.format(disk)
    guard let layout = ApusLayout(blockCount: disk.blockCount) else { return 1 }
    say("\(layout.blockCount) blocks of \(diskBlockSize) bytes, \(layout.inodeCount) inodes, ")
    say("a journal of \(layout.journalLength) blocks\n")
    return 0
  }

  private static func check(_ disk: BlockStore) throws(DiskFailure) -> Int32 {
    let volume = try ApusVolume(disk)
    if volume.journal.replayed > 0 {
      say("\(volume.journal.replayed) transactions repeated from the journal\n")
    }
    if volume.orphans > 0 { say("\(volume.orphans) files without a name removed\n") }
    let result = try ApusCheck.run(volume)
    try volume.close()
    for problem in result.problems { say("\(problem)\n") }
    say(
      "\(result.files) files, \(result.directories) directories, \(result.blocks) of \(volume.layout.blockCount) blocks used\n"
    )
    say(result.problems.isEmpty ? "the file system is sound\n" : "the file system is damaged\n")
    return result.problems.isEmpty ? 0 : 1
  }
}

/// A disk behind a descriptor.
final class DescriptorStore: BlockStore {
  private let descriptor: Int32

  static func open(_ path: [UInt8]) -> DescriptorStore? {
    let flags = OpenFlags.readWrite.rawValue
    let text = path + [0]
    let opened = text.withUnsafeBufferPointer { Call.open($0.baseAddress, UInt64(flags), 0) }
    guard case .success(let number) = opened else { return nil }
    let descriptor = Int32(truncatingIfNeeded: number)
    var size: UInt64 = 0
    let asked = withUnsafeMutableBytes(of: &size) {
      Call.ioctl(
        descriptor, DeviceRequest.blockDeviceSize, UInt64(UInt(bitPattern: $0.baseAddress)))
    }
    guard case .success = asked, size >= UInt64(diskBlockSize) else { return nil }
    return DescriptorStore(descriptor, UInt32(min(size / UInt64(diskBlockSize), 1 << 30)))
  }

  private init(_ descriptor: Int32, _ blocks: UInt32) {
    self.descriptor = descriptor
    super.init(blockCount: blocks)
  }

  override func read(_ block: UInt32, into target: UnsafeMutableRawPointer) throws(DiskFailure) {
    try whole(
      Call.pread64(
        descriptor, target, UInt64(diskBlockSize), Int64(block) * Int64(diskBlockSize)))
  }

  override func write(_ blocks: [BlockWrite]) throws(DiskFailure) {
    for write in blocks {
      try whole(
        Call.pwrite64(
          descriptor, write.bytes, UInt64(diskBlockSize),
          Int64(write.block) * Int64(diskBlockSize)))
    }
  }

  override func flush() throws(DiskFailure) {
    if case .failure(let error) = Call.fsync(descriptor) { throw DiskFailure(error) }
  }

  private func whole(_ outcome: Outcome) throws(DiskFailure) {
    switch outcome {
    case .failure(let error): throw DiskFailure(error)
    case .success(let count):
      if count != UInt64(diskBlockSize) { throw DiskFailure(.inputOutput) }
    }
  }
}
