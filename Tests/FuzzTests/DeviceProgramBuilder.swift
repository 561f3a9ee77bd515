import Emulator

/// Writes random programs for the devices of a machine: accesses to any register, and between them
/// what drivers do, so that devices get to work on random rings and tables.
struct DeviceProgramBuilder {
  private typealias Layout = DeviceProgram.Layout

  /// What answers in the machine.
  let regions: [BusRegion]
  var generator: SeededGenerator
  private var program = DeviceProgram()
  private let queueRegions: [(base: UInt32, isPCI: Bool)]
  private let busMasterPort: UInt16?

  init(regions: [BusRegion], seed: UInt64) {
    self.regions = regions.filter { $0.space == .ports || $0.start < 1 << 32 }
    generator = SeededGenerator(seed: seed)
    // By their sizes: four pages on PCI, one page outside.
    queueRegions = self.regions.compactMap { region in
      guard region.space == .memory else { return nil }
      let base = UInt32(truncatingIfNeeded: region.start)
      if region.device is VirtIOMMIO { return (base, false) }
      return region.size == 0x4000 && region.start >= 0xC000_0000 ? (base, true) : nil
    }
    busMasterPort = self.regions.first { $0.space == .ports && $0.start >= 0xC000 }.map {
      UInt16(truncatingIfNeeded: $0.start)
    }
  }

  /// A program that fits its place.
  mutating func build() -> [UInt8] {
    while UInt32(program.code.count) < Layout.codeEnd - Layout.code - 0x1000 { addAction() }
    program.end()
    return program.code
  }

  // MARK: Choices

  private mutating func random(_ range: Range<UInt32>) -> UInt32 {
    UInt32.random(in: range, using: &generator)
  }

  private mutating func oneIn(_ n: UInt32) -> Bool { random(0..<n) == 0 }

  /// A number of the sort that breaks things.
  private mutating func value() -> UInt32 {
    let number = UInt32.random(in: 0 ... .max, using: &generator)
    switch random(0..<6) {
    case 0: return number & 0xF
    case 1: return number & 0xFF
    case 2: return 1 << (number & 31)
    case 3: return .max
    case 4: return place()
    default: return number
    }
  }

  /// Where a device may read or write: buffers, most of the time.
  private mutating func place() -> UInt32 {
    switch random(0..<16) {
    case 0: random(Layout.code..<Layout.codeEnd)
    case 1: UInt32.random(in: 0 ... .max, using: &generator)
    case 2: UInt32(Layout.memory) - random(0..<64)
    default: Layout.scratch + random(0..<Layout.scratchSize) & ~(oneIn(4) ? 0 : 0xF)
    }
  }

  private mutating func width() -> DeviceProgram.Width {
    DeviceProgram.Width.allCases.randomElement(using: &generator) ?? .byte
  }

  private mutating func offset(in size: UInt64) -> UInt32 {
    let size = UInt32(clamping: size)
    // Registers stand at the beginning, most of the time.
    let span =
      oneIn(3) ? size : min(size, [8, 64, 256, 4096].randomElement(using: &generator) ?? 8)
    return random(0..<span) & ~(oneIn(4) ? 0 : 3)
  }

  // MARK: Actions

  private mutating func addAction() {
    switch random(0..<100) {
    case 0..<42: addAccess()
    case 42..<50: addConfiguration()
    case 50..<54: addQueues()
    case 54..<64: addRing()
    case 64..<70: addNotification()
    case 70..<78: addDiskCommand()
    case 78..<82: addFirmwareTransfer()
    case 82..<88: addInterruptSetting()
    case 88..<92: addVideo()
    case 92..<97: program.openWindow()
    case 97..<99: program.wait(random(1..<300))
    default: oneIn(4) ? program.halt() : program.openWindow()
    }
  }

