/// The only way to a program's memory: addresses are checked, faults become an error.
import KernelArch

enum UserMemory {
  /// True when `count` bytes at `address` lie in user space; that they are mapped shows in the copy.
  private static func isUser(_ address: UInt64, _ count: UInt64) -> Bool {
    address < Layout.userSpace.upperBound && count <= Layout.userSpace.upperBound - address
  }

  /// Copies `count` bytes in, or fails with nil.
  static func read(_ address: UInt64, count: UInt64) -> [UInt8]? {
    guard isUser(address, count), count <= 1 << 20 else { return nil }
    var isWhole = true
    let bytes = [UInt8](unsafeUninitializedCapacity: Int(count)) { buffer, initialized in
      initialized = Int(count)
      guard let base = buffer.baseAddress, count > 0 else { return }
      isWhole = user_copy(base, pointer_to(address), count) == 0
    }
    return isWhole ? bytes : nil
  }

  /// Fills a buffer of the kernel's.
  static func read(_ address: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
    guard isUser(address, UInt64(buffer.count)) else { return false }
    guard let base = buffer.baseAddress else { return true }
    return user_copy(base, pointer_to(address), UInt64(buffer.count)) == 0
  }

  static func write(_ bytes: UnsafeRawBufferPointer, to address: UInt64) -> Bool {
    guard isUser(address, UInt64(bytes.count)) else { return false }
    guard let base = bytes.baseAddress else { return true }
    return user_copy(pointer_to(address), base, UInt64(bytes.count)) == 0
  }

  static func write(_ bytes: [UInt8], to address: UInt64) -> Bool {
    bytes.withUnsafeBytes { write($0, to: address) }
  }

  /// Copies a record out, as it lies in memory.
  static func write<Record: BitwiseCopyable>(record: Record, to address: UInt64) -> Bool {
    withUnsafeBytes(of: record) { write($0, to: address) }
  }
}
