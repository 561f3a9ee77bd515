/// Paths that begin at an open directory, locks on files, files without names, and moving bytes between files.
import Apus

private let nowhere = UnsafeMutableRawPointer(bitPattern: 0x7000_0000)
private let closed: Int32 = 57
private let here = AtFlags.workingDirectory

let atTests: [UserTest] = [
  UserTest(name: "at-calls") { check in
    inScratch(check) { () throws(SystemError) in
      try FileTree.makeDirectory(literal("dir"))
      let directory = try Descriptor.open(literal("dir"), .directory)
      let at = directory.rawValue
      var status = FileStatus()
      literal("file").withPath { file in
        let number = check.succeeds(Call.openat(at, file, 0o102, 0o640), "openat")
        _ = Call.close(Int32(truncatingIfNeeded: number))
        check.succeeds(Call.newfstatat(at, file, &status, 0), "newfstatat")
        check.expect(status.mode.permissions == 0o640, "it is there")
        check.fails(Call.newfstatat(here, file, &status, 0), .notFound, "and not here")
        check.succeeds(Call.fchmodat(at, file, 0o600), "fchmodat")
        check.succeeds(Call.fchownat(at, file, 3, 4, 0), "fchownat")
        check.succeeds(Call.faccessat(at, file, 4), "faccessat")
        literal("other").withPath { other in
          check.succeeds(Call.linkat(at, file, here, other, 0), "linkat")
          check.succeeds(Call.renameat(here, other, at, other), "renameat")
          check.succeeds(Call.unlinkat(at, other, 0), "unlinkat")
          check.fails(Call.unlinkat(at, other, 0), .notFound, "twice")
          check.succeeds(Call.symlinkat(file, at, other), "symlinkat")
          check.succeeds(Call.newfstatat(at, other, &status, 0x100), "of the link itself")
          check.expect(status.mode.kind == .symbolicLink, "it is a link")
          var text = [UInt8](repeating: 0, count: 8)
          check.expect(
            check.succeeds(Call.readlinkat(at, other, &text, 8), "readlinkat") == 4
              && text[3] == 0x65, "to the file")
          check.succeeds(Call.unlinkat(at, other, 0), "the link goes")
        }
        check.succeeds(Call.unlinkat(at, file, 0), "the file goes")
      }
      literal("sub").withPath { sub in
        check.succeeds(Call.mkdirat(at, sub, 0o755), "mkdirat")
        check.fails(Call.unlinkat(at, sub, 0), .isDirectory, "a directory is no file")
        check.succeeds(Call.unlinkat(at, sub, 0x200), "AT_REMOVEDIR")
        check.succeeds(Call.mknodat(at, sub, 0o10644, 0), "mknodat")
        check.succeeds(Call.unlinkat(at, sub, 0), "and a pipe is one")
      }
      // The directory may move meanwhile: the descriptor still means it.
      try FileTree.rename(literal("dir"), to: literal("moved"))
      _ = literal("late").withPath { check.succeeds(Call.mkdirat(at, $0, 0o700), "after a move") }
      check.expect(FileTree.exists(literal("moved/late")), "in the directory that was opened")
      literal("late").withPath { _ = Call.unlinkat(at, $0, 0x200) }
      _ = literal("").withPath {
        check.succeeds(Call.newfstatat(at, $0, &status, 0x1000), "AT_EMPTY_PATH")
      }
      check.expect(status.mode.kind == .directory, "means the descriptor")
      try directory.close()
    }
  },
  UserTest(name: "at-errors") { check in
    var status = FileStatus()
    literal("x").withPath { x in
      for (name, outcome) in [
        ("openat", Call.openat(closed, x, 0, 0)), ("mkdirat", Call.mkdirat(closed, x, 0)),
        ("mknodat", Call.mknodat(closed, x, 0, 0)),
        ("fchownat", Call.fchownat(closed, x, 0, 0, 0)),
        ("newfstatat", Call.newfstatat(closed, x, &status, 0)),
        ("unlinkat", Call.unlinkat(closed, x, 0)), ("renameat", Call.renameat(closed, x, here, x)),
        ("linkat", Call.linkat(closed, x, here, x, 0)),
        ("symlinkat", Call.symlinkat(x, closed, x)),
        ("readlinkat", Call.readlinkat(closed, x, nowhere, 1)),
        ("fchmodat", Call.fchmodat(closed, x, 0)), ("faccessat", Call.faccessat(closed, x, 0)),
        ("faccessat2", Call.faccessat2(closed, x, 0, 0)),
      ] as [(StaticString, Outcome)] { check.fails(outcome, .badDescriptor, "\(name) of no file") }
      check.fails(Call.unlinkat(here, x, 1), .invalidArgument, "unknown flags")
      check.fails(Call.linkat(here, x, here, x, 1), .invalidArgument, "unknown flags")
      check.fails(Call.newfstatat(here, x, &status, 1), .invalidArgument, "unknown flags")
      check.fails(Call.faccessat2(here, x, 8, 0), .invalidArgument, "an unknown right")
    }
    let file = literal("/proc/version").withPath { Call.open($0, 0, 0) }
    let number = Int32(truncatingIfNeeded: check.succeeds(file, "open"))
    literal("x").withPath {
      check.fails(Call.openat(number, $0, 0, 0), .notDirectory, "from a file")
    }
    // For an absolute path the descriptor does not matter.
    _ = literal("/bin").withPath {
      check.succeeds(Call.newfstatat(closed, $0, &status, 0), "an absolute path")
    }
    check.fails(Call.openat(here, nil, 0, 0), .badAddress, "openat of nothing")
    _ = Call.close(number)
  },
  UserTest(name: "access-of-whom") { check in
    inScratch(check) { () throws(SystemError) in
      try FileTree.write([1], to: literal("file"), permissions: 0o600)
      let status = inChild {
        // In root's name for a user, as a set-user-ID program is.
        guard Call.setresuid(1000, 0, 0).isSuccess else { return 1 }
        return literal("file").withPath { file in
          guard Call.faccessat(here, file, 4).error == .accessDenied else { return 2 }
          guard Call.access(file, 4).error == .accessDenied else { return 3 }
          return Call.faccessat2(here, file, 4, 0x200).isSuccess ? 0 : 4
        }
      }
      check.expect(status == .exited(code: 0), "access asks for the real user")
    }
  },
  UserTest(name: "file-locks") { check in
    inScratch(check) { () throws(SystemError) in
      let one = try Descriptor.open(literal("file"), [.readWrite, .create])
      let two = try Descriptor.open(literal("file"))
      check.succeeds(Call.flock(one.rawValue, 1), "shared")
      check.succeeds(Call.flock(two.rawValue, 1), "by both")
      check.fails(Call.flock(two.rawValue, 2 | 4), .tryAgain, "alone it cannot be had")
      check.succeeds(Call.flock(one.rawValue, 8), "given back")
      check.succeeds(Call.flock(two.rawValue, 2), "now it can")
      check.fails(Call.flock(one.rawValue, 1 | 4), .tryAgain, "nor shared then")
      let child = try Process.fork()
      if child == 0 {
        try? two.close()
        System.exitNow(Call.flock(one.rawValue, 2).isSuccess ? 0 : 1)
      }
      Time.sleep(nanoseconds: 10_000_000)
      try two.close()
      check.expect(
        try Process.wait(for: child).status == .exited(code: 0),
        "who waits gets it when the last descriptor is closed")
      check.fails(Call.flock(one.rawValue, 3), .invalidArgument, "what?")
      check.fails(Call.flock(closed, 1), .badDescriptor, "of no file")
      try one.close()
    }
  },
  UserTest(name: "memory-files") { check in
    do throws(SystemError) {
      let made = literal("shared").withPath { Call.memfd_create($0, 1) }
      let file = Descriptor(Int32(truncatingIfNeeded: check.succeeds(made, "memfd_create")))
      try file.truncate(to: 8192)
      let page = try Call.mmap(0, 8192, 3, 1, file.rawValue, 0).get()
      let child = try Process.fork()
      if child == 0 {
        Memory.words(page)[3] = 99
        System.exitNow(0)
      }
      _ = try Process.wait(for: child)
      check.expect(Memory.words(page)[3] == 99, "two processes share it")
      Memory.unmap(page, size: 8192)
      check.expect(try file.status().links == 0, "it has no name")
      try file.close()
    } catch {
      check.expect(false, "\(error.symbol) where nothing should fail")
    }
    literal("x").withPath {
      check.fails(Call.memfd_create($0, 8), .invalidArgument, "unknown flags")
    }
    check.fails(Call.memfd_create(nil, 0), .badAddress, "of no name")
    check.fails(
      [UInt8](repeating: 0x61, count: 300).withPath { Call.memfd_create($0, 0) },
      .invalidArgument, "of too long a name")
  },
  UserTest(name: "sendfile") { check in
    inScratch(check) { () throws(SystemError) in
      var bytes: [UInt8] = []
      for index in 0..<10_000 { bytes.append(UInt8(truncatingIfNeeded: index)) }
      try FileTree.write(bytes, to: literal("from"))
      let from = try Descriptor.open(literal("from"))
      let to = try Descriptor.open(literal("to"), [.readWrite, .create])
      let sent = check.succeeds(Call.sendfile(to.rawValue, from.rawValue, nil, 6000), "sendfile")
      check.expect(sent == 6000, "6000 bytes")
      check.expect(try from.seek(0, from: .current) == 6000, "the position has moved")
      var offset: Int64 = 9000
      let rest = check.succeeds(Call.sendfile(to.rawValue, from.rawValue, &offset, 5000), "the end")
      check.expect(rest == 1000 && offset == 10_000, "1000 from the offset on")
      let copy = try FileTree.contents(of: literal("to"))
      check.expect(copy == Array(bytes[..<6000] + bytes[9000...]), "the same bytes")
      let pipe = try Descriptor.pipe()
      check.succeeds(Call.sendfile(pipe.writing.rawValue, to.rawValue, &offset, 1), "into a pipe")
      check.fails(
        Call.sendfile(to.rawValue, pipe.reading.rawValue, nil, 1), .invalidArgument, "out of one")
      check.fails(Call.sendfile(from.rawValue, to.rawValue, nil, 1), .badDescriptor, "not writable")
      check.fails(
        Call.sendfile(to.rawValue, from.rawValue, nowhere, 1), .badAddress, "offset nowhere")
      offset = -1
      check.fails(
        Call.sendfile(to.rawValue, from.rawValue, &offset, 1), .invalidArgument, "before the file")
      check.fails(Call.sendfile(closed, from.rawValue, nil, 1), .badDescriptor, "to no file")
      for file in [from, to, pipe.reading, pipe.writing] { try file.close() }
    }
  },
]
