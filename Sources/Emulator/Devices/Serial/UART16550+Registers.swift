extension UART16550 {
  private enum Offset {
    /// RBR, THR, DLL.
    static let data: UInt64 = 0
    /// IER, DLM.
    static let interruptEnable: UInt64 = 1
    /// IIR, FCR.
    static let identification: UInt64 = 2
    static let lineControl: UInt64 = 3
    static let modemControl: UInt64 = 4
    static let lineStatus: UInt64 = 5
    static let modemStatus: UInt64 = 6
    static let scratch: UInt64 = 7
  }

  private var isDivisorLatchOpen: Bool {
    registers.lineControl & LineControl.divisorLatch != 0
  }

  /// Reads one register; RBR, IIR, LSR and MSR change by being read.
  public func readByte(at offset: UInt64) -> UInt8 {
    countPolls(at: offset)
    return switch offset {
    case Offset.data where isDivisorLatchOpen: UInt8(truncatingIfNeeded: registers.divisor)
    case Offset.data: popReceived()
    case Offset.interruptEnable where isDivisorLatchOpen:
      UInt8(truncatingIfNeeded: registers.divisor >> 8)
    case Offset.interruptEnable: registers.interruptEnable
    case Offset.identification: readIdentification()
    case Offset.lineControl: registers.lineControl
    case Offset.modemControl: registers.modemControl
    case Offset.lineStatus: readLineStatus()
    case Offset.modemStatus: readModemStatus()
    case Offset.scratch: registers.scratch
    default: 0xFF
    }
  }

  /// Writes one register.
  public func writeByte(_ value: UInt8, at offset: UInt64) {
    registers.fruitlessPolls = 0
    switch offset {
    case Offset.data where isDivisorLatchOpen:
      registers.divisor = registers.divisor & 0xFF00 | UInt16(value)
    case Offset.data: send(value)
    case Offset.interruptEnable where isDivisorLatchOpen:
      registers.divisor = registers.divisor & 0x00FF | UInt16(value) << 8
    case Offset.interruptEnable: writeInterruptEnable(value)
    case Offset.identification: writeFIFOControl(value)
    case Offset.lineControl: writeLineControl(value)
    case Offset.modemControl: writeModemControl(value)
    case Offset.scratch: registers.scratch = value
    default: break
    }
  }

  private func countPolls(at offset: UInt64) {
    let asks = offset == Offset.lineStatus || offset == Offset.identification
    let count = registers.fruitlessPolls
    registers.fruitlessPolls =
      asks && registers.received.isEmpty ? min(count, .max - 1) + 1 : 0
  }

  private func readIdentification() -> UInt8 {
    let source = registers.interruptIdentification
    if source == .transmitterEmpty {
      registers.isTransmitterEmptyPending = false
      updateLine()
    }
    return source.rawValue | (registers.isFIFOEnabled ? 0xC0 : 0)
  }

  private func readLineStatus() -> UInt8 {
    let status = registers.lineStatus
    registers.hasOverrun = false
    if !registers.received.isEmpty { registers.received[0].errors = 0 }
    updateLine()
    return status
  }

  private func readModemStatus() -> UInt8 {
    let status = registers.modemLines | registers.modemDeltas
    registers.modemDeltas = 0
    updateLine()
    return status
  }

  private func send(_ byte: UInt8) {
    // The line drops while the THR is full, for however short a time: edge-triggered interrupt
    // controllers must see the next THRE interrupt as a new one.
    registers.isTransmitterEmptyPending = false
    updateLine()
    let dataBits = registers.lineControl & 3 + 5
    let mask = UInt8(truncatingIfNeeded: 1 << UInt16(dataBits) - 1)
    if registers.isLoopback {
      pushReceived(ReceivedCharacter(byte: byte & mask))
    } else {
      transmit(byte & mask)
    }
    registers.isTransmitterEmptyPending = true
    updateLine()
  }

  private func writeInterruptEnable(_ value: UInt8) {
    let newlyEnabled = value & ~registers.interruptEnable
    registers.interruptEnable = value & 0x0F
    // Enabling the THRE interrupt while the THR is empty, which it always is, requests it.
    if newlyEnabled & InterruptEnable.transmitterEmpty != 0 {
      registers.isTransmitterEmptyPending = true
    }
    updateLine()
  }

  private func writeFIFOControl(_ value: UInt8) {
    let wasEnabled = registers.isFIFOEnabled
    let isEnabled = value & 1 != 0
    // The other bits are only programmed together with the enable bit.
    registers.fifoControl = isEnabled ? value & 0xC9 : 0
    if wasEnabled != isEnabled || isEnabled && value & 2 != 0 {
      registers.received = []
      registers.hasOverrun = false
    }
    restartTimeout()
    updateLine()
    armReceiveTimer()
  }

  private func writeLineControl(_ value: UInt8) {
    let startsBreak = value & ~registers.lineControl & LineControl.setBreak != 0
    registers.lineControl = value
    if startsBreak, registers.isLoopback {
      // The receiver sees the line low for a whole character: break with a framing error.
      pushReceived(ReceivedCharacter(byte: 0, errors: LineStatus.breakInterrupt | 1 << 3))
    }
  }

  private func writeModemControl(_ value: UInt8) {
    let before = registers.modemLines
    registers.modemControl = value & 0x1F
    let after = registers.modemLines
    let changed = before ^ after
    registers.modemDeltas |= changed >> 4 & 0xB
    // Ring sets its delta on the trailing edge only.
    if before & ~after & ModemStatus.ring != 0 { registers.modemDeltas |= ModemStatus.trailingRing }
    updateLine()
    armReceiveTimer()
  }
}
