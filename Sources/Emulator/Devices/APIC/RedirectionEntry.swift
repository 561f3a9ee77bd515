/// One entry of an I/O APIC's redirection table.
///
/// 82093AA, "IOREDTBL[23:0]".
public struct RedirectionEntry: Codable, Equatable, Sendable {
  private static let remoteIRRBit: UInt64 = 1 << 14
  private static let levelBit: UInt64 = 1 << 15
  private static let maskBit: UInt64 = 1 << 16

  package var bits: UInt64 = RedirectionEntry.maskBit

  var vector: UInt8 { UInt8(truncatingIfNeeded: bits) }
  var isMasked: Bool { bits & Self.maskBit != 0 }

  /// Level-triggered; modes that carry no vector of their own are always edges.
  var isLevelTriggered: Bool {
    guard bits & Self.levelBit != 0 else { return false }
    return deliveryMode == .fixed || deliveryMode == .lowestPriority
  }

  /// Set from the acceptance of a level-triggered interrupt until its EOI.
  var remoteIRR: Bool {
    get { bits & Self.remoteIRRBit != 0 }
    set { bits = newValue ? bits | Self.remoteIRRBit : bits & ~Self.remoteIRRBit }
  }

  private var deliveryMode: InterruptMessage.DeliveryMode? {
    InterruptMessage.DeliveryMode(rawValue: UInt8(truncatingIfNeeded: bits >> 8 & 7))
  }

  /// What the entry sends, nil for a reserved delivery mode.
  var message: InterruptMessage? {
    guard let deliveryMode, deliveryMode != .startUp else { return nil }
    return InterruptMessage(
      vector: vector, deliveryMode: deliveryMode,
      destination: UInt32(truncatingIfNeeded: bits >> 56), isLogical: bits & 1 << 11 != 0,
      isLevelTriggered: isLevelTriggered)
  }

  mutating func writeHalf(isHigh: Bool, _ value: UInt32) {
    if isHigh {
      bits = bits & 0xFFFF_FFFF | UInt64(value & 0xFF00_0000) << 32
      return
    }
    let kept = bits & (0xFFFF_FFFF_0000_0000 | Self.remoteIRRBit)
    bits = kept | UInt64(value & 0x1_AFFF)
    // Switching an entry to edge and back is how software without an EOI register ends a stuck
    // level interrupt, so the remote IRR follows the trigger mode.
    if bits & Self.levelBit == 0 { remoteIRR = false }
  }
}
