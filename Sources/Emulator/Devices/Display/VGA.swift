/// A VGA-compatible display adapter with the frame buffer registers of Bochs.
///
/// IBM VGA technical reference ("Video Subsystem"), and the register descriptions of FreeVGA; for
/// the frame buffer, the VBE DISPI interface of the Bochs display as QEMU documents it ("QEMU
/// Standard VGA"). Nothing is drawn while a guest runs: `picture` and `text` show the screen when
/// somebody wants to see it.
public final class VGA: StatefulDevice {
  /// The registers.
  struct Registers: Codable, Equatable, Sendable {
    var miscellaneous: UInt8 = 0
    var featureControl: UInt8 = 0
    var isEnabled: UInt8 = 1
    var sequencer = IndexedRegisters(count: 8)
    var graphics = IndexedRegisters(count: 16)
    var controller = IndexedRegisters(count: 0x19)
    var attribute = IndexedRegisters(count: 0x15)
    /// Whether the next write to the attribute controller is data.
    var isAttributeData = false
    var palette = ColorPalette()
    /// What the last read from memory loaded, plane 0 lowest.
    var latches: UInt32 = 0
    var frameBuffer = FrameBufferRegisters()
  }

  /// The registers and the memory.
  public struct State: Codable, Equatable, Sendable {
    var registers = Registers()
    var memory = VideoMemory.Content()
  }

  /// Video memory unless told otherwise: 16 MiB.
  public static let defaultMemorySize = 16 << 20
  /// Bytes of the four planes.
  static let planesSize = 256 << 10

  var registers = Registers()
  package let memory: VideoMemory
  let clock: VirtualClock

  /// Makes an adapter in its state after reset.
  public init(clock: VirtualClock, memorySize: Int = defaultMemorySize) {
    self.clock = clock
    memory = VideoMemory(size: max(Self.planesSize, memorySize & ~0xFFFF))
  }

  /// The registers and the memory.
  public var state: State {
    get { State(registers: registers, memory: memory.content) }
    set {
      registers = newValue.registers.checked
      memory.content = newValue.memory
    }
  }

  /// The power-on state.
  public func reset() {
    registers = Registers()
    memory.clear()
  }

  // MARK: What the bus sees

  /// Ports 3B0h to 3DFh.
  public private(set) lazy var ports = Ports(self)
  /// Ports 1CEh to 1D1h.
  public private(set) lazy var frameBufferPorts = FrameBufferPorts(self)
  /// The 128 KiB below the option ROMs.
  public private(set) lazy var window = Window(self)
  /// The whole memory, byte after byte.
  public private(set) lazy var linearMemory = LinearMemory(memory)
  /// The registers once more, for those who do not like ports.
  public private(set) lazy var mappedRegisters = MappedRegisters(self)
}

/// An index register and what it selects.
struct IndexedRegisters: Codable, Equatable, Sendable {
  var index: UInt8 = 0
  var values: [UInt8]

  init(count: Int) { values = [UInt8](repeating: 0, count: count) }

  /// A register; zero if there is none of that number.
  subscript(number: Int) -> UInt8 { number < values.count ? values[number] : 0 }

  /// The selected register.
  var selected: UInt8 { self[Int(index)] }

  mutating func write(_ value: UInt8) {
    if Int(index) < values.count { values[Int(index)] = value }
  }
}

/// The 256 colors of the DAC, and the registers that fill them.
struct ColorPalette: Codable, Equatable, Sendable {
  var mask: UInt8 = 0xFF
  var values = [UInt8](repeating: 0, count: 768)
  private var position = 0
  private(set) var isReading = false

  mutating func startReading(_ index: UInt8) {
    position = Int(index) * 3
    isReading = true
  }

  mutating func startWriting(_ index: UInt8) {
    position = Int(index) * 3
    isReading = false
  }

  var writeIndex: UInt8 { UInt8(truncatingIfNeeded: position / 3) }

  mutating func next() -> Int {
    defer { position = (position + 1) % values.count }
    return position % values.count
  }
}

extension VGA.Registers {
  /// The same with every list of the size it must have, whatever a snapshot said.
  fileprivate var checked: Self {
    let fresh = VGA.Registers()
    var result = self
    if sequencer.values.count != fresh.sequencer.values.count { result.sequencer = fresh.sequencer }
    if graphics.values.count != fresh.graphics.values.count { result.graphics = fresh.graphics }
    if controller.values.count != fresh.controller.values.count {
      result.controller = fresh.controller
    }
    if attribute.values.count != fresh.attribute.values.count { result.attribute = fresh.attribute }
    if palette.values.count != fresh.palette.values.count { result.palette = fresh.palette }
    return result
  }
}
