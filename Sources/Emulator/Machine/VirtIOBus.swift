/// What a virtio device is attached to.
public enum VirtIOBus: String, CaseIterable, Sendable {
  /// A PCI function.
  case pci
  /// Registers at an address of their own, described by ACPI.
  case mmio
}

/// A network interface of a machine.
public struct NetworkInterface: Equatable, Sendable {
  /// The Ethernet address, six bytes.
  public var address: [UInt8]
  /// What the device is attached to.
  public var bus: VirtIOBus

  /// The address that interfaces have unless told otherwise.
  public static let usualAddress: [UInt8] = [0x52, 0x54, 0x00, 0x12, 0x34, 0x56]

  /// An interface.
  public init(address: [UInt8] = usualAddress, bus: VirtIOBus = .pci) {
    self.address = address
    self.bus = bus
  }
}
