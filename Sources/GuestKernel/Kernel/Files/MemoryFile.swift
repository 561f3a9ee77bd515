/// memfd_create: a file that has no name and never had one. It lives as long as a descriptor or a mapping has it,
/// so that processes can share memory by passing on the descriptor.
import KernelArch

final class MemoryFile: RegularFile {
  private let name: [UInt8]

  private init(_ inode: Inode, _ name: [UInt8]) {
    self.name = name
    super.init(inode, .readWrite, nil)
  }

  override var title: [UInt8] { [UInt8](text: "memfd:") + name }

  /// All of them together have the room of a file system in memory.
  private static let storage = RamFS("memfd")

  static func make(_ name: [UInt8]) throws(SystemFailure) -> OpenFile {
    let inode = try storage.makeNameless(permissions: 0o777)
    (inode.userID, inode.groupID) = Permission.caller
    _ = inode.hold()
    do throws(SystemFailure) {
      try inode.beginWriting()
    } catch {
      inode.drop()
      throw error
    }
    return MemoryFile(inode, name)
  }
}

extension SystemCalls {
  static func makeMemoryFile(_ name: UInt64, _ flags: UInt64) throws(Failure) -> UInt64 {
    let closeOnExec: UInt64 = 1
    guard flags & ~closeOnExec == 0 else { throw Failure(.invalidArgument) }
    let longest = 249
    let text: [UInt8]
    do throws(Failure) {
      text = try UserMemory.string(name, limit: longest)
    } catch {
      throw error.error == .nameTooLong ? Failure(.invalidArgument) : error
    }
    let table = try FileTable.ofCaller()
    return UInt64(try table.add(try MemoryFile.make(text), closesOnExec: flags != 0))
  }

  /// `sendfile`: from a file into another one, or into a pipe, without a detour through the program's memory.
  ///
  /// With an offset, that is where reading begins and what is moved on; else the file's own position.
  static func sendFile(
    _ output: Int32, _ input: Int32, _ offset: UInt64, _ count: UInt64
  ) throws(Failure) -> UInt64 {
    let table = try FileTable.ofCaller()
    let source = try table.get(Int(input))
    defer { source.drop() }
    let target = try table.get(Int(output))
    defer { target.drop() }
    guard source.flags.canRead, target.flags.canWrite else { throw Failure(.badDescriptor) }
    guard source.inode?.kind == .regular, !target.flags.contains(.append) else {
      throw Failure(.invalidArgument)
    }
    let own = offset == 0
    let start: Int64 =
      own
      ? Int64(bitPattern: try source.seek(0, .current)) : try UserMemory.get(0, at: offset)
    guard start >= 0 else { throw Failure(.invalidArgument) }
    let done = try copy(from: source, at: UInt64(start), to: target, count)
    let end = start &+ Int64(bitPattern: done)
    if own { _ = try source.seek(end, .start) } else { try UserMemory.put(end, at: offset) }
    return done
  }

  /// What came before a failure counts.
  private static func copy(
    from source: OpenFile, at start: UInt64, to target: OpenFile, _ count: UInt64
  ) throws(Failure) -> UInt64 {
    let most: UInt64 = 0x7fff_f000
    let count = min(count, most)
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Int(min(max(count, 1), pageSize)), alignment: 16)
    defer { buffer.deallocate() }
    var done: UInt64 = 0
    while done < count {
      do throws(Failure) {
        let want = Int(min(UInt64(buffer.count), count - done))
        let part = UnsafeMutableRawBufferPointer(rebasing: buffer[0..<want])
        let got = try source.read(at: start &+ done, into: part)
        if got == 0 { break }
        let written = try target.write(UnsafeRawBufferPointer(rebasing: part[0..<got]))
        done += UInt64(written)
        if written < got { break }
      } catch {
        if done > 0 { break }
        throw error
      }
    }
    return done
  }
}
