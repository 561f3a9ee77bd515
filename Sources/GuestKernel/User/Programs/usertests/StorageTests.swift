/// Limits of storage: holes, full file systems, large programs, files without an end, and disks that
/// somebody else has.
import Apus

let storageTests: [UserTest] = [
  UserTest(name: "sparse-file") { check in
    inScratch(check) { () throws(SystemError) in
      let file = try Descriptor.open(literal("f"), [.readWrite, .create])
      let far: Int64 = 4 << 30
      let bytes: [UInt8] = [0x61, 0x62]
      check.succeeds(Call.pwrite64(file.rawValue, bytes, 2, far), "a write at 4 GiB")
      let status = try file.status()
      check.expect(status.size == UInt64(far) + 2, "the size is where the write ended")
      check.expect(status.blocks <= 16, "a hole takes no room: \(status.blocks) blocks")
      _ = try file.seek(far - 2, from: .start)
      check.expect(try file.read(limit: 10) == [0, 0, 0x61, 0x62], "zeroes, then what was written")
      check.fails(Call.pwrite64(file.rawValue, [0], 1, 1 << 41), .fileTooLarge, "at 2 TiB")
      check.fails(Call.ftruncate(file.rawValue, 1 << 41), .fileTooLarge, "to 2 TiB")
      try file.truncate(to: 1)
      check.expect(try file.status().blocks == 0, "shortened, it takes no room at all")
      try file.close()
    }
  },
  UserTest(name: "full-file-system") { check in
    inScratch(check) { () throws(SystemError) in
      let place = literal("m")
      try FileTree.makeDirectory(place)
      let bad = Mounting.mount(literal("none"), place, literal("size=much"))
      check.fails(bad, .invalidArgument, "a size that is no number")
      check.succeeds(Mounting.mount(literal("none"), place, literal("size=64k")), "mount")
      let file = try Descriptor.open(literal("m/f"), [.readWrite, .create])
      let page = [UInt8](repeating: 0x61, count: 4096)
      var written = 0
      var outcome = Outcome.success(0)
      while written <= 64, outcome.isSuccess {
        outcome = Call.write(file.rawValue, page, 4096)
        if outcome.isSuccess { written += 1 }
      }
      check.fails(outcome, .noSpace, "one page too many")
      check.expect(written == 16, "\(written) pages of 16 could be written")
      check.expect(try FileTree.fileSystemStatus(of: place).freeBlocks == 0, "statfs: it is full")
      try file.close()
      try FileTree.remove(literal("m/f"))
      let status = try FileTree.fileSystemStatus(of: place)
      check.expect(status.blocks == 16 && status.freeBlocks == 16, "statfs: it is empty again")
      var made = 0
      outcome = .success(0)
      while made <= 64, outcome.isSuccess {
        let name = literal("m/d") + [UInt8]("\(made)" as TextLine)
        outcome = name.withPath { Call.mkdir($0, 0o755) }
        if outcome.isSuccess { made += 1 }
      }
      check.fails(outcome, .noSpace, "one name too many")
      check.expect(made == 15, "\(made) directories, with the root 16")
      try FileTree.unmount(place)
    }
  },
  UserTest(name: "statfs") { check in
    inScratch(check) { () throws(SystemError) in
      let before = try FileTree.fileSystemStatus(of: literal("."))
      check.expect(before.blocks > 256 && before.freeBlocks <= before.blocks, "it has a size")
      try FileTree.write([UInt8](repeating: 1, count: 100_000), to: literal("f"))
      let after = try FileTree.fileSystemStatus(of: literal("."))
      check.expect(before.freeBlocks >= after.freeBlocks + 25, "25 pages are gone")
      check.expect(before.freeInodes >= after.freeInodes + 1, "and an inode")
    }
  },
  UserTest(name: "exec-large") { check in
    inScratch(check) { () throws(SystemError) in
      let name = literal("true")
      try FileTree.write(try FileTree.contents(of: literal("/bin/true")), to: name)
      let file = try Descriptor.open(name, [.readWrite])
      try file.truncate(to: 1 << 30)
      try file.close()
      try FileTree.setPermissions(0o755, of: name)
      let status = try Process.run([literal("./true")])
      check.expect(status == .exited(code: 0), "a program of a gibibyte runs")
      // No program at all, and as large: refused after a look at its beginning.
      let hole = try Descriptor.open(literal("hole"), [.readWrite, .create], permissions: 0o755)
      try hole.truncate(to: 1 << 30)
      try hole.close()
      check.expect(Process.execute(literal("hole"), []) == .badExecutable, "a hole is no program")
      check.expect(try FileTree.status(of: literal("hole")).size == 1 << 30, "and can be used on")
    }
  },
  UserTest(name: "text-busy") { check in
    inScratch(check) { () throws(SystemError) in
      let name = literal("true")
      try FileTree.write(try FileTree.contents(of: literal("/bin/true")), to: name)
      try FileTree.setPermissions(0o755, of: name)
      let open = try Descriptor.open(name, [.readWrite])
      check.expect(Process.execute(name, []) == .textBusy, "while somebody writes to it")
      try open.close()
      check.expect(try Process.run([literal("./true")]) == .exited(code: 0), "then it runs")

      try FileTree.write(try FileTree.contents(of: literal("/bin/spin")), to: literal("spin"))
      try FileTree.setPermissions(0o755, of: literal("spin"))
      let pipe = try Descriptor.pipe(.closeOnExec)
      let pid = try Process.fork()
      if pid == 0 {
        _ = Process.execute(literal("spin"), [literal("spin")])
        System.exitNow(9)
      }
      try pipe.writing.close()
      // The end comes when exec has closed the other end.
      _ = try pipe.reading.read(limit: 1)
      try pipe.reading.close()
      let writing = UInt64(OpenFlags.writeOnly.rawValue)
      check.fails(
        literal("spin").withPath { Call.open($0, writing, 0) }, .textBusy, "a program that runs")
      check.fails(literal("spin").withPath { Call.truncate($0, 0) }, .textBusy, "nor made shorter")
      try Process.send(.kill, to: pid)
      _ = try Process.wait(for: pid)
      let late = literal("spin").withPath { Call.open($0, writing, 0) }
      if late.isSuccess {
        _ = Call.close(Int32(truncatingIfNeeded: check.succeeds(late, "afterwards")))
      } else {
        check.succeeds(late, "afterwards it may be written to")
      }
    }
  },
  UserTest(name: "module-files") { check in
    inScratch(check) { () throws(SystemError) in
      func load(_ name: [UInt8], _ flags: UInt64 = 0) throws(SystemError) -> Outcome {
        let file = try Descriptor.open(name)
        defer { _ = Call.close(file.rawValue) }
        return [].withPath { Call.finit_module(file.rawValue, $0, flags) }
      }
      check.fails(try load(literal("/dev/zero")), .invalidArgument, "a file without an end")
      check.fails(try load(literal("/tmp")), .invalidArgument, "a directory")
      try FileTree.write([], to: literal("empty"))
      check.fails(try load(literal("empty")), .badExecutable, "an empty file")
      try FileTree.write([UInt8](repeating: 0, count: 5000), to: literal("zeroes"))
      check.fails(try load(literal("zeroes")), .badExecutable, "a file of zeroes")
      check.fails(try load(literal("zeroes"), 0x100), .invalidArgument, "with an unknown flag")
      let large = try Descriptor.open(literal("large"), [.readWrite, .create])
      try large.truncate(to: 64 << 20)
      try large.close()
      check.fails(try load(literal("large")), .fileTooLarge, "a file of 64 MiB")
      let memory = [].withPath { Call.init_module([0], 64 << 20, $0) }
      check.fails(memory, .fileTooLarge, "64 MiB of memory")
      for name in ["../../dev/zero", "/dev/zero", "no-such-module"] as [StaticString] {
        let outcome = literal(name).withPath { name in
          [].withPath { Call.request_module(name, $0) }
        }
        check.fails(outcome, .notFound, "the module \(name)")
      }
    }
  },
  UserTest(name: "disk-busy") { check in
    let disk = literal("/dev/ram0")
    guard FileTree.exists(disk) else { return }
    inScratch(check) { () throws(SystemError) in
      let line = literal("mkfs /dev/ram0 > /dev/null")
      let made = try Process.run([literal("sh"), literal("-c"), line])
      check.expect(made == .exited(code: 0), "mkfs")
      let (here, there) = (literal("a"), literal("b"))
      try FileTree.makeDirectory(here)
      try FileTree.makeDirectory(there)
      let writer = try Descriptor.open(disk, .readWrite)
      check.fails(Mounting.mount(disk, here), .busy, "mount, while somebody writes to the disk")
      check.fails(disk.withPath { Call.swapon($0, 0) }, .busy, "swapon, too")
      try writer.close()
      check.succeeds(Mounting.mount(disk, here), "mount")
      check.fails(Mounting.mount(disk, there), .busy, "mounting it twice")
      let writing = UInt64(OpenFlags.writeOnly.rawValue)
      check.fails(
        disk.withPath { Call.open($0, writing, 0) }, .busy, "writing to a disk that is mounted")
      check.fails(disk.withPath { Call.swapon($0, 0) }, .busy, "swapping to it")
      try Descriptor.open(disk).close()
      // What has run from there, or was mapped, does not keep it mounted.
      try FileTree.write(try FileTree.contents(of: literal("/bin/true")), to: literal("a/true"))
      try FileTree.setPermissions(0o755, of: literal("a/true"))
      check.expect(try Process.run([literal("a/true")]) == .exited(code: 0), "a program on a disk")
      try FileTree.unmount(here)
      try Descriptor.open(disk, .writeOnly).close()
    }
  },
  UserTest(name: "fsck-repairs") { check in
    let disk = literal("/dev/ram0")
    guard FileTree.exists(disk) else { return }
    inScratch(check) { () throws(SystemError) in
      func shell(_ line: StaticString) throws(SystemError) -> WaitStatus {
        try Process.run([literal("sh"), literal("-c"), literal(line)])
      }
      check.expect(
        try shell(
          """
          mkfs /dev/ram0 > /dev/null && mkdir m && mount -t apusfs /dev/ram0 m &&
          echo one > m/a && mkdir m/d && echo two > m/d/b && umount m && fsck /dev/ram0 > /dev/null
          """) == .exited(code: 0), "a disk with three files, which fsck finds sound")
      // The wrong number of links for a, and the one block of the directory d is lost.
      let store = try DescriptorStore.open(disk)
      let size = UInt64(diskBlockSize)
      do throws(DiskFailure) {
        let volume = try ApusVolume(store)
        let block = try volume.inode(3).blocks[0]
        let rubbish = [UInt8](repeating: 0xff, count: diskBlockSize)
        store.writeRaw(rubbish, at: UInt64(block) * size)
        store.writeRaw(
          [9, 0], at: UInt64(volume.layout.inodeTable) * size + 2 * UInt64(ApusLayout.inodeSize) + 2
        )
      } catch {
        check.expect(false, "the disk can be read: \(error.error.name)")
      }
      store.close()
      check.expect(
        try shell("fsck /dev/ram0 > said") == .exited(code: 1), "fsck has repaired something")
      check.expect(
        try shell(
          """
          grep -q '9 links noted, 1 found: corrected' said && grep -q 'no list of names: emptied' said &&
          grep -q 'no name: named in /lost+found' said && grep -q 'repairs: the file system is whole again' said
          """) == .exited(code: 0), "and says what")
      check.expect(
        try shell(
          """
          fsck /dev/ram0 > /dev/null && mount -t apusfs /dev/ram0 m && [ $(cat m/a) = one ] &&
          [ "$(cat m/lost+found/*)" = two ] && umount m
          """) == .exited(code: 0), "then the disk is sound, and nothing that was written is lost")
    }
  },
  UserTest(name: "unknown-flags") { check in
    var pair: (Int32, Int32) = (0, 0)
    for flags in [0x2, 0x40_2000, 0x1_0000_0000, 1 << 63] as [UInt64] {
      let outcome = withUnsafeMutableBytes(of: &pair) { Call.pipe2($0.baseAddress, flags) }
      check.fails(outcome, .invalidArgument, "pipe2 with \(hex: flags)")
      check.fails(Call.dup3(0, 50, flags), .invalidArgument, "dup3 with \(hex: flags)")
    }
    check.fails(Call.dup3(0, 0, 0), .invalidArgument, "dup3 onto itself")
    for flags in [0x2d, 0x2000, 0x8000_0011, 0x1_0000_0011, 1 << 63] as [UInt64] {
      check.fails(Call.clone(flags, 0, nil, nil, 0), .invalidArgument, "clone with \(hex: flags)")
    }
  },
  UserTest(name: "whole-reads") { check in
    do throws(SystemError) {
      for name in ["/dev/zero", "/dev/urandom"] as [StaticString] {
        let file = try Descriptor.open(literal(name))
        check.expect(try file.read(limit: 65536).count == 65536, "\(name) gives all that is asked")
        try file.close()
      }
    } catch {
      check.succeeds(.failure(error), "/dev/zero")
    }
  },
  UserTest(name: "syslog") { check in
    let size = check.succeeds(Call.syslog(10, nil, 0), "the size of the log")
    var buffer = [UInt8](repeating: 0, count: Int(size))
    let got = buffer.withUnsafeMutableBytes {
      check.succeeds(Call.syslog(3, $0.baseAddress, Int32(size)), "reading all of it")
    }
    check.expect(got <= size && (got == 0 || buffer[0] == 0x3c), "lines begin with a level")
    check.fails(Call.syslog(8, nil, 0), .invalidArgument, "level 0")
    check.fails(Call.syslog(8, nil, 9), .invalidArgument, "level 9")
    check.fails(Call.syslog(77, nil, 0), .invalidArgument, "an unknown action")
    check.fails(Call.syslog(3, nil, -1), .invalidArgument, "less than nothing")
    do throws(SystemError) {
      let file = try Descriptor.open(literal("/dev/kmsg"), .writeOnly)
      try file.write(all: literal("a line of usertests"))
      try file.close()
      for address in badAddresses {
        let pointer = UnsafeMutableRawPointer(bitPattern: UInt(address))
        check.fails(Call.syslog(3, pointer, 64), .badAddress, "into \(hex: address)")
      }
      let level = literal("/proc/sys/kernel/printk")
      let before = try FileTree.contents(of: level)
      check.succeeds(Call.syslog(8, nil, 3), "level 3")
      check.expect(try FileTree.contents(of: level) == literal("3\n"), "printk says so")
      try FileTree.write(before, to: level)
    } catch {
      check.succeeds(.failure(error), "/dev/kmsg")
    }
  },
]

private enum Mounting {
  static func mount(_ source: [UInt8], _ place: [UInt8], _ options: [UInt8]) -> Outcome {
    source.withPath { source in
      place.withPath { place in
        literal("ramfs").withPath { type in
          options.withPath { Call.mount(source, place, type, 0, $0) }
        }
      }
    }
  }

  static func mount(_ disk: [UInt8], _ place: [UInt8]) -> Outcome {
    disk.withPath { disk in
      place.withPath { place in
        literal("apusfs").withPath { Call.mount(disk, place, $0, 0, nil) }
      }
    }
  }
}
