extension I8042 {
  private enum OutputPort {
    static let reset: UInt8 = 1 << 0
    static let a20: UInt8 = 1 << 1
    static let keyboardFull: UInt8 = 1 << 4
    static let mouseFull: UInt8 = 1 << 5
  }

  /// Reads the output buffer or the status register.
  public func readByte(at offset: UInt64) -> UInt8 {
    switch offset {
    case 0: takeBuffer()
    case 1: status
    default: 0xFF
    }
  }

  /// Writes data for a command or the keyboard, or a command.
  public func writeByte(_ value: UInt8, at offset: UInt64) {
    switch offset {
    case 0:
      registers.isCommandLast = false
      writeData(value)
    case 1:
      registers.isCommandLast = true
      registers.pendingCommand = nil
      run(value)
    default: return
    }
    fillBuffer()
  }

  /// OBF, SYS, command or data, keyboard not locked, mouse data.
  private var status: UInt8 {
    (registers.buffer == nil ? 0 : 0x01) | commandByte & CommandByte.system
      | (registers.isCommandLast ? 0x08 : 0) | 0x10
      | (registers.buffer?.isFromMouse == true ? 0x20 : 0)
  }

  private func run(_ command: UInt8) {
    switch command {
    case 0x20...0x3F: reply(registers.memory[Int(command & 0x1F)])
    case 0x60...0x7F, 0xD1...0xD4: registers.pendingCommand = command
    // No password is installed.
    case 0xA4: reply(0xF1)
    case 0xA7: commandByte |= CommandByte.mouseDisabled
    case 0xA8: commandByte &= ~CommandByte.mouseDisabled
    case 0xA9, 0xAB: reply(0x00)
    case 0xAA:
      commandByte |= CommandByte.system
      reply(0x55)
    case 0xAD: commandByte |= CommandByte.keyboardDisabled
    case 0xAE: commandByte &= ~CommandByte.keyboardDisabled
    // Input port: the keyboard is not inhibited.
    case 0xC0: reply(0x80)
    case 0xD0: reply(outputPort)
    case 0xDD: writeOutputPort(registers.outputPort & ~OutputPort.a20)
    case 0xDF: writeOutputPort(registers.outputPort | OutputPort.a20)
    case 0xE0: reply(0x00)
    // Pulses the low bits of the output port that are zero in the command.
    case 0xF0...0xFF: if command & OutputPort.reset == 0 { resetRequested() }
    default: break
    }
  }

  private func writeData(_ value: UInt8) {
    guard let command = registers.pendingCommand else {
      // Data for the keyboard opens its interface.
      commandByte &= ~CommandByte.keyboardDisabled
      return registers.keyboard.write(value)
    }
    registers.pendingCommand = nil
    switch command {
    case 0xD1: writeOutputPort(value)
    case 0xD2: reply(value)
    case 0xD3: reply(value, isFromMouse: true)
    case 0xD4:
      commandByte &= ~CommandByte.mouseDisabled
      registers.mouse.write(value)
    default: registers.memory[Int(command & 0x1F)] = value
    }
  }

  /// The output port with its two read-only bits, which mirror the output buffer.
  private var outputPort: UInt8 {
    let full =
      registers.buffer.map {
        $0.isFromMouse ? OutputPort.mouseFull : OutputPort.keyboardFull
      } ?? 0
    return registers.outputPort & ~(OutputPort.keyboardFull | OutputPort.mouseFull) | full
  }

  /// Whether the output port holds the A20 gate open.
  public var opensA20: Bool { registers.outputPort & OutputPort.a20 != 0 }

  private func writeOutputPort(_ value: UInt8) {
    let changed = value ^ registers.outputPort
    registers.outputPort = value | OutputPort.reset
    if changed & OutputPort.a20 != 0 { setA20(value & OutputPort.a20 != 0) }
    if value & OutputPort.reset == 0 { resetRequested() }
  }
}
