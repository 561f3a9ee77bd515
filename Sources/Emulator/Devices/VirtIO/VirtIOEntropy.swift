/// A virtio entropy device, whose numbers follow from a seed.
///
/// VIRTIO 1.2, "Entropy Device". Quirk: seeded-entropy. Nothing in a machine is really random, so
/// that runs repeat.
public final class VirtIOEntropy: VirtIOModel {
  /// The numbers still to come.
  public struct State: Codable, Equatable, Sendable {
    package var numbers: SeededNumbers
  }

  /// The most that one request gets.
  private static let pieceLimit: UInt64 = 1 << 16

  /// The numbers still to come.
  public var state: State

  /// Makes a device whose numbers follow from `seed`.
  public init(seed: UInt64) { state = State(numbers: SeededNumbers(seed: seed)) }

  /// Entropy source: 4.
  public var identifier: UInt16 { 4 }
  /// A device of no class.
  public var classCode: UInt32 { 0xFF_0000 }
  /// None.
  public var features: UInt64 { 0 }
  /// One queue.
  public var queueSizes: [UInt16] { [64] }
  /// None.
  public var configuration: [UInt8] { [] }

  /// Fills a buffer.
  public func serve(
    _ chain: VirtIOChain, queue: Int, _ session: VirtIOSession
  ) throws(VirtIOFault) -> UInt32 {
    let count = Int(min(chain.writable.count, Self.pieceLimit))
    var bytes: [UInt8] = []
    while bytes.count < count { bytes += state.numbers.next().littleEndianBytes(8) }
    return try chain.writable.write(Array(bytes[..<count]), session.dma)
  }
}
