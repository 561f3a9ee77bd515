/// Files: what is written is read again, positions, flags, links, and removal while open.
import Apus

let fileTests: [UserTest] = [
  UserTest(name: "write-read") { check in
    inScratch(check) { () throws(SystemError) in
      let file = try Descriptor.open(literal("f"), [.readWrite, .create])
      var bytes: [UInt8] = []
      for index in 0..<10_000 { bytes.append(UInt8(truncatingIfNeeded: index &* 7)) }
      try file.write(all: bytes)
      check.expect(try file.status().size == 10_000, "the size is what was written")
      check.expect(try file.seek(0, from: .start) == 0, "back to the start")
      check.expect(try file.readAll() == bytes, "what was written is read")
      check.expect(try file.read(limit: 1).isEmpty, "nothing after the end")
      check.expect(try file.seek(-10, from: .end) == 9990, "ten before the end")
      check.expect(try file.read(limit: 100) == Array(bytes[9990...]), "the last ten")
      check.fails(Call.lseek(file.rawValue, -1, 0), .invalidArgument, "before the start")
      check.fails(Call.lseek(file.rawValue, 0, 77), .invalidArgument, "from nowhere")
      try file.close()
    }
  },
  UserTest(name: "holes") { check in
    inScratch(check) { () throws(SystemError) in
      let file = try Descriptor.open(literal("f"), [.readWrite, .create])
      _ = try file.seek(9000, from: .start)
      try file.write(all: literal("end"))
      _ = try file.seek(0, from: .start)
      let bytes = try file.readAll()
      check.expect(bytes.count == 9003, "as long as the last byte is far")
      check.expect(!bytes[..<9000].contains { $0 != 0 }, "a hole reads as zeroes")
      try file.close()
    }
  },
  UserTest(name: "open-flags") { check in
    inScratch(check) { () throws(SystemError) in
      let name = literal("f")
      check.fails(name.withPath { Call.open($0, 0, 0) }, .notFound, "a file that is not there")
      try FileTree.write(literal("hello"), to: name)
      let exclusive = UInt64(OpenFlags([.writeOnly, .create, .exclusive]).rawValue)
      check.fails(name.withPath { Call.open($0, exclusive, 0o644) }, .exists, "O_EXCL")
      let appending = try Descriptor.open(name, [.writeOnly, .append])
      _ = try appending.seek(0, from: .start)
      try appending.write(all: literal(" there"))
      try appending.close()
      check.expect(try FileTree.contents(of: name) == literal("hello there"), "O_APPEND")
      let reading = try Descriptor.open(name)
      check.fails(Call.write(reading.rawValue, [0], 1), .badDescriptor, "writing what is read-only")
      try reading.close()
      let writing = try Descriptor.open(name, [.writeOnly, .truncate])
      var byte: UInt8 = 0
      check.fails(Call.read(writing.rawValue, &byte, 1), .badDescriptor, "reading write-only")
      try writing.close()
      check.expect(try FileTree.status(of: name).size == 0, "O_TRUNC")
    }
  },
  UserTest(name: "truncate") { check in
    inScratch(check) { () throws(SystemError) in
      let file = try Descriptor.open(literal("f"), [.readWrite, .create])
      try file.write(all: [UInt8](repeating: 0x61, count: 6000))
      try file.truncate(to: 100)
      try file.truncate(to: 5000)
      _ = try file.seek(0, from: .start)
      let bytes = try file.readAll()
      check.expect(bytes.count == 5000 && bytes[99] == 0x61, "shorter and longer again")
      check.expect(!bytes[100...].contains { $0 != 0 }, "what was cut off does not come back")
      check.fails(Call.ftruncate(file.rawValue, -1), .invalidArgument, "to a negative length")
      try file.close()
    }
  },
  UserTest(name: "unlink-open") { check in
    inScratch(check) { () throws(SystemError) in
      let name = literal("f")
      let file = try Descriptor.open(name, [.readWrite, .create])
      try FileTree.remove(name)
      check.expect(!FileTree.exists(name), "the name is gone")
      try file.write(all: literal("still here"))
      _ = try file.seek(0, from: .start)
      check.expect(try file.readAll() == literal("still here"), "the file is not, while it is open")
      try file.close()
    }
  },
  UserTest(name: "links") { check in
    inScratch(check) { () throws(SystemError) in
      try FileTree.write(literal("x"), to: literal("a"))
      try FileTree.link(literal("a"), as: literal("b"))
      check.expect(try FileTree.status(of: literal("b")).links == 2, "two names, one file")
      try FileTree.remove(literal("a"))
      check.expect(try FileTree.contents(of: literal("b")) == literal("x"), "the other name stays")
      try FileTree.symbolicLink(literal("b"), as: literal("s"))
      check.expect(try FileTree.target(ofLink: literal("s")) == literal("b"), "readlink")
      check.expect(try FileTree.contents(of: literal("s")) == literal("x"), "through the link")
      try FileTree.symbolicLink(literal("l2"), as: literal("l1"))
      try FileTree.symbolicLink(literal("l1"), as: literal("l2"))
      check.fails(literal("l1").withPath { Call.open($0, 0, 0) }, .tooManyLinks, "a loop of links")
    }
  },
  UserTest(name: "rename") { check in
    inScratch(check) { () throws(SystemError) in
      try FileTree.write(literal("1"), to: literal("a"))
      try FileTree.write(literal("2"), to: literal("b"))
      try FileTree.rename(literal("a"), to: literal("b"))
      check.expect(!FileTree.exists(literal("a")), "the old name is gone")
      check.expect(try FileTree.contents(of: literal("b")) == literal("1"), "over an existing file")
      try FileTree.makeDirectory(literal("d"))
      let outcome = literal("d").withPath { old in
        literal("d/e").withPath { Call.rename(old, $0) }
      }
      check.fails(outcome, .invalidArgument, "a directory into itself")
    }
  },
  UserTest(name: "dup") { check in
    inScratch(check) { () throws(SystemError) in
      let file = try Descriptor.open(literal("f"), [.readWrite, .create])
      let other = try file.duplicate()
      try file.write(all: literal("ab"))
      try other.write(all: literal("cd"))
      check.expect(try FileTree.contents(of: literal("f")) == literal("abcd"), "one position")
      try file.duplicate(as: Descriptor(40))
      try Descriptor(40).close()
      try other.close()
      try file.close()
      check.fails(Call.close(file.rawValue), .badDescriptor, "closed twice")
    }
  },
  UserTest(name: "shared-position") { check in
    inScratch(check) { () throws(SystemError) in
      let file = try Descriptor.open(literal("f"), [.readWrite, .create])
      let status = inChild {
        _ = Call.write(file.rawValue, literal("child"), 5)
        return 0
      }
      check.expect(status == .exited(code: 0), "the child wrote")
      try file.write(all: literal("parent"))
      check.expect(
        try FileTree.contents(of: literal("f")) == literal("childparent"), "after the child's bytes"
      )
      try file.close()
    }
  },
]
