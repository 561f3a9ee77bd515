/// System calls on descriptors: opening, reading, writing, duplicating, controlling.
///
/// Bytes go through a kernel buffer of a page, chunk by chunk, so that no lock is held while the
/// program's memory is touched.
import KernelArch

extension SystemCalls {
  typealias Failure = SystemFailure

  static func open(
    _ path: UInt64, _ flags: UInt64, _ permissions: UInt64
  ) throws(Failure) -> UInt64 {
    let table = try FileTable.ofCaller()
    let flags = OpenFlags(rawValue: UInt32(truncatingIfNeeded: flags))
    guard flags.rawValue & 3 != 3 else { throw Failure(.invalidArgument) }
    let file = try Namespace.open(
      try UserMemory.path(path), flags, permissions: UInt16(truncatingIfNeeded: permissions) & 0o7777)
    return UInt64(try table.add(file, closesOnExec: flags.contains(.closeOnExec)))
  }

  static func close(_ descriptor: UInt64) throws(Failure) -> UInt64 {
    try FileTable.ofCaller().close(number(descriptor))
    return 0
  }

  static func read(
    _ descriptor: UInt64, _ address: UInt64, _ count: UInt64
  ) throws(Failure) -> UInt64 {
    let file = try readable(descriptor)
    defer { file.drop() }
    return try transferIn(address, count, file) { (_, buffer) throws(Failure) in
      try file.read(into: buffer)
    }
  }

  static func readAt(
    _ descriptor: UInt64, _ address: UInt64, _ count: UInt64, _ position: UInt64
  ) throws(Failure) -> UInt64 {
    let file = try readable(descriptor)
    defer { file.drop() }
    return try transferIn(address, count, file) { (done, buffer) throws(Failure) in
      try file.read(at: position + done, into: buffer)
    }
  }

  static func write(
    _ descriptor: UInt64, _ address: UInt64, _ count: UInt64
  ) throws(Failure) -> UInt64 {
    let file = try writable(descriptor)
    defer { file.drop() }
    let done = try transferOut(address, count) { (_, buffer) throws(Failure) in
      try file.write(buffer)
    }
    if file.flags.contains(.synchronous) { try file.sync() }
    return done
  }

  static func writeAt(
    _ descriptor: UInt64, _ address: UInt64, _ count: UInt64, _ position: UInt64
  ) throws(Failure) -> UInt64 {
    let file = try writable(descriptor)
    defer { file.drop() }
    return try transferOut(address, count) { (done, buffer) throws(Failure) in
      try file.write(at: position + done, buffer)
    }
  }

  static func seek(
    _ descriptor: UInt64, _ offset: UInt64, _ origin: UInt64
  ) throws(Failure) -> UInt64 {
    guard let origin = SeekOrigin(rawValue: origin) else { throw Failure(.invalidArgument) }
    let file = try FileTable.ofCaller().get(number(descriptor))
    defer { file.drop() }
    return try file.seek(Int64(bitPattern: offset), origin)
  }

  static func control(
    _ descriptor: UInt64, _ request: UInt64, _ argument: UInt64
  ) throws(Failure) -> UInt64 {
    let file = try FileTable.ofCaller().get(number(descriptor))
    defer { file.drop() }
    return try file.control(request, argument)
  }

  static func syncFile(_ descriptor: UInt64) throws(Failure) -> UInt64 {
    let file = try FileTable.ofCaller().get(number(descriptor))
    defer { file.drop() }
    try file.sync()
    return 0
  }

  static func truncateFile(_ descriptor: UInt64, _ size: UInt64) throws(Failure) -> UInt64 {
    let file = try writable(descriptor)
    defer { file.drop() }
    guard let inode = file.inode, inode.kind == .regular, size < 1 << 62 else {
      throw Failure(.invalidArgument)
    }
    inode.lock.lock()
    defer { inode.lock.unlock() }
    try inode.truncate(to: size)
    return 0
  }

  static func directoryEntries(
    _ descriptor: UInt64, _ address: UInt64, _ count: UInt64
  ) throws(Failure) -> UInt64 {
    let file = try FileTable.ofCaller().get(number(descriptor))
    defer { file.drop() }
    let bytes = try file.readNames(limit: Int(min(count, 16384)))
    guard UserMemory.write(bytes, to: address) else { throw Failure(.badAddress) }
    return UInt64(bytes.count)
  }
}

// MARK: Moving bytes

extension SystemCalls {
  static func number(_ descriptor: UInt64) -> Int {
    Int(Int32(truncatingIfNeeded: descriptor))
  }

  private static func readable(_ descriptor: UInt64) throws(Failure) -> OpenFile {
    let file = try FileTable.ofCaller().get(number(descriptor))
    guard file.flags.canRead else {
      file.drop()
      throw Failure(.badDescriptor)
    }
    return file
  }

  private static func writable(_ descriptor: UInt64) throws(Failure) -> OpenFile {
    let file = try FileTable.ofCaller().get(number(descriptor))
    guard file.flags.canWrite else {
      file.drop()
      throw Failure(.badDescriptor)
    }
    return file
  }

