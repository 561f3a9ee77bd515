/// A virtio console with one port.
///
/// VIRTIO 1.2, "Console Device".
public final class VirtIOConsole: VirtIOModel {
  private enum Queue {
    static let receive = 0
    static let transmit = 1
  }

  private static let emergencyWrite: UInt64 = 1 << 2
  /// Where emerg_wr lies in the configuration.
  private static let emergencyOffset = 8

  /// What has come for the guest and waits for a buffer.
  public struct State: Codable, Equatable, Sendable {
    package var received = ByteQueue()
  }

  /// What waits for a buffer; it outlasts a reset, since a driver's first act is one.
  public var state = State()

  private let transmit: (UInt8) -> Void

  /// Makes a console that gives what the guest writes to `transmit`.
  public init(transmit: @escaping (UInt8) -> Void) { self.transmit = transmit }

  /// Console: 3.
  public var identifier: UInt16 { 3 }
  /// A simple communication controller.
  public var classCode: UInt32 { 0x07_8000 }
  /// Output without queues.
  public var features: UInt64 { Self.emergencyWrite }
  /// Receive and transmit.
  public var queueSizes: [UInt16] { [128, 128] }
  /// No size, one port.
  public var configuration: [UInt8] { [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0] }

  /// A byte for emergencies.
  public func writeConfiguration(_ value: UInt8, at offset: Int) {
    if offset == Self.emergencyOffset { transmit(value) }
  }

  /// Bytes have come; the device is to be notified of its queue 0.
  public func receive(_ bytes: [UInt8]) {
    for byte in bytes { state.received.append(byte) }
  }

  /// Buffers to receive wait until something comes.
  public func isReady(queue: Int) -> Bool {
    queue == Queue.transmit || !state.received.isEmpty
  }

  /// Sends the content of a buffer, or fills one with what has come.
  public func serve(
    _ chain: VirtIOChain, queue: Int, _ session: VirtIOSession
  ) throws(VirtIOFault) -> UInt32 {
    guard queue == Queue.receive else {
      for byte in try chain.readable.read(session.dma) { transmit(byte) }
      return 0
    }
    var bytes: [UInt8] = []
    while UInt64(bytes.count) < chain.writable.count, let byte = state.received.popFirst() {
      bytes.append(byte)
    }
    return try chain.writable.write(bytes, session.dma)
  }
}
