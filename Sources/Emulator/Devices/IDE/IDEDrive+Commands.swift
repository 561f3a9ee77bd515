extension IDEDrive {
  private typealias ErrorBit = ATARegisters.ErrorBit

  /// Where the data of a command goes, and how its sectors are numbered.
  private struct Access {
    var isWrite = false
    var is48Bit = false
    var isDMA = false
    var isMultiple = false
  }

  private static func access(_ command: UInt8) -> Access? {
    switch command {
    case 0x20, 0x21: Access()
    case 0x24: Access(is48Bit: true)
    case 0x25: Access(is48Bit: true, isDMA: true)
    case 0x29: Access(is48Bit: true, isMultiple: true)
    case 0x30, 0x31: Access(isWrite: true)
    case 0x34: Access(isWrite: true, is48Bit: true)
    case 0x35: Access(isWrite: true, is48Bit: true, isDMA: true)
    case 0x39: Access(isWrite: true, is48Bit: true, isMultiple: true)
    case 0xC4: Access(isMultiple: true)
    case 0xC5: Access(isWrite: true, isMultiple: true)
    case 0xC8, 0xC9: Access(isDMA: true)
    case 0xCA, 0xCB: Access(isWrite: true, isDMA: true)
    default: nil
    }
  }

  /// Runs a command.
  func run(_ command: UInt8) {
    registers.isInterrupting = false
    interruptChanged()
    stop()
    registers.registers.error = 0
    if command == 0x90 { return softReset(thenInterrupts: true) }
    isOptical ? runOptical(command) : runDisk(command)
  }

  private func softReset(thenInterrupts: Bool) {
    softReset()
    if thenInterrupts { interrupt() }
  }

  private func runDisk(_ command: UInt8) {
    if let access = Self.access(command) { return move(access) }
    switch command {
    case 0x10...0x1F, 0x70...0x7F: succeed()
    case 0x27: showLastSector(is48Bit: true)
    case 0x40, 0x41, 0x42: verify(is48Bit: command == 0x42)
    case 0x91:
      registers.geometry.sectors = Int(registers.registers.count & 0xFF)
      registers.geometry.heads = Int(registers.registers.device & 0xF) + 1
      succeed()
    case 0xC6: setMultiple()
    case 0xE0...0xE3, 0x94...0x97: succeed()
    case 0xE5, 0x98:
      registers.registers.count = 0xFF
      succeed()
    case 0xE6, 0x99: succeed()
    case 0xE7, 0xEA: medium.flush() ? succeed() : fail(ErrorBit.uncorrectable)
    case 0xEC: offer(identification, atOnce: blockSize)
    case 0xEF: setFeatures()
    case 0xF5: succeed()
    case 0xF8: showLastSector(is48Bit: false)
    default: fail(ErrorBit.aborted)
    }
  }

  private func runOptical(_ command: UInt8) {
    switch command {
    case 0x08: softReset()
    case 0xA0: startPacket()
    case 0xA1: offer(identification, atOnce: 512)
    case 0xE0...0xE3, 0xE6, 0xE7: succeed()
    case 0xE5:
      registers.registers.count = 0xFF
      succeed()
    case 0xEC, 0x20, 0x21:
      // Says what it is instead.
      signature()
      fail(ErrorBit.aborted)
    case 0xEF: setFeatures()
    default: fail(ErrorBit.aborted)
    }
  }

  // MARK: Reading and writing

  private func move(_ access: Access) {
    let range = registers.registers.range(is48Bit: access.is48Bit, geometry: registers.geometry)
    guard let (sector, count) = range, sector < blockCount,
      UInt64(count) <= blockCount - sector
    else { return fail(ErrorBit.notFound) }
    guard !access.isWrite || !isReadOnly else { return fail(ErrorBit.aborted) }
    guard !access.isMultiple || registers.multiple > 0 else { return fail(ErrorBit.aborted) }
    registers.transfer = Transfer(
      block: sector, blocksLeft: count,
      blocksAtOnce: access.isMultiple ? registers.multiple : 1, isDMA: access.isDMA)
    if access.isDMA {
      registers.phase = access.isWrite ? .dataOut : .dataIn
      registers.registers.status = Self.readyStatus | ATARegisters.Status.dataRequest
    } else if access.isWrite {
      // The first block is asked for without an interrupt.
      awaitBlocks()
    } else {
      guard fill(blocks: registers.transfer.blocksAtOnce) else {
        return fail(ErrorBit.uncorrectable)
      }
      offer(registers.buffer, atOnce: registers.buffer.count)
    }
  }

  private func verify(is48Bit: Bool) {
    let range = registers.registers.range(is48Bit: is48Bit, geometry: registers.geometry)
    guard let (sector, count) = range, sector < blockCount,
      UInt64(count) <= blockCount - sector
    else { return fail(ErrorBit.notFound) }
    succeed()
  }

  private func setMultiple() {
    let count = Int(registers.registers.count & 0xFF)
    guard count <= 16, count & (count - 1) == 0 else { return fail(ErrorBit.aborted) }
    registers.multiple = count
    succeed()
  }

  private func showLastSector(is48Bit: Bool) {
    let last = blockCount - 1
    func word(_ shift: UInt64) -> UInt16 {
      let previous = is48Bit ? UInt16(last >> (shift + 24) & 0xFF) << 8 : 0
      return previous | UInt16(last >> shift & 0xFF)
    }
    registers.registers.low = word(0)
    registers.registers.middle = word(8)
    registers.registers.high = word(16)
    if !is48Bit {
      registers.registers.device =
        registers.registers.device & 0xF0 | UInt8(min(last, 0xFFF_FFFF) >> 24 & 0xF)
    }
    succeed()
  }

  private func setFeatures() {
    let value = UInt8(registers.registers.count & 0xFF)
    switch registers.registers.features & 0xFF {
    case 0x02: registers.writesCache = true
    case 0x82: registers.writesCache = false
    case 0x03:
      switch value >> 3 {
      case 0, 1: break
      case 4 where value & 7 <= 2:
        registers.multiwordMode = value & 7
        registers.ultraMode = nil
      case 8 where value & 7 <= 5: registers.ultraMode = value & 7
      default: return fail(ErrorBit.aborted)
      }
    case 0x05, 0x85, 0x55, 0xAA, 0x66, 0xCC: break
    default: return fail(ErrorBit.aborted)
    }
    succeed()
  }
}
