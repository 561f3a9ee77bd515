/// Message-signalled interrupts: a write to the address space of the local APICs.
///
/// SDM volume 3A, "Message Signalled Interrupts".
extension APICBus {
  /// The addresses whose writes are interrupts: FEE0_0000 to FEEF_FFFF.
  static let messagePrefix: UInt64 = 0xFEE

  /// Delivers a device's write if its address is that of a message; false if it is not.
  public func send(address: UInt64, data: UInt32) -> Bool {
    guard address >> 20 == Self.messagePrefix else { return false }
    let mode = InterruptMessage.DeliveryMode(rawValue: UInt8(truncatingIfNeeded: data >> 8 & 7))
    guard let mode, mode != .startUp else { return true }
    send(
      InterruptMessage(
        vector: UInt8(truncatingIfNeeded: data), deliveryMode: mode,
        destination: UInt32(truncatingIfNeeded: address >> 12 & 0xFF),
        // Also without the redirection hint: chipsets do so, and systems rely on it.
        isLogical: address & 1 << 2 != 0, isLevelTriggered: data & 1 << 15 != 0))
    return true
  }
}
