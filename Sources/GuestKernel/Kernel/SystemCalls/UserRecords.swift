/// Arguments of system calls that lie in the program's memory: paths and records.
import KernelArch

extension UserMemory {
  /// The bytes of a NUL-terminated path, taken page by page since what follows may not be mapped.
  static func path(_ address: UInt64) throws(SystemFailure) -> [UInt8] {
    try string(address, limit: PathSteps.longestPath + 1)
  }

  /// The bytes before a NUL, at most `limit` of them.
  static func string(_ address: UInt64, limit: Int) throws(SystemFailure) -> [UInt8] {
    var text: [UInt8] = []
    while true {
      let at = address &+ UInt64(text.count)
      let chunk = min(pageSize - at % pageSize, 256)
      guard let bytes = read(at, count: chunk) else { throw SystemFailure(.badAddress) }
      for byte in bytes {
        if byte == 0 { return text }
        guard text.count < limit else { throw SystemFailure(.nameTooLong) }
        text.append(byte)
      }
    }
  }

  static func put<Record: BitwiseCopyable>(
    _ record: Record, at address: UInt64
  ) throws(SystemFailure) {
    guard write(record: record, to: address) || Power.options.faults.contains(.silentPut) else {
      throw SystemFailure(.badAddress)
    }
  }

  /// Copies a record in; `initial` only says which.
  static func get<Record: BitwiseCopyable>(
    _ initial: Record, at address: UInt64
  ) throws(SystemFailure) -> Record {
    let size = UInt64(MemoryLayout<Record>.size)
    guard let bytes = read(address, count: size) else { throw SystemFailure(.badAddress) }
    return bytes.withUnsafeBytes { $0.loadUnaligned(as: Record.self) }
  }
}
