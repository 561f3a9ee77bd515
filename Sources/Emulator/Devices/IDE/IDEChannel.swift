/// One channel of an IDE controller: two drives, of which one is selected, and one interrupt.
///
/// Bus Master Programming Interface for IDE ATA Controllers, revision 1.0, for the DMA engine.
package final class IDEChannel: StatefulDevice {
  private enum Command {
    static let start: UInt8 = 1 << 0
    static let toMemory: UInt8 = 1 << 3
  }

  private enum Status {
    static let active: UInt8 = 1 << 0
    static let error: UInt8 = 1 << 1
    static let interrupt: UInt8 = 1 << 2
    static let capable: UInt8 = 3 << 5
  }

  /// The registers of the DMA engine, and which drive is selected.
  package struct State: Codable, Equatable, Sendable {
    var command: UInt8 = 0
    var status: UInt8 = 0
    var table: UInt32 = 0
    var selected = 0
    var isTransferring = false
    var isLineHigh = false
  }

  private static let lastEntry: UInt32 = 1 << 31
  /// A table of descriptors lies in 64 KiB.
  private static let entryLimit = 8192

  private var registers = State()
  package let drives: [IDEDrive?]
  private let line: InterruptLine
  private let dma: DMA
  private let clock: VirtualClock
  private let timer: VirtualTimer

  /// Makes a channel with up to two drives.
  init(drives: [IDEDrive?], line: InterruptLine, dma: DMA, clock: VirtualClock, name: String) {
    self.drives = drives
    self.line = line
    self.dma = dma
    self.clock = clock
    timer = VirtualTimer(clock, name: name)
    timer.handler = { [weak self] _ in self?.transfer() }
    for drive in drives { drive?.interruptChanged = { [weak self] in self?.driveLine() } }
  }

  /// The registers of the DMA engine.
  package var state: State {
    get { registers }
    set {
      registers = newValue
      registers.selected = newValue.selected & 1
      line.restore(level: newValue.isLineHigh)
      if newValue.isTransferring { timer.arm(at: clock.now) } else { timer.disarm() }
    }
  }

  /// The power-on state.
  func reset() {
    timer.disarm()
    registers = State()
    for drive in drives { drive?.reset() }
    driveLine()
  }

  private var selected: IDEDrive? { drives[registers.selected] }

  private func driveLine() {
    let drive = selected
    let isDisabled =
      (drive?.registers.registers.control ?? 0) & ATARegisters.Control.interruptDisable != 0
    let level = drive?.registers.isInterrupting == true && !isDisabled
    if level, !registers.isLineHigh { registers.status |= Status.interrupt }
    registers.isLineHigh = level
    line.set(level)
  }

  // MARK: The command block

  func readCommand(_ offset: UInt64, _ size: AccessSize) -> UInt64 {
    guard let drive = selected else { return 0 }
    if offset == 0 { return drive.readData(Int(size.rawValue)) }
    if offset == 7 {
      drive.registers.isInterrupting = false
      driveLine()
    }
    return UInt64(drive.registers.registers.read(offset))
  }

  func writeCommand(_ offset: UInt64, _ size: AccessSize, _ value: UInt64) {
    switch offset {
    case 0: selected?.writeData(value, Int(size.rawValue))
    case 7: run(UInt8(truncatingIfNeeded: value))
    default:
      let byte = UInt8(truncatingIfNeeded: value)
      // Both drives hear of everything but data and commands.
      for drive in drives { drive?.registers.registers.write(byte, offset) }
      if offset == 6 {
        registers.selected = byte & ATARegisters.Device.number != 0 ? 1 : 0
        driveLine()
      }
    }
  }

  private func run(_ command: UInt8) {
    if command == 0x90 {
      for drive in drives { drive?.run(command) }
      return select(0)
    }
    selected?.run(command)
    startIfReady()
  }

  private func select(_ number: Int) {
    registers.selected = number
    driveLine()
  }

  // MARK: The control block

  func readControl() -> UInt8 { selected?.registers.registers.read(7) ?? 0 }

  func writeControl(_ value: UInt8) {
    for drive in drives {
      guard let drive else { continue }
      let old = drive.registers.registers.control
      drive.registers.registers.control = value
      if value & ~old & ATARegisters.Control.reset != 0 { drive.softReset() }
    }
    if value & ATARegisters.Control.reset != 0 { select(0) }
    driveLine()
  }

  // MARK: The DMA engine

  package func readMaster(_ offset: UInt64) -> UInt8 {
    switch offset {
    case 0: registers.command
    case 2: registers.status
    case 4...7: UInt8(truncatingIfNeeded: registers.table >> UInt32((offset - 4) * 8))
    default: 0
    }
  }

  package func writeMaster(_ value: UInt8, _ offset: UInt64) {
    switch offset {
    case 0: writeMasterCommand(value)
    case 2:
      let cleared = value & (Status.error | Status.interrupt)
      registers.status =
        registers.status & ~cleared & ~Status.capable | value & Status.capable
    case 4...7:
      let shift = UInt32((offset - 4) * 8)
      let byte = offset == 4 ? value & 0xFC : value
      registers.table = registers.table & ~(0xFF << shift) | UInt32(byte) << shift
    default: break
    }
  }

  private func writeMasterCommand(_ value: UInt8) {
    let starts = value & ~registers.command & Command.start != 0
    registers.command = value & (Command.start | Command.toMemory)
    if starts {
      registers.status |= Status.active
      startIfReady()
    } else if value & Command.start == 0 {
      registers.status &= ~Status.active
      registers.isTransferring = false
      timer.disarm()
    }
  }

  /// A transfer begins when both sides are ready, and between two instructions.
  private func startIfReady() {
    guard registers.status & Status.active != 0, selected?.waitsForDMA != nil else { return }
    registers.isTransferring = true
    timer.arm(at: clock.now)
  }

  private func transfer() {
    registers.isTransferring = false
    guard let drive = selected, let direction = drive.waitsForDMA else { return }
    let toMemory = registers.command & Command.toMemory != 0
    let isDone = toMemory == (direction == .dataIn) && move(drive, toMemory: toMemory)
    if !isDone { registers.status |= Status.error }
    registers.status &= ~Status.active
    drive.finishDMA(isComplete: isDone)
  }

  /// Moves everything the drive has to move, along the table of physical regions.
  private func move(_ drive: IDEDrive, toMemory: Bool) -> Bool {
    var entry = UInt64(registers.table)
    var pending: [UInt8] = []
    for _ in 0..<Self.entryLimit where drive.bytesLeft > pending.count {
      guard let address = dma.read(entry, as: UInt32.self),
        let control = dma.read(entry + 4, as: UInt32.self)
      else { return false }
      let count = Int(control & 0xFFFE) == 0 ? 0x1_0000 : Int(control & 0xFFFE)
      let place = UInt64(address & ~1)
      let isDone =
        toMemory
        ? store(drive, at: place, count) : fetch(drive, at: place, count, &pending)
      guard isDone else { return false }
      if control & Self.lastEntry != 0 { break }
      entry += 8
    }
    // A table that is shorter than the command leaves it unfinished.
    return pending.isEmpty && drive.bytesLeft == 0
  }

  private func store(_ drive: IDEDrive, at place: UInt64, _ count: Int) -> Bool {
    var done = 0
    while done < count, drive.bytesLeft > 0 {
      guard let bytes = drive.nextBytes(atMost: count - done), !bytes.isEmpty,
        dma.write(place + UInt64(done), bytes)
      else { return false }
      done += bytes.count
    }
    return true
  }

  /// Takes a region to the drive, keeping what is no whole block for the next one.
  private func fetch(
    _ drive: IDEDrive, at place: UInt64, _ count: Int, _ pending: inout [UInt8]
  ) -> Bool {
    let wanted = min(count, drive.bytesLeft - pending.count)
    guard let bytes = dma.read(place, count: UInt64(wanted)) else { return false }
    pending += bytes
    let whole = pending.count / drive.blockSize * drive.blockSize
    guard whole > 0 else { return true }
    guard drive.take(Array(pending[..<whole])) else { return false }
    pending.removeFirst(whole)
    return true
  }
}
