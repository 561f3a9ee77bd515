/// The kernel's random numbers: ChaCha20, seeded by the processor's generator if it has one and by the
/// time-stamp counter, with a new key after each use.
import KernelArch

enum Randomness {
  private static let lock = SpinLock("random")
  /// Lock: `lock`, also from interrupts.
  nonisolated(unsafe) private static var cipher = ChaCha20(
    key: [UInt32](repeating: 0, count: 8), counter: 0, nonce: [0, 0, 0])
  nonisolated(unsafe) private static var position = 0

  static func start() {
    let hasGenerator = cpuid(1, 0).ecx >> 30 & 1 != 0
    lock.withLockIRQ {
      for index in 0..<4 {
        cipher.mix(rdtsc(), at: index * 2)
        if hasGenerator { cipher.mix(read_random(), at: index * 2) }
      }
      cipher.rekey(cipher.next())
    }
  }

  static func fill(_ buffer: UnsafeMutableRawBufferPointer) {
    lock.withLockIRQ {
      var at = 0
      while at < buffer.count {
        let block = cipher.next()
        for index in 0..<16 {
          for shift in stride(from: 0 as UInt32, to: 32, by: 8) where at < buffer.count {
            buffer[at] = UInt8(truncatingIfNeeded: block[index] >> shift)
            at += 1
          }
        }
      }
      cipher.rekey(cipher.next())
    }
  }

  /// Adds what may be unpredictable.
  static func mix(_ bytes: UnsafeRawBufferPointer) {
    lock.withLockIRQ {
      for byte in bytes {
        position += 1
        cipher.mix(UInt64(byte) << UInt64(position * 8 & 31), at: position)
      }
      cipher.rekey(cipher.next())
    }
  }

  static func number() -> UInt64 {
    var value: UInt64 = 0
    withUnsafeMutableBytes(of: &value) { fill($0) }
    return value
  }
}