  /// Any register of any device.
  private mutating func addAccess() {
    guard let region = regions.randomElement(using: &generator) else { return }
    let start = UInt32(truncatingIfNeeded: region.start)
    let address = start &+ offset(in: region.size)
    // What ends the program or the machine has its turn, but not at once.
    let isEnd = region.device is DebugExit || region.device is ResetControl
    if isEnd || region.device is PowerManagement || region.device is SystemControlPortA {
      guard oneIn(isEnd ? 2000 : 100) else { return }
    }
    let (width, isWrite, isRare) = (width(), oneIn(2), oneIn(12))
    if region.space == .ports {
      let port = UInt16(truncatingIfNeeded: address)
      if isRare {
        program.string(
          port, width, isInput: !isWrite, memory: Layout.scratch + random(0..<0x1000),
          random(1..<40))
      } else if isWrite {
        program.out(port, width, value())
      } else {
        program.in(port, width)
      }
    } else if isRare {
      let other = oneIn(2) ? nil : place()
      oneIn(2)
        ? program.unusual(address, Int(random(0..<4)))
        : program.copy(from: other, to: address, width, random(1..<40))
    } else if isWrite {
      program.store(address, width, value())
    } else {
      program.load(from: address, width)
    }
  }

  private mutating func addConfiguration() {
    let slot = oneIn(6) ? random(0..<32) : oneIn(12) ? 31 : random(0..<12)
    let register = oneIn(3) ? random(0..<0x40) : random(0..<0x100)
    // Addresses rarely, so that devices stay where they are.
    if (0x10..<0x28).contains(register), !oneIn(8) { return }
    let isCommand = register & ~3 == 4
    if oneIn(2) {
      program.out(0xCF8, .doubleword, 1 << 31 | slot << 11 | register & 0xFC)
      let port = UInt16(0xCFC + register % 4)
      oneIn(3)
        ? program.in(port, width())
        : program.out(port, isCommand ? .word : width(), isCommand ? random(0..<8) | 6 : value())
    } else {
      let address = 0xB000_0000 + slot << 15 + register & ~(isCommand ? 3 : 0)
      oneIn(3)
        ? program.load(from: address, width())
        : program.store(address, width(), isCommand ? random(0..<8) | 6 : value())
    }
  }

  // MARK: Virtio

  private func ring(_ queue: UInt32) -> UInt32 { Layout.scratch + 0x1_0000 + queue * 0x1000 }

  /// A driver that keeps the order of initialisation, with rings wherever they fall.
  private mutating func addQueues() {
    guard let (base, isPCI) = queueRegions.randomElement(using: &generator) else { return }
    func register(_ pci: UInt32, _ mmio: UInt32) -> UInt32 { base + (isPCI ? pci : mmio) }
    let narrow: DeviceProgram.Width = isPCI ? .word : .doubleword
    let statusWidth: DeviceProgram.Width = isPCI ? .byte : .doubleword
    for status in [0, 3] as [UInt32] { program.store(register(0x14, 0x70), statusWidth, status) }
    for half in 0..<2 as Range<UInt32> {
      program.store(register(8, 0x24), .doubleword, half)
      let features = half == 1 ? 1 : random(0..<4) << 28 | (oneIn(2) ? value() : 0)
      program.store(register(0xC, 0x20), .doubleword, features)
    }
    program.store(register(0x14, 0x70), statusWidth, 0xB)
    for queue in 0..<random(1..<4) {
      let size: UInt32 = oneIn(6) ? value() : 8
      program.store(register(0x16, 0x30), narrow, queue)
      program.store(register(0x18, 0x38), narrow, size)
      if isPCI { program.store(base + 0x1A, .word, random(0..<4)) }
      for (area, distance) in [0, 0x400, 0x800].enumerated() as EnumeratedSequence<[UInt32]> {
        let place = oneIn(20) ? value() : ring(queue) + distance
        let step: UInt32 = isPCI ? 8 : 0x10
        let low = register(0x20, 0x80) + UInt32(area) * step
        program.store(low, .doubleword, place)
        program.store(low + 4, .doubleword, oneIn(40) ? value() : 0)
      }
      program.store(register(0x1C, 0x44), narrow, 1)
    }
    program.store(register(0x14, 0x70), statusWidth, 0xF)
  }

  /// Descriptors and available entries, some of them sensible.
  private mutating func addRing() {
    let base = ring(random(0..<3))
    for _ in 0..<random(1..<6) {
      let descriptor = base + random(0..<8) * 16
      program.store(descriptor, .doubleword, place())
      program.store(descriptor + 4, .doubleword, oneIn(20) ? value() : 0)
      program.store(descriptor + 8, .doubleword, oneIn(6) ? value() : random(0..<2048))
      program.store(descriptor + 12, .doubleword, random(0..<9) << 16 | random(0..<8))
    }
    // A request of a block device at the beginning of a buffer.
    let request = Layout.scratch + random(0..<0x1000) * 16
    program.store(request, .doubleword, [0, 1, 4, 8, 11, 13].randomElement(using: &generator) ?? 0)
    program.store(request + 8, .doubleword, oneIn(8) ? value() : random(0..<300))
    program.store(request + 12, .doubleword, oneIn(20) ? value() : 0)
    program.store(base + random(0..<8) * 16, .doubleword, request)
    for _ in 0..<random(1..<4) {
      program.store(base + 0x404 + random(0..<8) * 2, .word, random(0..<9))
    }
    program.store(base + 0x402, .word, oneIn(10) ? value() : random(0..<64))
  }

