/// The firmware configuration device of QEMU: items that a machine tells its firmware.
///
/// QEMU documentation, "QEMU Firmware Configuration (fw_cfg) Device". Offset 0 selects, offset 1
/// gives the selected item byte by byte, offsets 4 to 11 take the address of a transfer descriptor,
/// big-endian, whose low half starts the transfer.
public final class FirmwareConfiguration: BusDevice, StatefulDevice {
  /// Selects an item: one of the fixed ones, or a file by its place in the directory.
  public typealias Selector = UInt16

  /// The items that have a number of their own.
  public enum Item {
    static let signature: Selector = 0x00
    static let identifier: Selector = 0x01
    /// The machine's UUID.
    public static let uuid: Selector = 0x02
    /// The RAM in bytes.
    public static let memorySize: Selector = 0x03
    /// Whether there is no display.
    public static let hasNoDisplay: Selector = 0x04
    /// The processors at start.
    public static let processorCount: Selector = 0x05
    /// Where the kernel goes, in memory above 1 MiB.
    public static let kernelAddress: Selector = 0x07
    /// The bytes of the kernel.
    public static let kernelSize: Selector = 0x08
    /// Where the initial RAM disk goes.
    public static let ramdiskAddress: Selector = 0x0A
    /// The bytes of the initial RAM disk.
    public static let ramdiskSize: Selector = 0x0B
    /// The number of NUMA nodes.
    public static let nodeCount: Selector = 0x0D
    /// Whether to show a boot menu.
    public static let bootMenu: Selector = 0x0E
    /// The most processors, and so the limit of their APIC IDs.
    public static let largestProcessorCount: Selector = 0x0F
    /// The kernel.
    public static let kernelData: Selector = 0x11
    /// The initial RAM disk.
    public static let ramdiskData: Selector = 0x12
    /// Where the command line goes.
    public static let commandLineAddress: Selector = 0x13
    /// The bytes of the command line, with its terminating zero.
    public static let commandLineSize: Selector = 0x14
    /// The command line.
    public static let commandLineData: Selector = 0x15
    /// Where the kernel's real-mode code goes.
    public static let setupAddress: Selector = 0x16
    /// The bytes of the real-mode code.
    public static let setupSize: Selector = 0x17
    /// The real-mode code.
    public static let setupData: Selector = 0x18
    static let directory: Selector = 0x19
    static let firstFile: Selector = 0x20
  }

  /// The registers.
  public struct State: Codable, Equatable, Sendable {
    package var selector: UInt16 = 0
    package var position: UInt64 = 0
    package var descriptor: UInt64 = 0
    package var isTransferring = false
  }

  private enum Control {
    static let error: UInt32 = 1 << 0
    static let read: UInt32 = 1 << 1
    static let skip: UInt32 = 1 << 2
    static let select: UInt32 = 1 << 3
    static let write: UInt32 = 1 << 4
  }

  /// The traditional interface and DMA.
  private static let features: [UInt8] = [3, 0, 0, 0]
  private static let dmaSignature = Array("QEMU CFG".utf8)
  private static let chunkSize: UInt64 = 64 << 10

  private var registers = State()
  private var items: [Selector: [UInt8]]
  private let dma: DMA
  private let clock: VirtualClock
  private let timer: VirtualTimer

  /// Makes a device.
  ///
  /// - Parameters:
  ///   - items: The items that have a number.
  ///   - dma: The way to memory.
  ///   - clock: The clock that starts transfers.
  public init(
    items: [Selector: [UInt8]], dma: DMA, clock: VirtualClock
  ) {
    self.items = items
    self.dma = dma
    self.clock = clock
    timer = VirtualTimer(clock, name: "firmware configuration")
    self.items[Item.signature] = Array("QEMU".utf8)
    self.items[Item.identifier] = Self.features
    timer.handler = { [weak self] _ in self?.transfer() }
  }

  /// Adds the items that have a name, at most 55 bytes long, to be found in this order.
  public func add(_ files: [(name: String, content: [UInt8])]) {
    items[Item.directory] = Self.directory(files)
    for (index, file) in files.enumerated() {
      items[Item.firstFile &+ Selector(truncatingIfNeeded: index)] = file.content
    }
  }

