/// A virtio block device.
///
/// VIRTIO 1.2, "Block Device".
public final class VirtIOBlock: VirtIOModel {
  private enum Feature {
    static let segmentLimit: UInt64 = 1 << 2
    static let readOnly: UInt64 = 1 << 5
    static let blockSize: UInt64 = 1 << 6
    static let flush: UInt64 = 1 << 9
    static let writeZeroes: UInt64 = 1 << 14
  }

  private enum Request {
    static let read: UInt64 = 0
    static let write: UInt64 = 1
    static let flush: UInt64 = 4
    static let identify: UInt64 = 8
    static let writeZeroes: UInt64 = 13
  }

  /// The byte at the end of a request.
  private enum Status: UInt8 {
    case success = 0
    case failure = 1
    case unsupported = 2
  }

  /// Nothing: the content is the disk's.
  public struct State: Codable, Equatable, Sendable {}

  private static let sectorSize: UInt64 = 512
  private static let queueSize: UInt16 = 256
  /// Segments of a request: a queue without the header and the status.
  private static let segmentLimit = UInt64(queueSize - 2)
  /// Sectors that one request may fill with zeroes.
  private static let zeroLimit: UInt64 = 32768
  private static let zeroPiece: UInt64 = 1 << 20

  private let disk: any BlockBackend
  private let isReadOnly: Bool
  private let name: [UInt8]

  /// Makes a device with the content of `disk`; `name` is what it says when asked who it is.
  public init(_ disk: any BlockBackend, isReadOnly: Bool, name: String) {
    self.disk = disk
    self.isReadOnly = isReadOnly || disk.isReadOnly
    let text = Array(name.utf8.prefix(20))
    self.name = text + [UInt8](repeating: 0, count: 20 - text.count)
  }

  /// Nothing.
  public var state: State {
    get { State() }
    set {}
  }

  /// Block device: 2.
  public var identifier: UInt16 { 2 }
  /// A SCSI storage controller, as others say.
  public var classCode: UInt32 { 0x01_0000 }
  /// One queue.
  public var queueSizes: [UInt16] { [Self.queueSize] }

  /// What it can do.
  public var features: UInt64 {
    let always = Feature.segmentLimit | Feature.blockSize | Feature.flush
    return always | (isReadOnly ? Feature.readOnly : Feature.writeZeroes)
  }

  /// Capacity and limits.
  public var configuration: [UInt8] {
    let fields: [(UInt64, Int)] = [
      (disk.size / Self.sectorSize, 8), (0, 4), (Self.segmentLimit, 4), (0, 4),
      (Self.sectorSize, 4), (0, 8), (0, 1), (0, 1), (1, 2),
      // No discard; one segment of zeroes, which does not give space back.
      (0, 12), (isReadOnly ? 0 : Self.zeroLimit, 4), (isReadOnly ? 0 : 1, 4), (0, 4),
    ]
    return fields.flatMap { $0.littleEndianBytes($1) }
  }

  /// Serves one request.
  public func serve(
    _ chain: VirtIOChain, queue: Int, _ session: VirtIOSession
  ) throws(VirtIOFault) -> UInt32 {
    var (input, output) = (chain.readable, chain.writable)
    let header = try input.removeFirst(16).read(session.dma)
    let statusPlace = output.removeLast(1)
    guard header.count == 16, statusPlace.count == 1 else { throw .badRing }
    func field(_ range: Range<Int>) -> UInt64 {
      header[range].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    let sector = field(8..<16)
    let status: Status
    var written: UInt32 = 1
    switch field(0..<4) {
    case Request.read:
      status = read(sector, into: output, session.dma)
      written &+= UInt32(truncatingIfNeeded: output.count)
    case Request.write: status = write(sector, input, session.dma)
    case Request.flush: status = disk.flush() ? .success : .failure
    case Request.identify:
      written &+= try output.write(name, session.dma)
      status = .success
    case Request.writeZeroes where !isReadOnly:
      status = writeZeroes(try input.removeFirst(16).read(session.dma))
    default: status = .unsupported
    }
    try statusPlace.write([status.rawValue], session.dma)
    return written
  }

  private func start(_ sector: UInt64, _ count: UInt64) -> UInt64? {
    guard count % Self.sectorSize == 0, sector <= disk.size / Self.sectorSize,
      disk.contains(sector * Self.sectorSize, count: count)
    else { return nil }
    return sector * Self.sectorSize
  }

  private func read(_ sector: UInt64, into buffer: VirtIOBuffer, _ dma: DMA) -> Status {
    guard var place = start(sector, buffer.count) else { return .failure }
    for segment in buffer.segments {
      guard
        dma.fillBytes(
          at: segment.address, count: segment.count, { disk.read(at: place, into: $0) })
      else { return .failure }
      place += segment.count
    }
    return .success
  }

  private func write(_ sector: UInt64, _ buffer: VirtIOBuffer, _ dma: DMA) -> Status {
    guard !isReadOnly, var place = start(sector, buffer.count) else { return .failure }
    for segment in buffer.segments {
      guard
        dma.withBytes(at: segment.address, count: segment.count, { disk.write(at: place, $0) })
      else { return .failure }
      place += segment.count
    }
    return .success
  }

  /// One segment: the first sector, a count, and flags, of which there are none but UNMAP.
  private func writeZeroes(_ segment: [UInt8]) -> Status {
    guard segment.count == 16 else { return .unsupported }
    func field(_ range: Range<Int>) -> UInt64 {
      segment[range].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    let count = field(8..<12)
    guard field(12..<16) & ~1 == 0 else { return .unsupported }
    guard count <= Self.zeroLimit, let first = start(field(0..<8), count * Self.sectorSize)
    else { return .failure }
    let end = first + count * Self.sectorSize
    let zeroes = [UInt8](repeating: 0, count: Int(Self.zeroPiece))
    for place in stride(from: first, to: end, by: Int(Self.zeroPiece)) {
      let length = Int(min(Self.zeroPiece, end - place))
      guard disk.write(at: place, Array(zeroes[..<length])) else { return .failure }
    }
    return .success
  }
}
