/// Programs that make and check the journaling file system, with the kernel's own code for it.
import Apus

let diskTools: [Tool] = [
  Tool(name: "mkfs", usage: "mkfs DEVICE", summary: "makes an empty apusfs on a disk") {
    withDisk($0, "mkfs DEVICE") { (store) throws(DiskFailure) in
      try ApusVolume.format(store)
      say("\(store.blockCount) blocks of \(diskBlockSize) bytes\n")
      return 0
    }
  },
  Tool(
    name: "fsck", usage: "fsck DEVICE", summary: "repeats the journal, checks an unmounted apusfs"
  ) {
    withDisk($0, "fsck DEVICE") { (store) throws(DiskFailure) in
      let check = try ApusCheck.run(try ApusVolume(store))
      for problem in check.problems { say("\(problem)\n") }
      say("\(check.files) files, \(check.directories) directories, \(check.blocks) blocks: ")
      say(check.problems.isEmpty ? "clean\n" : "damaged\n")
      return check.problems.isEmpty ? 0 : 1
    }
  },
]

private func withDisk(
  _ arguments: [[UInt8]], _ usage: StaticString,
  _ body: (DiskStore) throws(DiskFailure) -> Int32
) -> Int32 {
  guard arguments.count == 2 else { fail("usage: \(usage)", code: 2) }
  do throws(SystemError) {
    let store = try DiskStore(arguments[1])
    do throws(DiskFailure) {
      return try body(store)
    } catch {
      throw error.error
    }
  } catch {
    complain("\(text: arguments[1]): \(error.name)")
    return 1
  }
}
