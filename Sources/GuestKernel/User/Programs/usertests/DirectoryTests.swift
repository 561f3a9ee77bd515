/// Directories: making, listing, removing, and every way that must not work.
import Apus

let directoryTests: [UserTest] = [
  UserTest(name: "mkdir-rmdir") { check in
    inScratch(check) { () throws(SystemError) in
      let d = literal("d")
      try FileTree.makeDirectory(d)
      check.fails(d.withPath { Call.mkdir($0, 0o755) }, .exists, "twice")
      check.fails(literal("x/y").withPath { Call.mkdir($0, 0o755) }, .notFound, "below nothing")
      try FileTree.write([], to: literal("d/f"))
      check.fails(d.withPath { Call.rmdir($0) }, .notEmpty, "while it is not empty")
      check.fails(literal("d/f").withPath { Call.rmdir($0) }, .notDirectory, "rmdir of a file")
      check.fails(literal("d/f/g").withPath { Call.open($0, 0, 0) }, .notDirectory, "below a file")
      let unlink = d.withPath { Call.unlink($0) }
      check.expect(
        unlink.error == .isDirectory || unlink.error == .notPermitted, "unlink of a directory")
      try FileTree.remove(literal("d/f"))
      try FileTree.removeDirectory(d)
      check.expect(!FileTree.exists(d), "it is gone")
    }
  },
  UserTest(name: "listing") { check in
    inScratch(check) { () throws(SystemError) in
      for index in 0..<200 {
        try FileTree.write([], to: [UInt8]("name-\(index, width: 0)" as TextLine))
      }
      let entries = try FileTree.entries(of: literal("."))
      check.expect(entries.count == 200, "\(entries.count) of 200 names")
      for index in stride(from: 0, to: 200, by: 2) {
        try FileTree.remove([UInt8]("name-\(index)" as TextLine))
      }
      check.expect(try FileTree.entries(of: literal(".")).count == 100, "half of them removed")
    }
  },
  UserTest(name: "cwd") { check in
    inScratch(check) { () throws(SystemError) in
      let here = FileTree.currentDirectory
      try FileTree.makeDirectory(literal("d"))
      try FileTree.changeDirectory(to: literal("d"))
      check.expect(FileTree.currentDirectory == here + literal("/d"), "one deeper")
      try FileTree.changeDirectory(to: literal(".."))
      check.expect(FileTree.currentDirectory == here, "and back")
      try FileTree.changeDirectory(to: literal("/../../.."))
      check.expect(FileTree.currentDirectory == literal("/"), "above the root is the root")
      try FileTree.changeDirectory(to: here)
      check.fails(literal("nowhere").withPath { Call.chdir($0) }, .notFound, "to nowhere")
      check.fails(
        literal("/proc/version").withPath { Call.chdir($0) }, .notDirectory, "into a file")
    }
  },
  UserTest(name: "removed-cwd") { check in
    inScratch(check) { () throws(SystemError) in
      try FileTree.makeDirectory(literal("d"))
      let status = inChild {
        _ = literal("d").withPath { Call.chdir($0) }
        _ = literal("../d").withPath { Call.rmdir($0) }
        return literal("f").withPath { Call.open($0, 0o102, 0o644) }.isSuccess ? 1 : 0
      }
      check.expect(status == .exited(code: 0), "no files in a directory that is gone")
    }
  },
  UserTest(name: "deep-tree") { check in
    inScratch(check) { () throws(SystemError) in
      var path = literal("d")
      for _ in 0..<30 {
        try FileTree.makeDirectory(path)
        path += literal("/d")
      }
      for _ in 0..<30 {
        path.removeLast(2)
        try FileTree.removeDirectory(path)
      }
    }
  },
]
