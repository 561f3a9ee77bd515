/// One function on a PCI bus: its configuration space, and what follows from it.
///
/// PCI Local Bus Specification 3.0, "Configuration Space". The device behind it owns the function
/// and gives it regions, capabilities and closures; the function maps regions, gates DMA and sends
/// interrupts as its registers say.
public final class PCIFunction: StatefulDevice {
  /// Offsets of the type 0 header.
  public enum Register {
    static let command = 0x04
    static let status = 0x06
    static let baseAddresses = 0x10
    static let expansionROM = 0x30
    static let capabilities = 0x34
    /// The interrupt line, which firmware writes for the operating system.
    public static let interruptLine = 0x3C
    static let interruptPin = 0x3D
  }

  /// Bits of the command register.
  enum Command {
    static let ports: UInt16 = 1 << 0
    static let memory: UInt16 = 1 << 1
    static let busMaster: UInt16 = 1 << 2
    static let interruptDisable: UInt16 = 1 << 10
    /// The three, parity error response, SERR and interrupt disable.
    static let writable: UInt16 = 0x0547
  }

  /// Bits of the status register.
  enum Status {
    static let interrupt: UInt16 = 1 << 3
    static let capabilities: UInt16 = 1 << 4
  }

  /// Configuration space and what it does not show.
  public struct State: Codable, Equatable, Sendable {
    package var bytes: [UInt8]
    package var messages: PCIMessageTable.State?
  }

  /// What a function is.
  public struct Identity: Sendable {
    /// The vendor.
    public var vendor: UInt16
    /// The device.
    public var device: UInt16
    /// Class, subclass and programming interface.
    public var classCode: UInt32
    /// The revision.
    public var revision: UInt8 = 0
    /// The subsystem's vendor.
    public var subsystemVendor: UInt16 = 0x1AF4
    /// The subsystem.
    public var subsystem: UInt16 = 0x1100
    /// INTA to INTD, 1 to 4, or 0 for none.
    public var interruptPin: UInt8 = 0
    /// Whether the slot has other functions, said by function 0.
    public var isMultifunction = false

    /// A function of this vendor, device and class.
    public init(vendor: UInt16, device: UInt16, classCode: UInt32) {
      self.vendor = vendor
      self.device = device
      self.classCode = classCode
    }
  }

  static let size = 256

  /// The registers that are mapped, in the order of their base address registers.
  public let regions: [PCIRegion]
  /// Told of a write that covered these bytes of configuration space, after it.
  public var written: ((Range<Int>) -> Void)?
  /// Told of a read before it; a window into a device fills itself in here.
  public var willRead: ((Range<Int>) -> Void)?
  /// What the bus master bit enables.
  public var dma: DMA?
  /// The MSI-X table, if the function has one.
  public let messages: PCIMessageTable?

  var bytes: [UInt8]
  private var initial: [UInt8] = []
  private(set) var writable = [UInt8](repeating: 0, count: size)
  private var nextCapability = 0x40
  var connections = Connections()

  /// What the bus does for a function.
  struct Connections {
    var regionsChanged: () -> Void = {}
    var interruptChanged: () -> Void = {}
    var send: (_ address: UInt64, _ data: UInt32) -> Void = { _, _ in }
  }

  /// Makes a function with these regions, and with an MSI-X table if `messages` says where.
  public init(
    _ identity: Identity, regions: [PCIRegion] = [], messages: PCIMessageTable.Placement? = nil
  ) {
    self.messages = messages?.table
    self.regions = regions
    bytes = [UInt8](repeating: 0, count: Self.size)
    define(0x00, identity.vendor)
    define(0x02, identity.device)
    define(Register.command, 0 as UInt16, writable: Command.writable)
    define(0x08, identity.classCode << 8 | UInt32(identity.revision))
    // Cache line size and latency timer keep what firmware writes.
    define(0x0C, 0 as UInt16, writable: 0xFFFF)
    define(0x0E, identity.isMultifunction ? 0x80 : 0 as UInt8)
    define(0x2C, identity.subsystemVendor)
    define(0x2E, identity.subsystem)
    define(Register.interruptLine, 0 as UInt8, writable: 0xFF)
    define(Register.interruptPin, identity.interruptPin)
    for region in regions {
      for half in 0..<region.width / 4 {
        let shift = UInt64(half) * 32
        define(
          region.register + half * 4, UInt32(truncatingIfNeeded: region.fixedBits >> shift),
          writable: UInt32(truncatingIfNeeded: region.writableBits >> shift))
      }
    }
    if let messages { addMessageCapability(messages) }
  }

