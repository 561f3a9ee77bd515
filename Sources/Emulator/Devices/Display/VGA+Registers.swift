extension VGA {
  /// The ports of a VGA, 3B0h at offset 0; those for color at offset 20h answer or those for
  /// monochrome at offset 0, as bit 0 of the miscellaneous output register says.
  public final class Ports: ByteDevice {
    private unowned let vga: VGA

    init(_ vga: VGA) { self.vga = vga }

    /// Reads one register.
    public func readByte(at offset: UInt64) -> UInt8 { vga.readRegister(offset) }

    /// Writes one register.
    public func writeByte(_ value: UInt8, at offset: UInt64) { vga.writeRegister(value, offset) }
  }

  /// Offsets of the ports from 3B0h on.
  private enum Port {
    static let attribute: UInt64 = 0x10
    static let attributeData: UInt64 = 0x11
    static let miscellaneousWrite: UInt64 = 0x12
    static let enable: UInt64 = 0x13
    static let sequencer: UInt64 = 0x14
    static let sequencerData: UInt64 = 0x15
    static let paletteMask: UInt64 = 0x16
    static let paletteRead: UInt64 = 0x17
    static let paletteWrite: UInt64 = 0x18
    static let paletteData: UInt64 = 0x19
    static let featureRead: UInt64 = 0x1A
    static let miscellaneousRead: UInt64 = 0x1C
    static let graphics: UInt64 = 0x1E
    static let graphicsData: UInt64 = 0x1F
    static let controller: UInt64 = 0x24
    static let controllerData: UInt64 = 0x25
    static let status: UInt64 = 0x2A
  }

  private static let colorOffset: UInt64 = 0x20
  private static let monitorSense: UInt8 = 0x10

  /// The offset as if the color ports answered; nil where the others do.
  private func normalized(_ offset: UInt64) -> UInt64? {
    guard offset < 0x10 || offset >= Self.colorOffset else { return offset }
    let isColor = registers.miscellaneous & 1 != 0
    guard isColor == (offset >= Self.colorOffset) else { return nil }
    return isColor ? offset : offset &+ Self.colorOffset
  }

  func readRegister(_ offset: UInt64) -> UInt8 {
    switch normalized(offset) {
    case Port.attribute: return registers.isAttributeData ? 0 : registers.attribute.index
    case Port.attributeData:
      return registers.attribute[Int(registers.attribute.index & 0x1F)]
    // Input status 0: the monitor's switch is closed.
    case Port.miscellaneousWrite: return Self.monitorSense
    case Port.enable: return registers.isEnabled
    case Port.sequencer: return registers.sequencer.index
    case Port.sequencerData: return registers.sequencer.selected
    case Port.paletteMask: return registers.palette.mask
    case Port.paletteRead: return registers.palette.isReading ? 3 : 0
    case Port.paletteWrite: return registers.palette.writeIndex
    case Port.paletteData: return registers.palette.values[registers.palette.next()]
    case Port.featureRead: return registers.featureControl
    case Port.miscellaneousRead: return registers.miscellaneous
    case Port.graphics: return registers.graphics.index
    case Port.graphicsData: return registers.graphics.selected
    case Port.controller: return registers.controller.index
    case Port.controllerData: return registers.controller.selected
    case Port.status:
      registers.isAttributeData = false
      return status
    default: return 0xFF
    }
  }

  func writeRegister(_ value: UInt8, _ offset: UInt64) {
    switch normalized(offset) {
    case Port.attribute: writeAttribute(value)
    case Port.miscellaneousWrite: registers.miscellaneous = value & 0xEF
    case Port.enable: registers.isEnabled = value & 1
    case Port.sequencer: registers.sequencer.index = value & 7
    case Port.sequencerData: registers.sequencer.write(value)
    case Port.paletteMask: registers.palette.mask = value
    case Port.paletteRead: registers.palette.startReading(value)
    case Port.paletteWrite: registers.palette.startWriting(value)
    case Port.paletteData:
      let mask: UInt8 = registers.frameBuffer.hasWidePalette ? 0xFF : 0x3F
      registers.palette.values[registers.palette.next()] = value & mask
    case Port.graphics: registers.graphics.index = value & 0xF
    case Port.graphicsData: registers.graphics.write(value)
    case Port.controller: registers.controller.index = value & 0x1F
    case Port.controllerData: writeController(value)
    case Port.status: registers.featureControl = value
    default: break
    }
  }

  /// One port takes index and data in turn.
  private func writeAttribute(_ value: UInt8) {
    if registers.isAttributeData {
      let number = Int(registers.attribute.index & 0x1F)
      // The palette can be written only while it is not in use.
      let isLocked = number < 16 && registers.attribute.index & 0x20 != 0
      if number < registers.attribute.values.count, !isLocked {
        registers.attribute.values[number] = value
      }
    } else {
      registers.attribute.index = value & 0x3F
    }
    registers.isAttributeData.toggle()
  }

  /// Registers 0 to 7 may be protected, all but the top bit of the line compare.
  private func writeController(_ value: UInt8) {
    let index = registers.controller.index
    guard index < 8, registers.controller[0x11] & 0x80 != 0 else {
      return registers.controller.write(value)
    }
    if index == 7 { registers.controller.write(registers.controller[7] & ~0x10 | value & 0x10) }
  }

  // MARK: The beam

  /// Nanoseconds of a line: 800 dots at 25.175 MHz.
  private static let lineTime: UInt64 = 31_778
  private static let visibleLineTime: UInt64 = 25_422

  /// Input status 1: where the beam is, by virtual time.
  private var status: UInt8 {
    let lines = UInt64(controllerNumber(0x06, bits: (0, 5))) &+ 2
    let line = clock.now / Self.lineTime % lines
    let retrace = UInt64(controllerNumber(0x10, bits: (2, 7)))
    let isRetracing = line >= retrace && line < retrace &+ 2
    let isBlank =
      line >= UInt64(shownLines) || clock.now % Self.lineTime >= Self.visibleLineTime
    return (isBlank ? 1 : 0) | (isRetracing ? 8 : 0)
  }

  /// A vertical number, whose bits 8 and 9 are in the overflow register.
  private func controllerNumber(_ index: Int, bits: (eight: UInt8, nine: UInt8)) -> Int {
    let overflow = registers.controller[7]
    return Int(registers.controller[index]) | Int(overflow >> bits.eight & 1) << 8
      | Int(overflow >> bits.nine & 1) << 9
  }

  /// The lines that are shown, each as often as it is repeated.
  var shownLines: Int { controllerNumber(0x12, bits: (1, 6)) + 1 }
}
