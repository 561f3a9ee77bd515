/// A virtio device as a PCI function.
///
/// VIRTIO 1.2, "Virtio Over PCI Bus"; modern only. The structures lie in the region of base address
/// registers 4 and 5, a page each; the MSI-X table is in that of register 1.
public final class VirtIOPCI: BusDevice {
  /// Pages of the region.
  private enum Page {
    static let common: UInt64 = 0
    static let interruptStatus: UInt64 = 1
    static let configuration: UInt64 = 2
    static let notification: UInt64 = 3
    static let count: UInt64 = 4
  }

  private static let region = 4
  private static let messageRegion = 1
  private static let vendorCapability: UInt8 = 0x09
  /// Bytes between the places to notify two queues.
  private static let notifyMultiplier: UInt64 = 4

  /// The function, to be attached to a bus.
  public private(set) var function: PCIFunction
  /// The device behind it.
  public let device: VirtIODevice
  private let messages: PCIMessageTable
  /// The window into the region that lies in configuration space.
  private var window = 0

  /// Makes a function for `device`.
  public init(_ device: VirtIODevice) {
    self.device = device
    messages = PCIMessageTable(count: device.model.queueSizes.count + 1)
    var identity = PCIFunction.Identity(
      vendor: 0x1AF4, device: 0x1040 &+ device.model.identifier,
      classCode: device.model.classCode)
    identity.revision = 1
    identity.interruptPin = 1
    // The region is this object, which is complete only once it has a function.
    let relay = Relay()
    function = PCIFunction(
      identity,
      regions: [
        PCIRegion(
          Self.messageRegion, .memory32, size: PCIMessageTable.regionSize, device: messages),
        PCIRegion(Self.region, .memory64, size: Page.count * 0x1000, device: relay),
      ],
      messages: PCIMessageTable.Placement(messages, region: Self.messageRegion))
    relay.target = self
    function.dma = device.dma
    addCapabilities()
    function.willRead = { [unowned self] range in readWindow(range) }
    function.written = { [unowned self] range in writeWindow(range) }
    device.interrupt = { [unowned self] cause in interrupt(cause) }
  }

  // MARK: Capabilities

  private func addCapabilities() {
    let multiplier = Self.notifyMultiplier.littleEndianBytes(4)
    addCapability(type: 1, page: Page.common, length: 0x38)
    addCapability(type: 3, page: Page.interruptStatus, length: 1)
    addCapability(type: 4, page: Page.configuration, length: 0x1000)
    addCapability(type: 2, page: Page.notification, length: 0x1000, multiplier)
    // VIRTIO_PCI_CAP_PCI_CFG: bar, offset, length and data are the driver's.
    let mask: [UInt8] = [0, 0, 0xFF, 0, 0, 0] + [UInt8](repeating: 0xFF, count: 12)
    window = function.addCapability(
      Self.vendorCapability, [20, 5, 0, 0, 0, 0] + [UInt8](repeating: 0, count: 12),
      writable: mask)
  }

  private func addCapability(
    type: UInt8, page: UInt64, length: UInt64, _ extra: [UInt8] = []
  ) {
    let content =
      [UInt8(16 + extra.count), type, UInt8(Self.region), 0, 0, 0]
      + (page * 0x1000).littleEndianBytes(4) + length.littleEndianBytes(4) + extra
    function.addCapability(Self.vendorCapability, content)
  }

  /// What the window shows, if its settings make sense.
  private var windowTarget: (offset: UInt64, size: AccessSize)? {
    guard function.word(window + 4) & 0xFF == UInt16(Self.region) else { return nil }
    let offset = UInt64(function.doubleword(window + 8))
    guard let size = AccessSize(rawValue: UInt8(clamping: function.doubleword(window + 12))),
      size != .quadword, offset % UInt64(size.rawValue) == 0, offset < Page.count * 0x1000
    else { return nil }
    return (offset, size)
  }

  private func readWindow(_ range: Range<Int>) {
    guard range.overlaps(window + 16..<window + 20), let target = windowTarget else { return }
    let value = read(offset: target.offset, size: target.size)
    function.store(UInt32(truncatingIfNeeded: value), at: window + 16)
  }

  private func writeWindow(_ range: Range<Int>) {
    guard range.overlaps(window + 16..<window + 20), let target = windowTarget else { return }
    write(
      offset: target.offset, size: target.size,
      value: UInt64(function.doubleword(window + 16)) & target.size.mask)
  }

  // MARK: Interrupts

  private func interrupt(_ cause: VirtIODevice.Cause) {
    let (bit, vector) =
      switch cause {
      case .queue(let index): (1 as UInt8, device.registers.queues[index].vector)
      case .configuration: (2 as UInt8, device.registers.configurationVector)
      }
    if messages.isEnabled {
      // Without a vector it has no index in the table either.
      messages.signal(Int(vector))
    } else {
      device.registers.interruptStatus |= bit
      function.setInterrupt(true)
    }
  }

  private func takeInterruptStatus() -> UInt8 {
    let status = device.registers.interruptStatus
    device.registers.interruptStatus = 0
    function.setInterrupt(false)
    return status
  }

  /// A vector as it can be set: one that the table has, or none.
  func vector(_ value: UInt64) -> UInt16 {
    value < UInt64(messages.count) ? UInt16(value) : VirtIOQueue.noVector
  }

  // MARK: The region

  /// Reads from one of the structures.
  public func read(offset: UInt64, size: AccessSize) -> UInt64 {
    let within = offset & 0xFFF
    switch offset >> 12 {
    case Page.common: return readCommon(within, size)
    case Page.interruptStatus: return within == 0 ? UInt64(takeInterruptStatus()) : 0
    case Page.configuration: return device.readConfiguration(within, size: size)
    default: return 0
    }
  }

  /// Writes to one of the structures.
  public func write(offset: UInt64, size: AccessSize, value: UInt64) {
    let within = offset & 0xFFF
    switch offset >> 12 {
    case Page.common: writeCommon(within, size, value & size.mask)
    case Page.configuration: device.writeConfiguration(within, size: size, value: value)
    case Page.notification:
      device.notify(Int(truncatingIfNeeded: within / Self.notifyMultiplier))
    default: return
    }
    if device.registers.status == 0, within == VirtIOPCI.Common.status {
      function.setInterrupt(false)
    }
  }
}

/// Passes accesses on.
private final class Relay: BusDevice {
  weak var target: VirtIOPCI?

  func read(offset: UInt64, size: AccessSize) -> UInt64 {
    target?.read(offset: offset, size: size) ?? size.mask
  }

  func write(offset: UInt64, size: AccessSize, value: UInt64) {
    target?.write(offset: offset, size: size, value: value)
  }
}
