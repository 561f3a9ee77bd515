/// The interrupts that arise inside a local APIC or at its LINT pins: the rows of the LVT.
///
/// SDM Vol. 3A, "Local Vector Table".
public enum LocalInterrupt: Int, Sendable, CaseIterable {
  /// The APIC timer.
  case timer
  /// The thermal sensor.
  case thermal
  /// Overflow of a performance counter.
  case performance
  /// The pin an 8259 is connected to.
  case lint0
  /// The pin NMI is connected to.
  case lint1
  /// An error recorded in the ESR.
  case error

  /// The bits software may write.
  var writableBits: UInt32 {
    switch self {
    case .timer: 0x0007_00FF
    case .thermal, .performance: 0x0001_07FF
    case .lint0, .lint1: 0x0001_A7FF
    case .error: 0x0001_00FF
    }
  }

  /// Bits that read back but are not software's to change: delivery status and remote IRR.
  var readOnlyBits: UInt32 {
    switch self {
    case .lint0, .lint1: 0x5000
    default: 0x1000
    }
  }
}

/// One entry of the local vector table.
public struct LocalVector: Codable, Equatable, Sendable {
  /// When the timer fires.
  enum TimerMode: UInt32 {
    case oneShot = 0
    case periodic = 1
    case deadline = 2
    case reserved = 3
  }

  static let mask: UInt32 = 1 << 16
  static let remoteIRRBit: UInt32 = 1 << 14

  package var bits: UInt32 = LocalVector.mask

  var vector: UInt8 { UInt8(truncatingIfNeeded: bits) }
  var isMasked: Bool { bits & Self.mask != 0 }
  var isLevelTriggered: Bool { bits & 1 << 15 != 0 }
  var timerMode: TimerMode { TimerMode(rawValue: bits >> 17 & 3) ?? .reserved }
  var deliveryMode: InterruptMessage.DeliveryMode? {
    InterruptMessage.DeliveryMode(rawValue: UInt8(truncatingIfNeeded: bits >> 8 & 7))
  }

  /// Set while a level-triggered fixed interrupt was accepted and waits for its EOI.
  var remoteIRR: Bool {
    get { bits & Self.remoteIRRBit != 0 }
    set { bits = newValue ? bits | Self.remoteIRRBit : bits & ~Self.remoteIRRBit }
  }
}