  /// Big-endian: the count, then for each file its size, selector, two reserved bytes and name.
  private static func directory(_ files: [(name: String, content: [UInt8])]) -> [UInt8] {
    var bytes = bigEndian(UInt32(truncatingIfNeeded: files.count))
    for (index, file) in files.enumerated() {
      bytes += bigEndian(UInt32(truncatingIfNeeded: file.content.count))
      bytes += bigEndian(Item.firstFile &+ Selector(truncatingIfNeeded: index)) + [0, 0]
      let name = Array(file.name.utf8.prefix(55))
      bytes += name + [UInt8](repeating: 0, count: 56 - name.count)
    }
    return bytes
  }

  /// The registers.
  public var state: State {
    get { registers }
    set {
      registers = newValue
      if newValue.isTransferring { timer.arm(at: clock.now) } else { timer.disarm() }
    }
  }

  /// The power-on state.
  public func reset() { state = State() }

  // MARK: Registers

  /// Reads the next byte of the selected item, or the signature of the DMA interface.
  public func read(offset: UInt64, size: AccessSize) -> UInt64 {
    if offset == 1, size == .byte { return UInt64(take()) }
    guard offset >= 4, offset &+ UInt64(size.rawValue) <= 12 else { return size.mask }
    var value: UInt64 = 0
    for index in 0..<Int(size.rawValue) {
      let byte = Self.dmaSignature[Int(offset) - 4 + index]
      value |= UInt64(byte) &<< UInt64(index * 8)
    }
    return value
  }

  /// Selects an item, or takes half of a transfer descriptor's address.
  public func write(offset: UInt64, size: AccessSize, value: UInt64) {
    switch (offset, size) {
    case (0, .word):
      registers.selector = UInt16(truncatingIfNeeded: value)
      registers.position = 0
    case (4, .doubleword):
      let half = UInt64(UInt32(truncatingIfNeeded: value).byteSwapped)
      registers.descriptor = half << 32 | registers.descriptor & 0xFFFF_FFFF
    case (8, .doubleword):
      let half = UInt64(UInt32(truncatingIfNeeded: value).byteSwapped)
      registers.descriptor = registers.descriptor & ~0xFFFF_FFFF | half
      start()
    default: break
    }
  }

  private func take() -> UInt8 {
    defer { registers.position &+= 1 }
    guard let item = items[registers.selector], registers.position < UInt64(item.count) else {
      return 0
    }
    return item[Int(registers.position)]
  }

  // MARK: Transfers

  /// A transfer comes after the access that starts it, between two instructions.
  private func start() {
    registers.isTransferring = true
    timer.arm(at: clock.now)
  }

  private func transfer() {
    registers.isTransferring = false
    let descriptor = registers.descriptor
    registers.descriptor = 0
    guard let bytes = dma.read(descriptor, count: 16) else { return }
    let control = Self.number(bytes[0..<4])
    let length = Self.number(bytes[4..<8])
    let address = Self.number(bytes[8..<16])
    let isDone = transfer(
      control: UInt32(truncatingIfNeeded: control), length: length, address: address)
    dma.write(descriptor, Self.bigEndian(isDone ? 0 : Control.error))
  }

  private func transfer(control: UInt32, length: UInt64, address: UInt64) -> Bool {
    if control & Control.select != 0 {
      registers.selector = UInt16(truncatingIfNeeded: control >> 16)
      registers.position = 0
    }
    if control & Control.read != 0 { return copy(length: length, to: address) }
    // No item can be written.
    if control & Control.write != 0 { return false }
    if control & Control.skip != 0 { registers.position &+= length }
    return true
  }

  /// Copies what is left of the item, and zeroes behind its end.
  private func copy(length: UInt64, to address: UInt64) -> Bool {
    guard dma.reaches(address, count: length) else { return false }
    let item = items[registers.selector] ?? []
    var done: UInt64 = 0
    while done < length {
      let count = min(length - done, Self.chunkSize)
      let first = Int(min(registers.position, UInt64(item.count)))
      var piece = Array(item[first..<min(first + Int(count), item.count)])
      piece += [UInt8](repeating: 0, count: Int(count) - piece.count)
      dma.write(address &+ done, piece)
      registers.position &+= count
      done += count
    }
    return true
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reduce(0) { $0 << 8 | UInt64($1) }
  }

  private static func bigEndian(_ number: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: number.bigEndian) { Array($0) }
  }
}
