/// A virtio network device.
///
/// VIRTIO 1.2, "Network Device". It offers neither checksums nor segmentation: frames are frames.
public final class VirtIONetwork: VirtIOModel {
  private enum Queue {
    static let receive = 0
    static let transmit = 1
  }

  private enum Feature {
    static let address: UInt64 = 1 << 5
    static let status: UInt64 = 1 << 16
  }

  /// Frames that have come and wait for buffers.
  public struct State: Codable, Equatable, Sendable {
    package var frames: [[UInt8]] = []
  }

  /// The header in front of every frame, with num_buffers.
  private static let headerSize: UInt64 = 12
  private static let header: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]
  /// Frames beyond this are lost, as on a wire.
  private static let frameLimit = 512
  /// The longest frame: Ethernet with a VLAN tag.
  private static let largestFrame: UInt64 = 1518

  /// Frames that have come and wait for buffers.
  public var state = State()

  private let address: [UInt8]
  private let transmit: ([UInt8]) -> Void

  /// Makes a device with an Ethernet address of six bytes.
  public init(address: [UInt8], transmit: @escaping ([UInt8]) -> Void) {
    self.address = Array((address + [0, 0, 0, 0, 0, 0]).prefix(6))
    self.transmit = transmit
  }

  /// Network card: 1.
  public var identifier: UInt16 { 1 }
  /// An Ethernet controller.
  public var classCode: UInt32 { 0x02_0000 }
  /// An address, and whether the link is up.
  public var features: UInt64 { Feature.address | Feature.status }
  /// Receive and transmit.
  public var queueSizes: [UInt16] { [256, 256] }
  /// The address; the link is up; one pair of queues.
  public var configuration: [UInt8] { address + [1, 0, 1, 0] }

  /// A frame has come; the device is to be notified of its queue 0.
  public func receive(_ frame: [UInt8]) {
    guard state.frames.count < Self.frameLimit else { return }
    state.frames.append(frame)
  }

  /// The wire is cut: what has come is lost.
  public func reset() { state.frames = [] }

  /// Buffers to receive wait until something comes.
  public func isReady(queue: Int) -> Bool {
    queue == Queue.transmit || !state.frames.isEmpty
  }

  /// Sends a frame, or fills a buffer with one that has come.
  public func serve(
    _ chain: VirtIOChain, queue: Int, _ session: VirtIOSession
  ) throws(VirtIOFault) -> UInt32 {
    guard queue == Queue.receive else {
      var frame = chain.readable
      _ = frame.removeFirst(Self.headerSize)
      if frame.count > 0, frame.count <= Self.largestFrame {
        transmit(try frame.read(session.dma))
      }
      return 0
    }
    guard !state.frames.isEmpty else { return 0 }
    let frame = Self.header + state.frames.removeFirst()
    // A buffer that is too short gets nothing, and the frame is lost.
    guard UInt64(frame.count) <= chain.writable.count else { return 0 }
    return try chain.writable.write(frame, session.dma)
  }
}
