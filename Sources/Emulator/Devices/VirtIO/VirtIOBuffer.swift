/// Guest memory that a descriptor chain names, in order; where one piece ends means nothing.
///
/// Virtual I/O Device (VIRTIO) 1.2, "Message Framing".
public struct VirtIOBuffer {
  /// A piece of guest memory.
  struct Segment: Equatable {
    var address: UInt64
    var count: UInt64
  }

  private(set) var segments: [Segment] = []
  /// The number of bytes.
  public private(set) var count: UInt64 = 0

  mutating func append(_ segment: Segment) {
    guard segment.count > 0 else { return }
    segments.append(segment)
    count += segment.count
  }

  /// Cuts off the first bytes, at most all.
  public mutating func removeFirst(_ wanted: UInt64) -> VirtIOBuffer {
    var taken = VirtIOBuffer()
    var rest = VirtIOBuffer()
    for segment in segments {
      let part = min(wanted - taken.count, segment.count)
      taken.append(Segment(address: segment.address, count: part))
      rest.append(Segment(address: segment.address &+ part, count: segment.count - part))
    }
    self = rest
    return taken
  }

  /// Cuts off the last bytes, at most all.
  public mutating func removeLast(_ wanted: UInt64) -> VirtIOBuffer {
    let first = removeFirst(count - min(wanted, count))
    defer { self = first }
    return self
  }

  /// Copies the bytes out of guest memory.
  public func read(_ dma: DMA) throws(VirtIOFault) -> [UInt8] {
    var bytes: [UInt8] = []
    for segment in segments {
      guard let piece = dma.read(segment.address, count: segment.count) else {
        throw VirtIOFault.badAddress
      }
      bytes += piece
    }
    return bytes
  }

  /// Copies bytes into guest memory, as many as fit, and says how many those are.
  @discardableResult
  public func write(_ bytes: [UInt8], _ dma: DMA) throws(VirtIOFault) -> UInt32 {
    var done = 0
    for segment in segments where done < bytes.count {
      let length = Int(min(segment.count, UInt64(bytes.count - done)))
      guard dma.write(segment.address, Array(bytes[done..<done + length])) else {
        throw VirtIOFault.badAddress
      }
      done += length
    }
    return UInt32(truncatingIfNeeded: done)
  }
}

/// What a driver did that a device cannot go on from.
public enum VirtIOFault: Error, Equatable {
  /// A ring or a buffer is not in RAM.
  case badAddress
  /// A ring or a chain is not as the specification wants it.
  case badRing
}

/// A descriptor chain that a driver has made available.
public struct VirtIOChain {
  /// The first descriptor, by which the driver knows it.
  let head: UInt16
  /// What the device may read.
  public var readable = VirtIOBuffer()
  /// What the device may write, behind what it may read.
  public var writable = VirtIOBuffer()
}
