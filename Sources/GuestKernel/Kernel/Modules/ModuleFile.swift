/// The bytes of a module file while it is being loaded.
///
/// They lie in memory of single frames: a large file needs no large block, and where memory does not
/// suffice, that is an error of the call and nothing worse.
import KernelArch

final class ModuleFile {
  let memory: UnsafeMutableRawBufferPointer
  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(memory) }

  /// Room for a file that is yet to be read.
  init(size: UInt64) throws(SystemFailure) {
    guard size > 0 else { throw SystemFailure(.badExecutable) }
    guard size <= UInt64(ModuleObject.largest) else { throw SystemFailure(.fileTooLarge) }
    guard let start = VirtualMemory.allocate(size) else { throw SystemFailure(.outOfMemory) }
    memory = UnsafeMutableRawBufferPointer(start: start, count: Int(size))
  }

  /// All of a regular file; what has no end is none.
  convenience init(reading file: OpenFile) throws(SystemFailure) {
    guard file.flags.canRead else { throw SystemFailure(.badDescriptor) }
    guard let inode = file.inode, inode.kind == .regular else {
      throw SystemFailure(.invalidArgument)
    }
    try self.init(size: inode.size)
    var done = 0
    while done < memory.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: memory[done...])
      let count = try file.read(at: UInt64(done), into: rest)
      guard count > 0 else { throw SystemFailure(.badExecutable) }
      done += count
    }
  }

  deinit {
    if let start = memory.baseAddress { VirtualMemory.release(start) }
  }
}