  private mutating func addNotification() {
    guard let (base, isPCI) = queueRegions.randomElement(using: &generator) else { return }
    let queue = random(0..<4)
    program.store(
      isPCI ? base + 0x3000 + queue * 4 : base + 0x50, isPCI ? .word : .doubleword, queue)
  }

  // MARK: Other devices

  /// Commands of disks and CDs, with data by port and by DMA.
  private mutating func addDiskCommand() {
    let ports: (command: UInt16, control: UInt16) = oneIn(2) ? (0x1F0, 0x3F6) : (0x170, 0x376)
    let commands: [UInt32] = [
      0x20, 0x24, 0x29, 0x30, 0x34, 0x39, 0xC4, 0xC5, 0xC6, 0xC8, 0x25, 0xCA, 0x35, 0xEC, 0xA1,
      0xA0, 0xE7, 0xEA, 0xEF, 0x08, 0x90, 0x91, 0x40, 0xF8, 0x27, 0x70, 0xE0, 0xE5,
    ]
    let isPacket = oneIn(3)
    program.out(ports.control, .byte, oneIn(10) ? value() : 0)
    for register in 1...5 as ClosedRange<UInt16> {
      for _ in 0..<random(1..<3) {
        let number = oneIn(6) ? value() : register == 2 ? random(1..<4) : 0
        program.out(ports.command + register, .byte, register == 3 ? random(0..<256) : number)
      }
    }
    program.out(ports.command + 6, .byte, 0xE0 | random(0..<2) << 4 | (oneIn(8) ? value() : 0))
    if let busMasterPort { addBusMaster(busMasterPort + (ports.command == 0x170 ? 8 : 0)) }
    let command = commands.randomElement(using: &generator) ?? 0
    program.out(ports.command + 7, .byte, isPacket ? 0xA0 : oneIn(8) ? value() : command)
    if isPacket { addPacket(ports.command) }
    if oneIn(2) { program.openWindow() }
    let isInput = oneIn(2)
    program.string(
      ports.command, oneIn(2) ? .word : .doubleword, isInput: isInput, memory: Layout.scratch,
      random(1..<300))
    program.in(ports.command + 7, .byte)
  }

  /// Twelve bytes of a SCSI command.
  private mutating func addPacket(_ port: UInt16) {
    let commands: [UInt32] = [
      0x00, 0x03, 0x12, 0x1B, 0x1E, 0x25, 0x28, 0xA8, 0xBE, 0x42, 0x43, 0x44, 0x46, 0x4A, 0x51,
      0x52, 0x5A, 0xAD, 0xBB, 0xBD, 0x2B, 0xA1,
    ]
    let command = oneIn(8) ? value() : commands.randomElement(using: &generator) ?? 0
    let first = command & 0xFF | (oneIn(3) ? value() & 0xFFFF_FF00 : 0)
    let words = [first, oneIn(3) ? value() : 0, oneIn(3) ? value() : random(0..<8) << 8]
    for word in words {
      program.out(port, .word, word & 0xFFFF)
      program.out(port, .word, word >> 16)
    }
  }

  /// A table of regions for DMA, and the command to start.
  private mutating func addBusMaster(_ port: UInt16) {
    let table = Layout.scratch + 0x8000 + random(0..<64) * 8
    for entry in 0..<random(1..<5) {
      program.store(table + entry * 8, .doubleword, place())
      let isLast: UInt32 = oneIn(2) ? 1 << 31 : 0
      program.store(
        table + entry * 8 + 4, .doubleword, isLast | (oneIn(5) ? value() : random(0..<2048)))
    }
    program.out(port + 4, .doubleword, oneIn(10) ? value() : table)
    program.out(port + 2, .byte, 6)
    program.out(port, .byte, oneIn(3) ? value() : random(0..<2) << 3 | 1)
  }

