/// A disk of a machine: its content, and how the guest reaches it.
public struct DiskDrive: Equatable, Sendable {
  /// What a disk is attached to.
  public enum Bus: String, CaseIterable, Sendable {
    /// A virtio block device on PCI.
    case virtioPCI = "virtio-pci"
    /// A virtio block device at an address of its own, described by ACPI.
    case virtioMMIO = "virtio-mmio"
    /// A disk of the IDE controller.
    case ide
  }

  /// What becomes of a guest's writes.
  public enum Access: String, CaseIterable, Sendable {
    /// They stay in memory and are lost with the machine.
    case snapshot
    /// They are refused.
    case readOnly = "readonly"
    /// They go to the file.
    case writable
  }

  /// The content.
  public let backend: any BlockBackend & Sendable
  /// What the disk is attached to.
  public var bus: Bus
  /// What becomes of a guest's writes.
  public var access: Access
  /// Whether it is a CD in its drive, which only the IDE controller has.
  public var isOptical = false

  /// A disk with this content.
  public init(
    _ backend: any BlockBackend & Sendable, bus: Bus = .virtioPCI, access: Access = .snapshot
  ) {
    self.backend = backend
    self.bus = bus
    self.access = access
  }

  /// Whether both are the same content on the same bus.
  public static func == (one: Self, other: Self) -> Bool {
    one.backend === other.backend && one.bus == other.bus && one.access == other.access
      && one.isOptical == other.isOptical
  }
}
