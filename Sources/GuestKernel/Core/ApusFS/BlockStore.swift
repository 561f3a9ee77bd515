/// A disk as the file system sees it: numbered blocks, written in any order until a flush says that
/// everything before it is safe.
///
/// Disks keep what is written to them in a cache of their own; after a crash any of the writes since
/// the last flush may be there and any may not. All reasoning of the journal rests on this and on one
/// promise: a sector of 512 bytes is written whole or not at all.
package let diskBlockSize = 4096

/// A disk operation that failed.
package struct DiskFailure: Error {
  package let error: SystemError
  package init(_ error: SystemError) { self.error = error }
}

/// One block to be written.
package struct BlockWrite {
  package let block: UInt32
  package let bytes: UnsafeRawPointer
  package init(block: UInt32, bytes: UnsafeRawPointer) {
    self.block = block
    self.bytes = bytes
  }
}

/// What disks have in common; a class, so that drivers and tests can provide theirs.
package class BlockStore {
  package let blockCount: UInt32
  package init(blockCount: UInt32) { self.blockCount = blockCount }

  package func read(
    _ block: UInt32, into target: UnsafeMutableRawPointer
  ) throws(DiskFailure) {
    throw DiskFailure(.inputOutput)
  }

  /// Hands blocks to the disk; they are safe after the next flush.
  package func write(_ blocks: [BlockWrite]) throws(DiskFailure) {
    throw DiskFailure(.inputOutput)
  }

  package func flush() throws(DiskFailure) {}
}

extension UnsafeRawPointer {
  package func word16(_ offset: Int) -> UInt16 {
    loadUnaligned(fromByteOffset: offset, as: UInt16.self)
  }
  package func word32(_ offset: Int) -> UInt32 {
    loadUnaligned(fromByteOffset: offset, as: UInt32.self)
  }
  package func word64(_ offset: Int) -> UInt64 {
    loadUnaligned(fromByteOffset: offset, as: UInt64.self)
  }
}

extension UnsafeMutableRawPointer {
  package func word16(_ offset: Int) -> UInt16 { UnsafeRawPointer(self).word16(offset) }
  package func word32(_ offset: Int) -> UInt32 { UnsafeRawPointer(self).word32(offset) }
  package func word64(_ offset: Int) -> UInt64 { UnsafeRawPointer(self).word64(offset) }
  package func put<Value: BitwiseCopyable>(_ value: Value, _ offset: Int) {
    storeBytes(of: value, toByteOffset: offset, as: Value.self)
  }
  package func clearBlock() {
    initializeMemory(as: UInt8.self, repeating: 0, count: diskBlockSize)
  }
}