  /// Reads chunk by chunk; what came before a failure counts.
  private static func transferIn(
    _ address: UInt64, _ count: UInt64, _ file: OpenFile,
    _ read: (UInt64, UnsafeMutableRawBufferPointer) throws(Failure) -> Int
  ) throws(Failure) -> UInt64 {
    let size = Int(min(count, pageSize))
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(size, 1), alignment: 16)
    defer { buffer.deallocate() }
    var done: UInt64 = 0
    repeat {
      let chunk = UnsafeMutableRawBufferPointer(
        rebasing: buffer[0..<Int(min(UInt64(size), count - done))])
      let got: Int
      do throws(Failure) {
        got = try read(done, chunk)
      } catch {
        if done > 0 { return done }
        throw error
      }
      let part = UnsafeRawBufferPointer(rebasing: chunk[0..<got])
      guard UserMemory.write(part, to: address &+ done) else {
        if done > 0 { return done }
        throw Failure(.badAddress)
      }
      done += UInt64(got)
      if got < chunk.count || file.isStream { break }
    } while done < count
    return done
  }

  private static func transferOut(
    _ address: UInt64, _ count: UInt64,
    _ write: (UInt64, UnsafeRawBufferPointer) throws(Failure) -> Int
  ) throws(Failure) -> UInt64 {
    var done: UInt64 = 0
    repeat {
      let chunk = min(pageSize, count - done)
      do throws(Failure) {
        guard let bytes = UserMemory.read(address &+ done, count: chunk) else {
          throw Failure(.badAddress)
        }
        let written = try unsafe(bytes) { (buffer) throws(Failure) in try write(done, buffer) }
        done += UInt64(written)
        if written < bytes.count { break }
      } catch {
        if done > 0 { return done }
        throw error
      }
    } while done < count
    return done
  }

  /// `withUnsafeBytes` for closures that throw our error.
  private static func unsafe(
    _ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws(Failure) -> Int
  ) throws(Failure) -> Int {
    let result: Result<Int, Failure> = bytes.withUnsafeBytes { buffer in
      do throws(Failure) { return .success(try body(buffer)) } catch { return .failure(error) }
    }
    return try result.get()
  }
}

// MARK: Descriptors

extension SystemCalls {
  static func duplicate(_ descriptor: UInt64) throws(Failure) -> UInt64 {
    let table = try FileTable.ofCaller()
    return UInt64(try table.add(try table.get(number(descriptor))))
  }

  static func duplicateTo(
    _ descriptor: UInt64, _ target: UInt64, _ flags: UInt64
  ) throws(Failure) -> UInt64 {
    let table = try FileTable.ofCaller()
    let file = try table.get(number(descriptor))
    if number(descriptor) == number(target) {
      file.drop()
      return target
    }
    let flags = OpenFlags(rawValue: UInt32(truncatingIfNeeded: flags))
    try table.replace(number(target), file, closesOnExec: flags.contains(.closeOnExec))
    return target
  }

  static func controlDescriptor(
    _ descriptor: UInt64, _ command: UInt64, _ argument: UInt64
  ) throws(Failure) -> UInt64 {
    let table = try FileTable.ofCaller()
    guard let command = DescriptorControl(rawValue: command) else {
      throw Failure(.invalidArgument)
    }
    let file = try table.get(number(descriptor))
    switch command {
    case .duplicate, .duplicateCloseOnExec:
      guard argument < UInt64(FileTable.capacity) else {
        file.drop()
        throw Failure(.invalidArgument)
      }
      return UInt64(
        try table.add(
          file, from: Int(argument), closesOnExec: command == .duplicateCloseOnExec))
    default:
      break
    }
    defer { file.drop() }
    switch command {
    case .getDescriptorFlags: return try table.closesOnExec(number(descriptor)) ? 1 : 0
    case .setDescriptorFlags: try table.setClosesOnExec(number(descriptor), argument & 1 != 0)
    case .getFlags: return UInt64(file.flags.rawValue)
    case .setFlags: file.setFlags(OpenFlags(rawValue: UInt32(truncatingIfNeeded: argument)))
    case .setOwner: file.owner = number(argument)
    case .getOwner: return UInt64(bitPattern: Int64(file.owner))
    case .duplicate, .duplicateCloseOnExec: break
    }
    return 0
  }

  static func pipe(_ address: UInt64, _ flags: UInt64) throws(Failure) -> UInt64 {
    let table = try FileTable.ofCaller()
    let flags = OpenFlags(rawValue: UInt32(truncatingIfNeeded: flags))
    let ends = Pipe.make(flags)
    let closes = flags.contains(.closeOnExec)
    let reader: Int
    do throws(Failure) {
      reader = try table.add(ends.reader, closesOnExec: closes)
    } catch {
      ends.writer.drop()
      throw error
    }
    let writer: Int
    do throws(Failure) {
      writer = try table.add(ends.writer, closesOnExec: closes)
    } catch {
      try table.close(reader)
      throw error
    }
    let both = UInt64(UInt32(reader)) | UInt64(UInt32(writer)) << 32
    do throws(Failure) {
      try UserMemory.put(both, at: address)
    } catch {
      try table.close(reader)
      try table.close(writer)
      throw error
    }
    return 0
  }
}