  /// A transfer of the firmware configuration device: big-endian numbers.
  private mutating func addFirmwareTransfer() {
    let descriptor = Layout.scratch + 0x9000 + random(0..<64) * 16
    let item = oneIn(4) ? value() : random(0..<0x30)
    let control = item << 16 | random(0..<32)
    let length = oneIn(4) ? value() : random(0..<4096)
    for (index, word) in [control, length, oneIn(20) ? 1 : 0, place()].enumerated() {
      program.store(descriptor + UInt32(index) * 4, .doubleword, word.byteSwapped)
    }
    program.out(0x514, .doubleword, oneIn(20) ? value() : 0)
    program.out(0x518, .doubleword, descriptor.byteSwapped)
  }

  /// Timers and routes with vectors that a guest could have chosen.
  private mutating func addInterruptSetting() {
    let vector = random(0x20..<0x100)
    switch random(0..<7) {
    case 0:
      program.store(0xFEE0_00F0, .doubleword, 0x100 | random(0..<0x100))
      program.store(0xFEE0_03E0, .doubleword, random(0..<16))
      program.store(0xFEE0_0320, .doubleword, vector | random(0..<3) << 17)
      program.store(0xFEE0_0380, .doubleword, oneIn(2) ? random(1..<5000) : value())
    case 1:
      program.store(0xFEE0_0310, .doubleword, random(0..<3) << 24)
      let kind = ([0, 1, 4, 5, 6] as [UInt32]).randomElement(using: &generator) ?? 0
      program.store(
        0xFEE0_0300, .doubleword, vector | kind << 8 | 1 << 14 | random(0..<4) << 18)
    case 2:
      let pin = random(0..<24)
      program.store(0xFEC0_0000, .doubleword, 0x10 + pin * 2)
      program.store(0xFEC0_0010, .doubleword, vector | (oneIn(3) ? value() & 0x1_FF00 : 0))
      program.store(0xFEC0_0000, .doubleword, 0x11 + pin * 2)
      program.store(0xFEC0_0010, .doubleword, random(0..<3) << 24)
    case 3:
      let timer = random(0..<3) * 0x20
      program.store(0xFED0_0010, .doubleword, random(0..<4) | 1)
      program.store(0xFED0_0100 + timer, .doubleword, 4 | random(0..<0x80) | random(0..<32) << 9)
      program.store(0xFED0_0108 + timer, .doubleword, oneIn(2) ? random(0..<0x1_0000) : value())
    case 4:
      // An entry of a message table, for the functions that have one.
      guard let (base, isPCI) = queueRegions.randomElement(using: &generator), isPCI else { return }
      let table = base & 0xFE00_0000 | 0x110_0000 | base & 0xF000
      let entry = table + random(0..<4) * 16
      program.store(entry, .doubleword, 0xFEE0_0000 | random(0..<3) << 12)
      program.store(entry + 4, .doubleword, 0)
      program.store(entry + 8, .doubleword, vector)
      program.store(entry + 12, .doubleword, random(0..<2))
    case 5:
      program.out(0x70, .byte, random(0..<0x80))
      program.out(0x71, .byte, value())
    default:
      let commands: [UInt32] = [0x20, 0x60, 0xA7, 0xA8, 0xAA, 0xAD, 0xAE, 0xD0, 0xD2, 0xD3, 0xD4]
      program.out(0x64, .byte, oneIn(6) ? value() : commands.randomElement(using: &generator) ?? 0)
      program.out(0x60, .byte, value())
      program.in(0x60, .byte)
    }
  }

  /// Modes and planes of the VGA, and its memory.
  private mutating func addVideo() {
    let pair: (index: UInt16, limit: UInt32) =
      [(0x3C4, 5), (0x3CE, 9), (0x3D4, 25), (0x1CE, 12)].randomElement(using: &generator)
      ?? (0x3C4, 5)
    let width: DeviceProgram.Width = pair.index == 0x1CE ? .word : .byte
    program.out(pair.index, width, random(0..<pair.limit))
    program.out(pair.index + 1, width, value())
    let window = 0xA_0000 + random(0..<0x2_0000)
    switch random(0..<4) {
    case 0: program.copy(from: nil, to: window, self.width(), random(1..<200))
    case 1: program.copy(from: place(), to: window, .doubleword, random(1..<100))
    case 2: program.copy(from: window, to: Layout.scratch, .byte, random(1..<100))
    default: program.load(from: window, .byte)
    }
  }
}
