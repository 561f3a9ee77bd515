/// A drive on an IDE channel: a disk, or a CD in its drive.
///
/// ATA/ATAPI-6 (T13/1410D). Quirk: instant-disks. Commands take no time; only DMA waits for the
/// instruction that started it to end.
package final class IDEDrive: StatefulDevice {
  /// What the drive is doing.
  package enum Phase: UInt8, Codable, Sendable {
    case idle
    /// The host reads the data register, or DMA fetches.
    case dataIn
    /// The host writes the data register, or DMA brings.
    case dataOut
    /// The host writes a packet.
    case packet
  }

  /// What is left of a command that moves data.
  struct Transfer: Codable, Equatable, Sendable {
    /// The next block of the medium.
    var block: UInt64 = 0
    /// Blocks that are not yet in the buffer, or not yet written from it.
    var blocksLeft = 0
    /// Blocks that are moved for each interrupt.
    var blocksAtOnce = 1
    var isDMA = false
  }

  /// The registers and what was moved half.
  package struct State: Codable, Equatable, Sendable {
    var registers = ATARegisters()
    var phase = Phase.idle
    var isInterrupting = false
    var transfer = Transfer()
    var buffer: [UInt8] = []
    var position = 0
    /// The end of what the host may move before the next interrupt.
    var end = 0
    var multiple = 16
    var geometry = ATAGeometry()
    var writesCache = true
    var sense = SCSISense.none
    /// The transfer mode that was set, as the identification shows it.
    var multiwordMode: UInt8 = 2
    var ultraMode: UInt8?
  }

  /// Bytes that are read from the medium at once.
  static let chunkSize = 64 << 10

  var registers = State()
  let medium: any BlockBackend
  let isOptical: Bool
  let isReadOnly: Bool
  let name: String
  /// Told when the drive's interrupt request changes.
  var interruptChanged: () -> Void = {}

  /// Makes a drive after power-on.
  init(_ medium: any BlockBackend, isOptical: Bool, isReadOnly: Bool, name: String) {
    self.medium = medium
    self.isOptical = isOptical
    self.isReadOnly = isReadOnly || isOptical
    self.name = name
    reset()
  }

  /// The registers and what was moved half.
  package var state: State {
    get { registers }
    set {
      registers = newValue
      let count = newValue.buffer.count
      registers.position = max(0, min(newValue.position, count))
      registers.end = max(registers.position, min(newValue.end, count))
    }
  }

  var blockSize: Int { isOptical ? 2048 : 512 }
  var blockCount: UInt64 { medium.size / UInt64(blockSize) }

  // MARK: Reset

  /// The power-on state.
  func reset() {
    registers = State()
    if isOptical { registers.sense = .mediumChanged }
    softReset()
  }

  /// What SRST, DEVICE RESET and EXECUTE DEVICE DIAGNOSTIC leave.
  func softReset() {
    stop()
    registers.registers.error = 1
    signature()
    registers.registers.status = isOptical ? 0 : Self.readyStatus
    registers.isInterrupting = false
    interruptChanged()
  }

  /// Tells a packet device from a disk.
  func signature() {
    registers.registers.count = 1
    registers.registers.low = 1
    registers.registers.middle = isOptical ? 0x14 : 0
    registers.registers.high = isOptical ? 0xEB : 0
    registers.registers.device &= ATARegisters.Device.number
  }

  static let readyStatus = ATARegisters.Status.ready | ATARegisters.Status.seekComplete

  // MARK: Ends of commands

  func stop() {
    registers.phase = .idle
    registers.buffer = []
    registers.position = 0
    registers.end = 0
    registers.transfer = Transfer()
  }

  func succeed() {
    stop()
    registers.registers.status = Self.readyStatus
    registers.registers.error = 0
    interrupt()
  }

  func fail(_ error: UInt8) {
    stop()
    registers.registers.status = Self.readyStatus | ATARegisters.Status.error
    registers.registers.error = error
    interrupt()
  }

  func interrupt() {
    registers.isInterrupting = true
    interruptChanged()
  }

  // MARK: Data

  /// Lets the host read `bytes`, `count` of them before each interrupt.
  func offer(_ bytes: [UInt8], atOnce count: Int) {
    registers.phase = .dataIn
    registers.buffer = bytes
    registers.position = 0
    registers.end = min(count, bytes.count)
    registers.registers.status = Self.readyStatus | ATARegisters.Status.dataRequest
    interrupt()
  }

  /// Reads the next bytes of the data register.
  func readData(_ count: Int) -> UInt64 {
    guard registers.phase == .dataIn, !registers.transfer.isDMA else { return 0 }
    var value: UInt64 = 0
    for index in 0..<count where registers.position < registers.end {
      value |= UInt64(registers.buffer[registers.position]) &<< UInt64(index * 8)
      registers.position += 1
    }
    if registers.position >= registers.end { blockWasRead() }
    return value
  }

  /// Writes the next bytes of the data register.
  func writeData(_ value: UInt64, _ count: Int) {
    guard registers.phase == .dataOut || registers.phase == .packet, !registers.transfer.isDMA
    else {
      if registers.phase == .packet { takePacket(value, count) }
      return
    }
    if registers.phase == .packet { return takePacket(value, count) }
    for index in 0..<count where registers.position < registers.end {
      registers.buffer[registers.position] = UInt8(
        truncatingIfNeeded: value &>> UInt64(index * 8))
      registers.position += 1
    }
    if registers.position >= registers.end { blockWasWritten() }
  }

  private func takePacket(_ value: UInt64, _ count: Int) {
    for index in 0..<count where registers.position < registers.end {
      registers.buffer[registers.position] = UInt8(
        truncatingIfNeeded: value &>> UInt64(index * 8))
      registers.position += 1
    }
    if registers.position >= registers.end { runPacket() }
  }

  private func blockWasRead() {
    if isOptical { return packetBlockWasRead() }
    if registers.position < registers.buffer.count { return offerNext() }
    guard registers.transfer.blocksLeft > 0 else {
      // The last interrupt announced the last block already.
      stop()
      registers.registers.status = Self.readyStatus
      return
    }
    guard fill(blocks: registers.transfer.blocksAtOnce) else {
      return fail(ATARegisters.ErrorBit.uncorrectable)
    }
    offerNext()
  }

  private func offerNext() {
    registers.end = min(
      registers.position + registers.transfer.blocksAtOnce * blockSize, registers.buffer.count)
    registers.registers.status = Self.readyStatus | ATARegisters.Status.dataRequest
    interrupt()
  }

  /// Reads the next blocks of the medium into the buffer.
  func fill(blocks: Int) -> Bool {
    let count = min(blocks, registers.transfer.blocksLeft)
    let size = UInt64(blockSize)
    guard let bytes = medium.read(at: registers.transfer.block * size, count: count * blockSize)
    else { return false }
    registers.buffer = bytes
    registers.position = 0
    registers.transfer.block += UInt64(count)
    registers.transfer.blocksLeft -= count
    return true
  }

  private func blockWasWritten() {
    guard flushBuffer() else { return fail(ATARegisters.ErrorBit.uncorrectable) }
    if registers.transfer.blocksLeft == 0 { return succeed() }
    awaitBlocks()
    interrupt()
  }

  /// Makes room for the next blocks from the host.
  func awaitBlocks() {
    let count = min(registers.transfer.blocksAtOnce, registers.transfer.blocksLeft)
    registers.phase = .dataOut
    registers.buffer = [UInt8](repeating: 0, count: count * blockSize)
    registers.position = 0
    registers.end = registers.buffer.count
    registers.registers.status = Self.readyStatus | ATARegisters.Status.dataRequest
  }

  /// Writes the buffer to the medium.
  private func flushBuffer() -> Bool {
    let count = registers.buffer.count / blockSize
    guard medium.write(at: registers.transfer.block * UInt64(blockSize), registers.buffer) else {
      return false
    }
    registers.transfer.block += UInt64(count)
    registers.transfer.blocksLeft -= count
    return true
  }

  // MARK: DMA

  /// Whether a command waits for DMA, and in which direction.
  var waitsForDMA: Phase? { registers.transfer.isDMA ? registers.phase : nil }

  /// The next bytes for memory; nil at the end, or where they cannot be had.
  func nextBytes(atMost limit: Int) -> [UInt8]? {
    if registers.position >= registers.buffer.count {
      guard registers.transfer.blocksLeft > 0 else { return nil }
      guard fill(blocks: Self.chunkSize / blockSize) else { return nil }
    }
    let count = min(limit, registers.buffer.count - registers.position)
    defer { registers.position += count }
    return Array(registers.buffer[registers.position..<registers.position + count])
  }

  /// Bytes that DMA still has to move.
  var bytesLeft: Int {
    registers.buffer.count - registers.position + registers.transfer.blocksLeft * blockSize
  }

  /// Takes whole blocks from memory.
  func take(_ bytes: [UInt8]) -> Bool {
    registers.buffer = bytes
    return flushBuffer()
  }

  /// Ends a command that DMA was for.
  func finishDMA(isComplete: Bool) {
    if isOptical { return finishPacket(isComplete ? .none : .aborted) }
    isComplete ? succeed() : fail(ATARegisters.ErrorBit.aborted)
  }
}
