/// What a kind of virtio device does, whatever it is attached to.
public protocol VirtIOModel: StatefulDevice {
  /// The device's number. VIRTIO 1.2, "Device Types".
  var identifier: UInt16 { get }

  /// The class code of its PCI function.
  var classCode: UInt32 { get }

  /// The features of its own that it offers.
  var features: UInt64 { get }

  /// How many descriptors each of its queues may have.
  var queueSizes: [UInt16] { get }

  /// Its configuration as it is now.
  var configuration: [UInt8] { get }

  /// Takes a byte that a driver wrote to its configuration.
  func writeConfiguration(_ value: UInt8, at offset: Int)

  /// Whether it has something to do with the next chain of a queue.
  func isReady(queue: Int) -> Bool

  /// Does what a chain asks for, and gives the number of bytes written to it.
  func serve(_ chain: VirtIOChain, queue: Int, _ session: VirtIOSession) throws(VirtIOFault)
    -> UInt32

  /// The driver has reset the device.
  func reset()
}

extension VirtIOModel {
  /// Nothing can be written.
  public func writeConfiguration(_ value: UInt8, at offset: Int) {}

  /// Always.
  public func isReady(queue: Int) -> Bool { true }

  /// Nothing to forget.
  public func reset() {}
}

/// What driver and device have agreed on, and the way to guest memory.
public struct VirtIOSession {
  /// Guest memory.
  public let dma: DMA
  /// The features in use.
  public let features: UInt64
}
