/// An interrupt on its way to local APICs, from an I/O APIC or from another processor.
///
/// SDM Vol. 3A, "Message Address Register Format", "Interrupt Command Register (ICR)".
public struct InterruptMessage: Equatable, Sendable {
  /// What the receiver does with the message.
  public enum DeliveryMode: UInt8, Sendable {
    /// Deliver the vector to every destination.
    case fixed = 0
    /// Deliver the vector to the destination with the lowest priority.
    case lowestPriority = 1
    /// SMI, which this machine ignores: it has no system-management mode.
    case systemManagement = 2
    /// NMI; the vector is ignored.
    case nonMaskable = 4
    /// INIT
    case initialize = 5
    /// SIPI; the vector is the page number of the start address.
    case startUp = 6
    /// ExtINT; the vector comes from the 8259.
    case external = 7
  }

  /// The interrupt's vector.
  public var vector: UInt8
  /// What the receiver does with the message.
  public var deliveryMode: DeliveryMode
  /// Whether `destination` is a logical destination, not an APIC ID.
  public var isLogical: Bool
  /// Whether the source is level-triggered and waits for the EOI.
  public var isLevelTriggered: Bool
  /// An APIC ID or a message destination address.
  public var destination: UInt32
  /// Whether the destination is 32 bits wide (x2APIC) and not 8.
  public var isWide: Bool

  /// A message to `destination`.
  public init(
    vector: UInt8, deliveryMode: DeliveryMode = .fixed, destination: UInt32,
    isLogical: Bool = false, isLevelTriggered: Bool = false, isWide: Bool = false
  ) {
    self.vector = vector
    self.deliveryMode = deliveryMode
    self.isLogical = isLogical
    self.isLevelTriggered = isLevelTriggered
    self.destination = destination
    self.isWide = isWide
  }

  /// Whether every local APIC is meant.
  var isBroadcast: Bool { destination == (isWide ? .max : 0xFF) }
}
