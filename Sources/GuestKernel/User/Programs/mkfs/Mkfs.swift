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
    let disk: DescriptorStore
    do throws(SystemError) {
      disk = try DescriptorStore.open(arguments[1])
    } catch {
      complain("\(text: arguments[1]): \(error.name)")
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
