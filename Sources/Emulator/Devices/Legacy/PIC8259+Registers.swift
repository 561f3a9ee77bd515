/// The command words. 8259A data sheet, "Programming the 8259A".
extension PIC8259 {
  /// Reads the IRR or ISR (offset 0) or the IMR (offset 1); after a poll command either offset
  /// acknowledges a request instead.
  public func readByte(at offset: UInt64) -> UInt8 {
    guard offset < 2 else { return 0xFF }
    if registers.isPolled {
      registers.isPolled = false
      return acknowledgePin().map { 0x80 | $0 } ?? 0
    }
    if offset == 1 { return registers.mask }
    return registers.readsInService ? registers.inService : requests
  }

  /// Writes a command word: ICW1, OCW2 or OCW3 at offset 0, the other ICWs or OCW1 at offset 1.
  public func writeByte(_ value: UInt8, at offset: UInt64) {
    switch (offset, value & 0x18) {
    case (0, _) where value & 0x10 != 0: writeICW1(value)
    case (0, 0x08): writeOCW3(value)
    case (0, _): writeOCW2(value)
    case (1, _): writeHighWord(value)
    default: return
    }
    updateOutput()
  }

  private func writeICW1(_ value: UInt8) {
    registers.initialization = .awaitingICW2
    registers.needsICW4 = value & 0x01 != 0
    registers.isSingle = value & 0x02 != 0
    registers.isLevelTriggered = value & 0x08 != 0
    registers.edges = 0
    registers.inService = 0
    registers.mask = 0
    registers.lowestPriority = 7
    registers.isSpecialMaskMode = false
    registers.readsInService = false
    registers.isPolled = false
    // Without an ICW4 everything it selects is off.
    registers.isAutomaticEOI = false
    registers.isSpecialFullyNested = false
    registers.rotatesOnAutomaticEOI = false
  }

  private func writeHighWord(_ value: UInt8) {
    switch registers.initialization {
    case .ready:
      registers.mask = value
    case .awaitingICW2:
      registers.vectorBase = value & 0xF8
      registers.initialization =
        !registers.isSingle ? .awaitingICW3 : registers.needsICW4 ? .awaitingICW4 : .ready
    case .awaitingICW3:
      registers.cascade = value
      registers.initialization = registers.needsICW4 ? .awaitingICW4 : .ready
    case .awaitingICW4:
      registers.isAutomaticEOI = value & 0x02 != 0
      registers.isSpecialFullyNested = value & 0x10 != 0
      registers.initialization = .ready
    }
  }

  private func writeOCW2(_ value: UInt8) {
    let pin = value & 7
    switch value >> 5 {
    case 0b000: registers.rotatesOnAutomaticEOI = false
    case 0b001: endOfInterrupt(pin: nil, rotating: false)
    case 0b011: endOfInterrupt(pin: pin, rotating: false)
    case 0b100: registers.rotatesOnAutomaticEOI = true
    case 0b101: endOfInterrupt(pin: nil, rotating: true)
    case 0b110: registers.lowestPriority = pin
    case 0b111: endOfInterrupt(pin: pin, rotating: true)
    default: break
    }
  }

  private func writeOCW3(_ value: UInt8) {
    if value & 0x40 != 0 { registers.isSpecialMaskMode = value & 0x20 != 0 }
    if value & 0x04 != 0 { registers.isPolled = true }
    if value & 0x02 != 0 { registers.readsInService = value & 0x01 != 0 }
  }

  /// The chip's half of the ELCR.
  var levelControl: UInt8 {
    get { registers.levelControl }
    set {
      registers.levelControl = newValue & levelControlMask
      updateOutput()
    }
  }
}