  // MARK: Definition

  /// Gives a register its value at power-on and the bits that can be written.
  public func define<Number: FixedWidthInteger & UnsignedInteger>(
    _ offset: Int, _ value: Number, writable mask: Number = 0
  ) {
    let width = MemoryLayout<Number>.size
    guard offset >= 0, offset + width <= Self.size else { return }
    for index in 0..<width {
      let shift = Number(truncatingIfNeeded: index * 8)
      bytes[offset + index] = UInt8(truncatingIfNeeded: value &>> shift)
      writable[offset + index] = UInt8(truncatingIfNeeded: mask &>> shift)
    }
    initial = bytes
  }

  /// Adds a capability of `content` behind its identifier and link, and gives its offset.
  @discardableResult
  public func addCapability(
    _ identifier: UInt8, _ content: [UInt8], writable mask: [UInt8] = []
  ) -> Int {
    let offset = nextCapability
    guard offset + 2 + content.count <= Self.size else { return 0 }
    nextCapability = (offset + 2 + content.count + 3) & ~3
    define(offset, identifier)
    define(offset + 1, bytes[Register.capabilities])
    define(Register.capabilities, UInt8(truncatingIfNeeded: offset))
    define(Register.status, Status.capabilities)
    for (index, byte) in content.enumerated() {
      define(offset + 2 + index, byte, writable: index < mask.count ? mask[index] : 0)
    }
    return offset
  }

  // MARK: State

  /// Configuration space and the MSI-X table.
  public var state: State {
    get { State(bytes: bytes, messages: messages?.state) }
    set {
      guard newValue.bytes.count == Self.size else { return }
      bytes = newValue.bytes
      if let table = newValue.messages { messages?.state = table }
      dma?.isEnabled = isBusMaster
      messages?.configure(control: word(messageControl))
      connections.regionsChanged()
    }
  }

  /// The power-on state.
  public func reset() {
    bytes = initial
    messages?.reset()
    dma?.isEnabled = false
    connections.regionsChanged()
    connections.interruptChanged()
  }

  // MARK: What the registers say

  var command: UInt16 { word(Register.command) }
  var messageControl = 0

  /// Whether the function may use DMA and send messages.
  public var isBusMaster: Bool { command & Command.busMaster != 0 }

  /// INTA to INTD, 0 to 3, nil for none.
  package var interruptPin: Int? {
    let pin = Int(bytes[Register.interruptPin])
    return pin == 0 ? nil : (pin - 1) & 3
  }

  /// Whether the function asserts its interrupt pin.
  package var isInterrupting: Bool {
    word(Register.status) & Status.interrupt != 0 && command & Command.interruptDisable == 0
  }

  /// Drives the interrupt pin; how it reaches an interrupt controller is the bus's affair.
  public func setInterrupt(_ level: Bool) {
    let status = word(Register.status)
    let new = level ? status | Status.interrupt : status & ~Status.interrupt
    guard new != status else { return }
    bytes[Register.status] = UInt8(truncatingIfNeeded: new)
    connections.interruptChanged()
  }

  /// Where the regions answer now.
  package var placements: [BusRegion] {
    let command = command
    return regions.compactMap { region in
      let enable = region.kind == .ports ? Command.ports : Command.memory
      return command & enable == 0 ? nil : region.place(value: baseAddress(region))
    }
  }

  private func baseAddress(_ region: PCIRegion) -> UInt64 {
    let low = UInt64(doubleword(region.register))
    return region.width == 8 ? low | UInt64(doubleword(region.register + 4)) << 32 : low
  }

  /// Reads two bytes of configuration space.
  public func word(_ offset: Int) -> UInt16 {
    UInt16(bytes[offset]) | UInt16(bytes[offset + 1]) << 8
  }

  /// Reads four bytes of configuration space.
  public func doubleword(_ offset: Int) -> UInt32 {
    UInt32(word(offset)) | UInt32(word(offset + 2)) << 16
  }
}
