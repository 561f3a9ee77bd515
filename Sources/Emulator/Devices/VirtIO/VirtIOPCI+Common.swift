/// The common configuration structure.
///
/// VIRTIO 1.2, "Common configuration structure layout".
extension VirtIOPCI {
  /// Offsets of its fields.
  enum Common {
    static let deviceFeatureSelect: UInt64 = 0x00
    static let deviceFeature: UInt64 = 0x04
    static let driverFeatureSelect: UInt64 = 0x08
    static let driverFeature: UInt64 = 0x0C
    static let configurationVector: UInt64 = 0x10
    static let queueCount: UInt64 = 0x12
    static let status: UInt64 = 0x14
    static let generation: UInt64 = 0x15
    static let queueSelect: UInt64 = 0x16
    static let queueSize: UInt64 = 0x18
    static let queueVector: UInt64 = 0x1A
    static let queueEnable: UInt64 = 0x1C
    static let queueNotifyOffset: UInt64 = 0x1E
    static let descriptors: UInt64 = 0x20
    static let available: UInt64 = 0x28
    static let used: UInt64 = 0x30
    static let end: UInt64 = 0x38
  }

  /// Reads bytes of one or more fields.
  func readCommon(_ offset: UInt64, _ size: AccessSize) -> UInt64 {
    guard offset &+ UInt64(size.rawValue) <= Common.end else { return 0 }
    // The aligned quadword that holds them all, or two.
    let shift = (offset & 7) &* 8
    let low = commonQuadword(offset & ~7) &>> shift
    guard offset & 7 &+ UInt64(size.rawValue) > 8 else { return low & size.mask }
    return (low | commonQuadword((offset & ~7) &+ 8) &<< (64 &- shift)) & size.mask
  }

  private func commonQuadword(_ offset: UInt64) -> UInt64 {
    let registers = device.registers
    let queue = device.selectedQueue.map { registers.queues[$0] }
    func pair(_ low: UInt32, _ high: UInt32) -> UInt64 { UInt64(low) | UInt64(high) << 32 }
    switch offset {
    case Common.deviceFeatureSelect:
      return pair(registers.deviceFeatureSelect, device.selectedFeatures)
    case Common.driverFeatureSelect:
      return pair(registers.driverFeatureSelect, device.selectedDriverFeatures)
    case Common.configurationVector:
      return UInt64(registers.configurationVector) | UInt64(registers.queues.count) << 16
        | UInt64(registers.status) << 32 | UInt64(registers.generation) << 40
        | UInt64(registers.queueSelect) << 48
    case Common.queueSize:
      guard let queue else { return 0 }
      return UInt64(queue.size) | UInt64(queue.vector) << 16 | (queue.isEnabled ? 1 : 0) << 32
        | UInt64(registers.queueSelect) << 48
    case Common.descriptors: return queue?.descriptors ?? 0
    case Common.available: return queue?.available ?? 0
    case Common.used: return queue?.used ?? 0
    default: return 0
    }
  }

  /// Writes a field, or half of one of 64 bits.
  func writeCommon(_ offset: UInt64, _ size: AccessSize, _ value: UInt64) {
    let word = UInt32(truncatingIfNeeded: value)
    switch (offset, size) {
    case (Common.deviceFeatureSelect, .doubleword): device.registers.deviceFeatureSelect = word
    case (Common.driverFeatureSelect, .doubleword): device.registers.driverFeatureSelect = word
    case (Common.driverFeature, .doubleword): device.selectedDriverFeatures = word
    case (Common.configurationVector, .word):
      device.registers.configurationVector = vector(value)
    case (Common.status, .byte): device.writeStatus(UInt8(truncatingIfNeeded: value))
    case (Common.queueSelect, .word):
      device.registers.queueSelect = UInt16(truncatingIfNeeded: value)
    case (Common.queueSize, .word): device.setQueueSize(UInt16(truncatingIfNeeded: value))
    case (Common.queueVector, .word):
      guard let queue = device.selectedQueue else { return }
      device.registers.queues[queue].vector = vector(value)
    case (Common.queueEnable, .word): if value == 1 { device.enableQueue() }
    case (Common.descriptors..<Common.end, .doubleword) where offset & 3 == 0,
      (Common.descriptors..<Common.end, .quadword) where offset & 7 == 0:
      let shift = (offset & 4) &* 8
      device.setQueueAddress(
        (offset & ~7) &- Common.descriptors, value &<< shift, mask: size.mask &<< shift)
    default: return
    }
  }
}

extension VirtIODevice {
  /// Sets bits of an address of the selected queue: 0 the descriptors, 8 the driver area, 16 the
  /// device area.
  func setQueueAddress(_ field: UInt64, _ value: UInt64, mask: UInt64) {
    guard let index = selectedQueue, !registers.queues[index].isEnabled else { return }
    func merge(_ address: inout UInt64) { address = address & ~mask | value & mask }
    switch field {
    case 0: merge(&registers.queues[index].descriptors)
    case 8: merge(&registers.queues[index].available)
    default: merge(&registers.queues[index].used)
    }
  }
}
