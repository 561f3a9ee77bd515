/// Memory by the page: mmap and its family.
package enum Memory {
  /// New zeroed pages, or a file's; returns their address.
  package static func map(
    at address: UInt64 = 0, size: UInt64, _ protection: Protection = [.read, .write],
    _ flags: MapFlags = [.private, .anonymous], file: Descriptor? = nil, offset: Int64 = 0
  ) throws(SystemError) -> UInt64 {
    try Call.mmap(
      address, size, UInt64(protection.rawValue), UInt64(flags.rawValue), file?.rawValue ?? -1,
      offset
    ).get()
  }

  @discardableResult
  package static func unmap(_ address: UInt64, size: UInt64) -> Outcome {
    Call.munmap(address, size)
  }

  @discardableResult
  package static func protect(
    _ address: UInt64, size: UInt64, _ protection: Protection
  ) -> Outcome {
    Call.mprotect(address, size, UInt64(protection.rawValue))
  }

  /// The address as a pointer to words.
  package static func words(_ address: UInt64) -> UnsafeMutablePointer<UInt64> {
    // SAFETY: the caller mapped it; 0 is never mapped.
    UnsafeMutablePointer(bitPattern: UInt(address)).unsafelyUnwrapped
  }
}
