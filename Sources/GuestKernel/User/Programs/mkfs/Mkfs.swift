/// mkfs DEVICE: writes an empty apusfs. fsck DEVICE: repeats the journal, checks everything and repairs it.
///
/// Both are the kernel's own code for the file system (Core/ApusFS), over a disk that is a descriptor.
import Apus

@main
struct Mkfs: Program {
  static func run(_ arguments: [[UInt8]]) -> Int32 {
    let isCheck = arguments.first?.last == 0x6b  // fsck
    if isCheck {
      Usage.describe("fsck DEVICE", "checks a file system and repairs it")
    } else {
      Usage.describe("mkfs DEVICE", "makes an empty file system")
    }
    let device = Options(arguments, known: "", operands: 1...1).operands[0]
    let disk: DescriptorStore
    do throws(SystemError) {
      disk = try DescriptorStore.open(device)
    } catch {
      complain("\(text: device): \(error.name)")
      return 1
    }
    do throws(DiskFailure) {
      return isCheck ? try check(disk) : try make(disk)
    } catch {
      say("\(text: device): \(error.error.name)\n")
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

  /// 0 when nothing was wrong, 1 when everything is repaired, 4 when something is left; as on Linux.
  private static func check(_ disk: BlockStore) throws(DiskFailure) -> Int32 {
    let volume = try ApusVolume(disk, isForRepair: true)
    if volume.journal.replayed > 0 {
      say("\(volume.journal.replayed) transactions repeated from the journal\n")
    }
    let (result, repairs) = try ApusRepair.run(volume) { problem, repair in
      say("\(problem.text): \(repair)\n")
    }
    try volume.close()
    for problem in result.problems { say("\(problem.text)\n") }
    say(
      "\(result.files) files, \(result.directories) directories, \(result.blocks) of \(volume.layout.blockCount) blocks used\n"
    )
    guard result.problems.isEmpty else {
      say("the file system is damaged\n")
      return 4
    }
    if repairs > 0 {
      say("\(repairs) repairs: the file system is whole again\n")
      return 1
    }
    say("the file system is sound\n")
    return 0
  }
}
