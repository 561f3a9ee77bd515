/// The registers of the Bochs display interface (VBE DISPI).
struct FrameBufferRegisters: Codable, Equatable, Sendable {
  enum Index {
    static let identifier = 0
    static let width = 1
    static let height = 2
    static let depth = 3
    static let enable = 4
    static let bank = 5
    static let virtualWidth = 6
    static let virtualHeight = 7
    static let xOffset = 8
    static let yOffset = 9
    static let memorySize = 10
  }

  enum Enable {
    static let enabled: UInt16 = 1 << 0
    static let capabilities: UInt16 = 1 << 1
    static let widePalette: UInt16 = 1 << 5
    static let keepsMemory: UInt16 = 1 << 7
  }

  static let newestInterface: UInt16 = 0xB0C5
  static let largestWidth = 2560
  static let largestHeight = 1600
  static let largestDepth = 32

  var index: UInt16 = 0
  var interface = newestInterface
  var width = 0
  var height = 0
  var depth = 0
  var enable: UInt16 = 0
  var bank = 0
  var virtualWidth = 0
  var xOffset = 0
  var yOffset = 0

  var isEnabled: Bool { enable & Enable.enabled != 0 }
  var hasWidePalette: Bool { enable & Enable.widePalette != 0 }

  /// The bits of a pixel in memory.
  var storedDepth: Int { depth == 15 ? 16 : depth }
  /// The bytes of a line in memory.
  var pitch: Int { virtualWidth * storedDepth / 8 }
}

extension VGA {
  /// The ports of the display interface: an index, and data behind it, at an odd port too.
  public final class FrameBufferPorts: BusDevice {
    private unowned let vga: VGA

    init(_ vga: VGA) { self.vga = vga }

    /// Reads the index or the selected register.
    public func read(offset: UInt64, size: AccessSize) -> UInt64 {
      guard size == .word else { return size.mask }
      let index = vga.registers.frameBuffer.index
      return UInt64(offset == 0 ? index : vga.readFrameBuffer(Int(index)))
    }

    /// Writes the index or the selected register.
    public func write(offset: UInt64, size: AccessSize, value: UInt64) {
      guard size == .word else { return }
      let value = UInt16(truncatingIfNeeded: value)
      if offset == 0 { return vga.registers.frameBuffer.index = value }
      vga.writeFrameBuffer(Int(vga.registers.frameBuffer.index), value)
    }
  }

  /// A page of registers in memory: those of VGA at 400h, those of the frame buffer at 500h.
  public final class MappedRegisters: BusDevice {
    private static let identification: UInt64 = 0x400
    private static let vgaPorts: Range<UInt64> = 0x400..<0x420
    private static let frameBuffer: Range<UInt64> = 0x500..<0x516
    /// Port 3C0h among the ports from 3B0h on.
    private static let firstPort: UInt64 = 0x10

    private unowned let vga: VGA

    init(_ vga: VGA) { self.vga = vga }

    /// Reads a register; where there would be monitor data (EDID), there is none.
    public func read(offset: UInt64, size: AccessSize) -> UInt64 {
      if Self.vgaPorts.contains(offset) {
        return vga.ports.read(
          offset: offset - Self.vgaPorts.lowerBound + Self.firstPort, size: size)
      }
      if Self.frameBuffer.contains(offset), size == .word {
        return UInt64(vga.readFrameBuffer(Int(offset - Self.frameBuffer.lowerBound) / 2))
      }
      return offset < Self.identification ? 0 : size.mask
    }

    /// Writes a register.
    public func write(offset: UInt64, size: AccessSize, value: UInt64) {
      if Self.vgaPorts.contains(offset) {
        vga.ports.write(
          offset: offset - Self.vgaPorts.lowerBound + Self.firstPort, size: size, value: value)
      } else if Self.frameBuffer.contains(offset), size == .word {
        vga.writeFrameBuffer(
          Int(offset - Self.frameBuffer.lowerBound) / 2, UInt16(truncatingIfNeeded: value))
      }
    }
  }

  private typealias Index = FrameBufferRegisters.Index
  private typealias Enable = FrameBufferRegisters.Enable

  func readFrameBuffer(_ index: Int) -> UInt16 {
    let frame = registers.frameBuffer
    let shows = frame.enable & Enable.capabilities != 0
    let value =
      switch index {
      case Index.identifier: Int(frame.interface)
      case Index.width: shows ? FrameBufferRegisters.largestWidth : frame.width
      case Index.height: shows ? FrameBufferRegisters.largestHeight : frame.height
      case Index.depth: shows ? FrameBufferRegisters.largestDepth : frame.depth
      case Index.enable: Int(frame.enable)
      case Index.bank: frame.bank
      case Index.virtualWidth: frame.virtualWidth
      case Index.virtualHeight: min(virtualHeight, 0xFFFF)
      case Index.xOffset: frame.xOffset
      case Index.yOffset: frame.yOffset
      case Index.memorySize: memory.size >> 16
      default: 0
      }
    return UInt16(truncatingIfNeeded: value)
  }

  func writeFrameBuffer(_ index: Int, _ value: UInt16) {
    let number = Int(value)
    switch index {
    case Index.identifier:
      if value >= 0xB0C0, value <= FrameBufferRegisters.newestInterface {
        registers.frameBuffer.interface = value
      }
    case Index.width where number <= FrameBufferRegisters.largestWidth && number & 7 == 0:
      registers.frameBuffer.width = number
    case Index.height where number <= FrameBufferRegisters.largestHeight:
      registers.frameBuffer.height = number
    case Index.depth where [0, 4, 8, 15, 16, 24, 32].contains(number):
      registers.frameBuffer.depth = number == 0 ? 8 : number
    case Index.enable: writeEnable(value)
    case Index.bank where number < memory.size >> 16: registers.frameBuffer.bank = number
    case Index.virtualWidth: setVirtualWidth(number)
    case Index.xOffset: registers.frameBuffer.xOffset = number
    case Index.yOffset: registers.frameBuffer.yOffset = number
    default: break
    }
  }

  /// The lines that fit into memory.
  private var virtualHeight: Int {
    let pitch = registers.frameBuffer.pitch
    return pitch == 0 ? 0 : memory.size / pitch
  }

  /// A line at least as wide as the screen, of which so many fit as the screen has.
  private func setVirtualWidth(_ width: Int) {
    let frame = registers.frameBuffer
    let wide = max(width, frame.width)
    let pitch = wide * frame.storedDepth / 8
    guard pitch == 0 || memory.size / pitch >= frame.height else { return }
    registers.frameBuffer.virtualWidth = wide
  }

  private func writeEnable(_ value: UInt16) {
    let wasEnabled = registers.frameBuffer.isEnabled
    registers.frameBuffer.enable = value
    guard value & Enable.enabled != 0, !wasEnabled else {
      if value & Enable.enabled == 0 { registers.frameBuffer.bank = 0 }
      return
    }
    registers.frameBuffer.virtualWidth = 0
    registers.frameBuffer.xOffset = 0
    registers.frameBuffer.yOffset = 0
    setVirtualWidth(registers.frameBuffer.width)
    if value & Enable.keepsMemory == 0 { memory.clear() }
  }
}
