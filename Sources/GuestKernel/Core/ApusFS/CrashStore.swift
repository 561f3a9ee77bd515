/// A disk that loses its power: after a given number of block writes nothing reaches it any more, and of
/// the writes since the last flush only some survive.
///
/// The tests crash it at every write; the demonstration `journal` shows one such crash.
package final class CrashStore: BlockStore {
  package private(set) var durable: [UInt8]
  package private(set) var pending: [(block: UInt32, bytes: [UInt8])] = []
  package private(set) var writes = 0
  package private(set) var flushes = 0
  /// Writes from this one on fail.
  package var limit = Int.max
  /// If set, becomes the limit, counted from then, when `startCounting` is called.
  package var limitAfterCounting: Int?
  /// A bad disk: it says that it has flushed and has not.
  package var ignoresFlushes = false

  package init(blocks: UInt32) {
    durable = [UInt8](repeating: 0, count: Int(blocks) * diskBlockSize)
    super.init(blockCount: blocks)
  }

  package init(image: [UInt8]) {
    durable = image
    super.init(blockCount: UInt32(image.count / diskBlockSize))
  }

  package override func read(_ block: UInt32, into target: UnsafeMutableRawPointer)
    throws(DiskFailure)
  {
    for write in pending.reversed() where write.block == block {
      CrashStore.copy(write.bytes, 0, to: target)
      return
    }
    CrashStore.copy(durable, Int(block) * diskBlockSize, to: target)
  }

  private static func copy(
    _ bytes: [UInt8], _ offset: Int, to target: UnsafeMutableRawPointer
  ) {
    bytes.withUnsafeBytes { all in
      if let base = all.baseAddress {
        target.copyMemory(from: base + offset, byteCount: diskBlockSize)
      }
    }
  }

  package override func write(_ blocks: [BlockWrite]) throws(DiskFailure) {
    for write in blocks {
      guard writes < limit else { throw DiskFailure(.inputOutput) }
      writes += 1
      let bytes = UnsafeRawBufferPointer(start: write.bytes, count: diskBlockSize)
      pending.append((write.block, Array(bytes)))
    }
  }

  package override func flush() throws(DiskFailure) {
    guard writes < limit else { throw DiskFailure(.inputOutput) }
    flushes += 1
    if ignoresFlushes { return }
    for write in pending { CrashStore.put(write.bytes, write.block, &durable) }
    pending = []
  }

  /// What was written before does not count: the interesting part of a story begins.
  package func startCounting() {
    writes = 0
    if let limitAfterCounting { limit = limitAfterCounting }
  }

  private static func put(_ bytes: [UInt8], _ block: UInt32, _ image: inout [UInt8]) {
    let start = Int(block) * diskBlockSize
    image.replaceSubrange(start..<start + bytes.count, with: bytes)
  }

  /// What is on the disk after the crash when `survives` says which unflushed writes got there; the
  /// last of those may be torn: only its first `sectors` sectors.
  package func image(torn sectors: Int = 8, _ survives: (Int) -> Bool) -> [UInt8] {
    var image = durable
    var last: Int?
    for index in pending.indices where survives(index) { last = index }
    for (index, write) in pending.enumerated() where survives(index) {
      let count = index == last ? sectors * 512 : diskBlockSize
      CrashStore.put(Array(write.bytes[0..<count]), write.block, &image)
    }
    return image
  }
}
