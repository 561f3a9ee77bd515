/// An open file, pipe, terminal or device: the number by which the kernel knows it.
///
/// POSIX.1: open, close, read, write, lseek, dup, pipe, fcntl, ioctl, fstat, fsync.
package struct Descriptor: Equatable {
  package let rawValue: Int32
  package init(_ rawValue: Int32) { self.rawValue = rawValue }

  package static let input = Descriptor(0)
  package static let output = Descriptor(1)
  package static let error = Descriptor(2)

  package static func open(
    _ path: [UInt8], _ flags: OpenFlags = .readOnly, permissions: UInt32 = 0o644
  ) throws(SystemError) -> Descriptor {
    let outcome = path.withPath { Call.open($0, UInt64(flags.rawValue), permissions) }
    return Descriptor(Int32(truncatingIfNeeded: try outcome.get()))
  }

  package func close() throws(SystemError) { try Call.close(rawValue).check() }

  /// Both ends of a new pipe.
  package static func pipe(
    _ flags: OpenFlags = []
  ) throws(SystemError) -> (reading: Descriptor, writing: Descriptor) {
    var pair: (Int32, Int32) = (0, 0)
    let outcome = withUnsafeMutableBytes(of: &pair) {
      Call.pipe2($0.baseAddress, UInt64(flags.rawValue))
    }
    try outcome.check()
    return (Descriptor(pair.0), Descriptor(pair.1))
  }

  /// Another number for the same open file; the lowest that is free.
  package func duplicate() throws(SystemError) -> Descriptor {
    Descriptor(Int32(truncatingIfNeeded: try Call.dup(rawValue).get()))
  }

  /// Makes `other` mean this open file; what it meant before is closed.
  package func duplicate(as other: Descriptor) throws(SystemError) {
    try Call.dup2(rawValue, other.rawValue).check()
  }

  package func control(_ command: DescriptorControl, _ argument: UInt64 = 0) -> Outcome {
    Call.fcntl(rawValue, Int32(command.rawValue), argument)
  }

  package func deviceControl(_ request: UInt64, _ argument: UnsafeMutableRawPointer?) -> Outcome {
    Call.ioctl(rawValue, request, UInt64(UInt(bitPattern: argument)))
  }

  package func seek(_ offset: Int64, from origin: SeekOrigin) throws(SystemError) -> UInt64 {
    try Call.lseek(rawValue, offset, Int32(origin.rawValue)).get()
  }

  package func status() throws(SystemError) -> FileStatus {
    var status = FileStatus()
    let outcome = withUnsafeMutableBytes(of: &status) { Call.fstat(rawValue, $0.baseAddress) }
    try outcome.check()
    return status
  }

  package func synchronize() throws(SystemError) { try Call.fsync(rawValue).check() }
  package func truncate(to length: Int64) throws(SystemError) {
    try Call.ftruncate(rawValue, length).check()
  }
}

// MARK: Bytes

extension Descriptor {
  /// One read of up to `limit` bytes; empty at the end of the file.
  package func read(limit: Int) throws(SystemError) -> [UInt8] {
    var outcome = Outcome.success(0)
    let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
      outcome = Call.read(rawValue, buffer.baseAddress, UInt64(limit))
      if case .success(let got) = outcome { count = min(Int(got), limit) }
    }
    try outcome.check()
    return bytes
  }

  /// Everything up to the end of the file; an error if there is more than the limit.
  package func readAll(limit: Int = 8 << 20) throws(SystemError) -> [UInt8] {
    var bytes: [UInt8] = []
    while true {
      let part = try read(limit: 4096)
      if part.isEmpty { return bytes }
      guard bytes.count + part.count <= limit else { throw .fileTooLarge }
      bytes += part
    }
  }

  /// One write; returns how much of it was taken.
  package func write(_ bytes: [UInt8]) throws(SystemError) -> Int {
    Int(try bytes.withUnsafeBytes { Call.write(rawValue, $0.baseAddress, UInt64($0.count)) }.get())
  }

  /// Writes everything, in as many calls as it takes; the error, if one stopped it.
  package func write(all bytes: UnsafeRawBufferPointer) -> SystemError? {
    var done = 0
    while done < bytes.count {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
      switch Call.write(rawValue, rest.baseAddress, UInt64(rest.count)) {
      case .success(let written): done += Int(written)
      case .failure(.interrupted): continue
      case .failure(let error): return error
      }
    }
    return nil
  }

  package func write(all bytes: [UInt8]) throws(SystemError) {
    if let error = bytes.withUnsafeBytes({ write(all: $0) }) { throw error }
  }
}

// MARK: Waiting for several

extension Descriptor {
  /// Waits until one of the records has an answer; returns how many have, 0 after the time is over.
  package static func poll(
    _ records: inout [PollRecord], milliseconds: Int32 = -1
  ) throws(SystemError) -> Int {
    let count = UInt64(records.count)
    let outcome = records.withUnsafeMutableBytes {
      Call.poll($0.baseAddress, count, milliseconds)
    }
    return Int(try outcome.get())
  }
}
