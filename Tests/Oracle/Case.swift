import Glibc
import HostCPU

/// A piece of code and the state it starts in.
package struct Case {
  package var code: [UInt8]
  package var before: UserState
  /// The initial data memory: an index into the images of the batch.
  package var image: Int

  package init(code: [UInt8], before: UserState, image: Int) {
    self.code = code
    self.before = before
    self.image = image
  }
}

/// Cases that run one after the other, each from its own copy of one of the images.
package struct Batch {
  package var images: [DataImage]
  package var cases: [Case]

  package init(images: [DataImage], cases: [Case]) {
    self.images = images
    self.cases = cases
  }

  package static let capacity = Int(HOST_BATCH)
}

/// The contents of the data pages.
package struct DataImage {
  package var bytes: [UInt8]

  package init() {
    bytes = [UInt8](repeating: 0, count: DataImage.size)
  }

  package static let address = HOST_DATA_ADDRESS
  package static let size = Int(HOST_DATA_SIZE)

  /// The quadword at `offset`, which must leave room for it.
  package subscript(quadword offset: Int) -> UInt64 {
    get { bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self) } }
    set {
      bytes.withUnsafeMutableBytes {
        $0.storeBytes(of: newValue, toByteOffset: offset, as: UInt64.self)
      }
    }
  }
}

/// How a case ended: with an exception, since INT3 stands behind all code.
package enum Ending: Equatable {
  case exception(vector: UInt8, errorCode: UInt64, cr2: UInt64)
  case timeout
  case unrunnable
}

/// One aligned quadword of data memory that a case changed.
package struct MemoryChange: Equatable {
  package var offset: Int
  package var value: UInt64
}

/// The state a case left behind.
package struct Outcome {
  package var ending: Ending
  package var after: UserState
  package var changes: [MemoryChange]

  package init(ending: Ending, after: UserState, changes: [MemoryChange]) {
    self.ending = ending
    self.after = after
    self.changes = changes
  }
}

/// Something that executes cases: the host's processor or ours.
package protocol Processor: AnyObject {
  /// Runs every case of `batch`, which has at most `Batch.capacity` of them.
  func run(_ batch: Batch) -> [Outcome]

  /// The same with more time for each case, for those that ran out of it.
  func runPatiently(_ batch: Batch) -> [Outcome]
}

extension Processor {
  package func runPatiently(_ batch: Batch) -> [Outcome] { run(batch) }
}

extension MemoryChange {
  /// The quadwords in which `memory` differs from `image`.
  package static func between(_ image: DataImage, _ memory: UnsafeRawPointer) -> [MemoryChange] {
    var changes: [MemoryChange] = []
    image.bytes.withUnsafeBytes { old in
      guard let base = old.baseAddress, memcmp(base, memory, DataImage.size) != 0 else { return }
      var chunk = 0
      while chunk < DataImage.size {
        if !sameChunk(base + chunk, memory + chunk) {
          for offset in stride(from: chunk, to: chunk + 64, by: 8) {
            let value = memory.load(fromByteOffset: offset, as: UInt64.self)
            if value != base.load(fromByteOffset: offset, as: UInt64.self) {
              changes.append(MemoryChange(offset: offset, value: value))
            }
          }
        }
        chunk += 64
      }
    }
    return changes
  }

  private static func sameChunk(_ a: UnsafeRawPointer, _ b: UnsafeRawPointer) -> Bool {
    a.loadUnaligned(as: SIMD8<UInt64>.self) == b.loadUnaligned(as: SIMD8<UInt64>.self)
  }
}
