/// Files by their names: directories, links, what a name refers to, mounts.
///
/// POSIX.1: stat, lstat, mkdir, rmdir, unlink, rename, link, symlink, readlink, chmod, chdir, getcwd;
/// Linux: getdents64, mount, umount2, statfs.
package enum FileTree {
  package static func status(
    of path: [UInt8], followingLinks: Bool = true
  ) throws(SystemError) -> FileStatus {
    var status = FileStatus()
    let outcome = withUnsafeMutableBytes(of: &status) { record in
      path.withPath {
        followingLinks ? Call.stat($0, record.baseAddress) : Call.lstat($0, record.baseAddress)
      }
    }
    try outcome.check()
    return status
  }

  package static func exists(_ path: [UInt8]) -> Bool {
    do throws(SystemError) {
      _ = try status(of: path)
      return true
    } catch {
      return false
    }
  }

  package static func isDirectory(_ path: [UInt8]) -> Bool {
    do throws(SystemError) {
      return try status(of: path).mode.kind == .directory
    } catch {
      return false
    }
  }

  /// The names in a directory, in order, without `.` and `..`.
  package static func entries(of path: [UInt8]) throws(SystemError) -> [DirectoryEntry] {
    let directory = try Descriptor.open(path.isEmpty ? [0x2e] : path, [.readOnly, .directory])
    defer { _ = Call.close(directory.rawValue) }
    var entries: [DirectoryEntry] = []
    while true {
      var outcome = Outcome.success(0)
      let part = [UInt8](unsafeUninitializedCapacity: 2048) { buffer, count in
        outcome = Call.getdents64(directory.rawValue, buffer.baseAddress, 2048)
        if case .success(let got) = outcome { count = Int(got) }
      }
      try outcome.check()
      if part.isEmpty { break }
      entries += DirectoryEntry.parse(part)
    }
    entries.removeAll { $0.name.equals(".") || $0.name.equals("..") }
    entries.sort { $0.name.precedes($1.name) }
    return entries
  }

  /// All of a file; an error if it is larger than the limit.
  package static func contents(
    of path: [UInt8], limit: Int = 8 << 20
  ) throws(SystemError) -> [UInt8] {
    let file = try Descriptor.open(path)
    defer { _ = Call.close(file.rawValue) }
    return try file.readAll(limit: limit)
  }

  /// Makes the file, or empties it, and writes all of `bytes`.
  package static func write(
    _ bytes: [UInt8], to path: [UInt8], permissions: UInt32 = 0o644
  ) throws(SystemError) {
    let file = try Descriptor.open(
      path, [.writeOnly, .create, .truncate], permissions: permissions)
    defer { _ = Call.close(file.rawValue) }
    try file.write(all: bytes)
  }
}

// MARK: Changing the tree

extension FileTree {
  package static func makeDirectory(_ path: [UInt8]) throws(SystemError) {
    try path.withPath { Call.mkdir($0, 0o755) }.check()
  }

  package static func removeDirectory(_ path: [UInt8]) throws(SystemError) {
    try path.withPath { Call.rmdir($0) }.check()
  }

  package static func remove(_ path: [UInt8]) throws(SystemError) {
    try path.withPath { Call.unlink($0) }.check()
  }

  package static func rename(_ path: [UInt8], to new: [UInt8]) throws(SystemError) {
    try path.withPath { old in new.withPath { Call.rename(old, $0) } }.check()
  }

  package static func link(_ path: [UInt8], as new: [UInt8]) throws(SystemError) {
    try path.withPath { old in new.withPath { Call.link(old, $0) } }.check()
  }

  package static func symbolicLink(_ target: [UInt8], as new: [UInt8]) throws(SystemError) {
    try target.withPath { target in new.withPath { Call.symlink(target, $0) } }.check()
  }

  package static func target(ofLink path: [UInt8]) throws(SystemError) -> [UInt8] {
    var outcome = Outcome.success(0)
    let target = [UInt8](unsafeUninitializedCapacity: 1024) { buffer, count in
      outcome = path.withPath { Call.readlink($0, buffer.baseAddress, 1024) }
      if case .success(let got) = outcome { count = Int(got) }
    }
    try outcome.check()
    return target
  }

  package static func setPermissions(_ bits: UInt32, of path: [UInt8]) throws(SystemError) {
    try path.withPath { Call.chmod($0, bits) }.check()
  }

  package static var currentDirectory: [UInt8] {
    let path = [UInt8](unsafeUninitializedCapacity: 1024) { buffer, count in
      if case .success(let got) = Call.getcwd(buffer.baseAddress, 1024) { count = Int(got) }
    }
    return Array(path.prefix { $0 != 0 })
  }

  package static func changeDirectory(to path: [UInt8]) throws(SystemError) {
    try path.withPath { Call.chdir($0) }.check()
  }

  package static func mount(
    _ source: [UInt8], on target: [UInt8], type: [UInt8], flags: UInt64 = 0, options: [UInt8] = []
  ) throws(SystemError) {
    try source.withPath { source in
      target.withPath { target in
        type.withPath { type in
          options.withPath { Call.mount(source, target, type, flags, $0) }
        }
      }
    }.check()
  }

  package static func unmount(_ target: [UInt8]) throws(SystemError) {
    try target.withPath { Call.umount2($0, 0) }.check()
  }

  package static func fileSystemStatus(of path: [UInt8]) throws(SystemError) -> FileSystemStatus {
    var status = FileSystemStatus()
    let outcome = withUnsafeMutableBytes(of: &status) { record in
      path.withPath { Call.statfs($0, record.baseAddress) }
    }
    try outcome.check()
    return status
  }
}
