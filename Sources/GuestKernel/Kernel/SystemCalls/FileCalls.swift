/// System calls on descriptors: opening, reading, writing, duplicating, controlling.
///
/// Bytes go through a kernel buffer of a page, chunk by chunk, so that no lock is held while the
/// program's memory is touched.
import KernelArch

extension SystemCalls {
  typealias Failure = SystemFailure

  static func open(
    _ path: UInt64, _ flags: UInt64, _ permissions: UInt32
  ) throws(Failure) -> UInt64 {
    try openAt(AtFlags.workingDirectory, path, flags, permissions)
  }

  static func openAt(
    _ directory: Int32, _ path: UInt64, _ flags: UInt64, _ permissions: UInt32
  ) throws(Failure) -> UInt64 {
    let table = try FileTable.ofCaller()
    let flags = OpenFlags(rawValue: UInt32(truncatingIfNeeded: flags))
    guard flags.rawValue & 3 != 3 else { throw Failure(.invalidArgument) }
    let argument = try PathArgument(directory, path)
    let file = try Namespace.open(
      argument.text, flags, permissions: UInt16(truncatingIfNeeded: permissions) & 0o7777,
      from: argument.start)
    return UInt64(try table.add(file, closesOnExec: flags.contains(.closeOnExec)))
  }

  static func create(_ path: UInt64, _ permissions: UInt32) throws(Failure) -> UInt64 {
    let flags: OpenFlags = [.create, .truncate, .writeOnly]
    return try open(path, UInt64(flags.rawValue), permissions)
  }

  static func close(_ descriptor: Int32) throws(Failure) -> UInt64 {
    try FileTable.ofCaller().close(Int(descriptor))
    return 0
  }

  static func read(
    _ descriptor: Int32, _ address: UInt64, _ count: UInt64
  ) throws(Failure) -> UInt64 {
    let file = try readable(descriptor)
    defer { file.drop() }
    return try transferIn(address, count, file) { (_, buffer) throws(Failure) in
      try file.read(into: buffer)
    }
  }

  static func readAt(
    _ descriptor: Int32, _ address: UInt64, _ count: UInt64, _ position: Int64
  ) throws(Failure) -> UInt64 {
    guard position >= 0 else { throw Failure(.invalidArgument) }
    let file = try readable(descriptor)
    defer { file.drop() }
    return try transferIn(address, count, file) { (done, buffer) throws(Failure) in
      try file.read(at: UInt64(position) + done, into: buffer)
    }
  }

  static func write(
    _ descriptor: Int32, _ address: UInt64, _ count: UInt64
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
    _ descriptor: Int32, _ address: UInt64, _ count: UInt64, _ position: Int64
  ) throws(Failure) -> UInt64 {
    guard position >= 0 else { throw Failure(.invalidArgument) }
    let file = try writable(descriptor)
    defer { file.drop() }
    return try transferOut(address, count) { (done, buffer) throws(Failure) in
      try file.write(at: UInt64(position) + done, buffer)
    }
  }

  static func seek(
    _ descriptor: Int32, _ offset: Int64, _ origin: Int32
  ) throws(Failure) -> UInt64 {
    guard let origin = SeekOrigin(rawValue: UInt64(truncatingIfNeeded: origin)) else {
      throw Failure(.invalidArgument)
    }
    let file = try FileTable.ofCaller().get(Int(descriptor))
    defer { file.drop() }
    return try file.seek(offset, origin)
  }

  static func control(
    _ descriptor: Int32, _ request: UInt64, _ argument: UInt64
  ) throws(Failure) -> UInt64 {
    let file = try FileTable.ofCaller().get(Int(descriptor))
    defer { file.drop() }
    return try file.control(request, argument)
  }

  static func syncFile(_ descriptor: Int32) throws(Failure) -> UInt64 {
    let file = try FileTable.ofCaller().get(Int(descriptor))
    defer { file.drop() }
    if let inode = file.inode { PageCache.willRead(inode) }
    try file.sync()
    return 0
  }

  static func truncateFile(_ descriptor: Int32, _ size: Int64) throws(Failure) -> UInt64 {
    let file = try writable(descriptor)
    defer { file.drop() }
    guard let inode = file.inode, inode.kind == .regular, size >= 0, size < 1 << 62 else {
      throw Failure(.invalidArgument)
    }
    try setSize(of: inode, UInt64(size))
    return 0
  }

  static func directoryEntries(
    _ descriptor: Int32, _ address: UInt64, _ count: UInt64
  ) throws(Failure) -> UInt64 {
    let file = try FileTable.ofCaller().get(Int(descriptor))
    defer { file.drop() }
    let bytes = try file.readNames(limit: Int(min(count, 16384)))
    guard UserMemory.write(bytes, to: address) else { throw Failure(.badAddress) }
    return UInt64(bytes.count)
  }
}

// MARK: Moving bytes

extension SystemCalls {
  private static func readable(_ descriptor: Int32) throws(Failure) -> OpenFile {
    let file = try FileTable.ofCaller().get(Int(descriptor))
    guard file.flags.canRead else {
      file.drop()
      throw Failure(.badDescriptor)
    }
    return file
  }

  private static func writable(_ descriptor: Int32) throws(Failure) -> OpenFile {
    let file = try FileTable.ofCaller().get(Int(descriptor))
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
    try bytes.withUnsafeBytes { buffer in
      outcome { () throws(Failure) in try body(buffer) }
    }.get()
  }

  /// Carries an error through functions whose closures cannot throw.
  static func outcome(_ body: () throws(Failure) -> Int) -> Result<Int, Failure> {
    do throws(Failure) { return .success(try body()) } catch { return .failure(error) }
  }
}

// MARK: Descriptors

extension SystemCalls {
  static func duplicate(_ descriptor: Int32) throws(Failure) -> UInt64 {
    let table = try FileTable.ofCaller()
    return UInt64(try table.add(try table.get(Int(descriptor))))
  }

  static func duplicateTo(_ descriptor: Int32, _ target: Int32) throws(Failure) -> UInt64 {
    try duplicateTo(descriptor, target, 0)
  }

  static func duplicateExactly(
    _ descriptor: Int32, _ target: Int32, _ flags: UInt64
  ) throws(Failure) -> UInt64 {
    let closeOnExec = UInt64(OpenFlags.closeOnExec.rawValue)
    if descriptor == target || flags & ~closeOnExec != 0 { throw Failure(.invalidArgument) }
    return try duplicateTo(descriptor, target, flags)
  }

  static func duplicateTo(
    _ descriptor: Int32, _ target: Int32, _ flags: UInt64
  ) throws(Failure) -> UInt64 {
    let table = try FileTable.ofCaller()
    guard flags & ~UInt64(OpenFlags.closeOnExec.rawValue) == 0 else {
      throw Failure(.invalidArgument)
    }
    let file = try table.get(Int(descriptor))
    if Int(descriptor) == Int(target) {
      file.drop()
      return UInt64(target)
    }
    let flags = OpenFlags(rawValue: UInt32(truncatingIfNeeded: flags))
    try table.replace(Int(target), file, closesOnExec: flags.contains(.closeOnExec))
    return UInt64(target)
  }

  static func controlDescriptor(
    _ descriptor: Int32, _ command: Int32, _ argument: UInt64
  ) throws(Failure) -> UInt64 {
    let table = try FileTable.ofCaller()
    guard let command = DescriptorControl(rawValue: UInt64(truncatingIfNeeded: command)) else {
      throw Failure(.invalidArgument)
    }
    let file = try table.get(Int(descriptor))
    switch command {
    case .duplicate, .duplicateCloseOnExec:
      guard argument < UInt64(table.limit) else {
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
    case .getDescriptorFlags: return try table.closesOnExec(Int(descriptor)) ? 1 : 0
    case .setDescriptorFlags: try table.setClosesOnExec(Int(descriptor), argument & 1 != 0)
    case .getFlags: return UInt64(file.flags.rawValue)
    case .setFlags:
      file.noticeDescriptor = descriptor
      file.setFlags(OpenFlags(rawValue: UInt32(truncatingIfNeeded: argument)))
    case .setOwner: file.owner = Int(Int32(truncatingIfNeeded: argument))
    case .getOwner: return UInt64(bitPattern: Int64(file.owner))
    case .setSignal:
      let number = Int32(truncatingIfNeeded: argument)
      guard number == 0 || Signal(number) != nil else { throw Failure(.invalidArgument) }
      file.noticeDescriptor = descriptor
      file.noticeSignal = number
    case .getSignal: return UInt64(file.noticeSignal)
    case .duplicate, .duplicateCloseOnExec: break
    }
    return 0
  }

  static func pipe(_ address: UInt64) throws(Failure) -> UInt64 { try pipe(address, 0) }

  static func pipe(_ address: UInt64, _ flags: UInt64) throws(Failure) -> UInt64 {
    let table = try FileTable.ofCaller()
    let known: OpenFlags = [.closeOnExec, .nonBlocking]
    guard flags & ~UInt64(known.rawValue) == 0 else { throw Failure(.invalidArgument) }
    let flags = OpenFlags(rawValue: UInt32(truncatingIfNeeded: flags))
    let ends = try Pipe.make(flags)
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
