extension VGA {
  /// The window to video memory below the option ROMs: 128 KiB, A_0000h on a PC.
  public final class Window: ByteDevice {
    private unowned let vga: VGA

    init(_ vga: VGA) { self.vga = vga }

    /// Reads one byte, and loads the latches.
    public func readByte(at offset: UInt64) -> UInt8 {
      guard let address = vga.address(inWindow: Int(truncatingIfNeeded: offset)) else {
        return 0xFF
      }
      return vga.readWindow(address)
    }

    /// Writes one byte, or a bit of eight pixels, as the write mode says.
    public func writeByte(_ value: UInt8, at offset: UInt64) {
      guard let address = vga.address(inWindow: Int(truncatingIfNeeded: offset)) else { return }
      vga.writeWindow(value, address)
    }
  }

  /// Video memory as it is, byte after byte.
  public final class LinearMemory: ByteDevice {
    private let memory: VideoMemory

    init(_ memory: VideoMemory) { self.memory = memory }

    /// Reads one byte.
    public func readByte(at offset: UInt64) -> UInt8 { memory[Int(truncatingIfNeeded: offset)] }

    /// Writes one byte.
    public func writeByte(_ value: UInt8, at offset: UInt64) {
      memory[Int(truncatingIfNeeded: offset)] = value
    }
  }

  /// The place in the adapter's address space that an offset of the window stands for, as the
  /// memory map select field says.
  private func address(inWindow offset: Int) -> Int? {
    guard registers.miscellaneous & 2 != 0 else { return nil }
    switch registers.graphics[6] >> 2 & 3 {
    case 0: return offset
    case 1: return offset < 0x1_0000 ? offset : nil
    case 2: return offset >= 0x1_0000 && offset < 0x1_8000 ? offset - 0x1_0000 : nil
    default: return offset >= 0x1_8000 ? offset - 0x1_8000 : nil
    }
  }

  private var isChained: Bool { registers.sequencer[4] & 8 != 0 }
  private var isOddEven: Bool { registers.sequencer[4] & 4 == 0 }

  /// The frame buffer byte behind the window while a packed mode is on.
  private func linear(_ address: Int) -> Int? {
    guard registers.frameBuffer.isEnabled, registers.frameBuffer.depth > 4 else { return nil }
    return registers.frameBuffer.bank << 16 + address & 0xFFFF
  }

  /// The offset in the planes, and which of them take part.
  private func planeAddress(_ address: Int) -> (offset: Int, planes: UInt8) {
    let offset = (registers.frameBuffer.isEnabled ? registers.frameBuffer.bank << 16 : 0) + address
    if isChained { return (offset & 0xFFFC, 1 << UInt8(address & 3)) }
    if isOddEven { return (offset & 0xFFFE, address & 1 == 0 ? 0b0101 : 0b1010) }
    return (offset & 0xFFFF, 0b1111)
  }

  private func readWindow(_ address: Int) -> UInt8 {
    if let index = linear(address) { return memory[index] }
    let (offset, _) = planeAddress(address)
    let latches = memory.planes(at: offset)
    registers.latches = latches
    let plane: UInt8
    if isChained {
      plane = UInt8(address & 3)
    } else if isOddEven {
      plane = registers.graphics[4] & 2 | UInt8(address & 1)
    } else if registers.graphics[5] & 8 != 0 {
      return compare(latches)
    } else {
      plane = registers.graphics[4] & 3
    }
    return UInt8(truncatingIfNeeded: latches >> (UInt32(plane) * 8))
  }

  /// Read mode 1: the pixels that have the color to compare, in the planes that matter.
  private func compare(_ latches: UInt32) -> UInt8 {
    var result: UInt8 = 0xFF
    for plane in 0..<4 where registers.graphics[7] >> UInt8(plane) & 1 != 0 {
      let byte = UInt8(truncatingIfNeeded: latches >> UInt32(plane * 8))
      result &= registers.graphics[2] >> UInt8(plane) & 1 != 0 ? byte : ~byte
    }
    return result
  }

  private func writeWindow(_ value: UInt8, _ address: Int) {
    if let index = linear(address) { return memory[index] = value }
    let (offset, planes) = planeAddress(address)
    let enabled = registers.sequencer[2] & planes & 0xF
    for plane in 0..<4 where enabled >> UInt8(plane) & 1 != 0 {
      memory[offset * 4 + plane] = combine(value, plane: UInt8(plane))
    }
  }

  /// What a write of `value` makes of one plane: IBM's write modes 0 to 3.
  private func combine(_ value: UInt8, plane: UInt8) -> UInt8 {
    let graphics = registers.graphics
    let latch = UInt8(truncatingIfNeeded: registers.latches >> (UInt32(plane) * 8))
    let count = graphics[3] & 7
    let rotated = value >> count | value << ((8 - count) & 7)
    let setReset: UInt8 = graphics[0] >> plane & 1 != 0 ? 0xFF : 0
    var mask = graphics[8]
    var result: UInt8
    switch graphics[5] & 3 {
    case 0: result = graphics[1] >> plane & 1 != 0 ? setReset : rotated
    case 1: return latch
    case 2: result = value >> plane & 1 != 0 ? 0xFF : 0
    default:
      mask &= rotated
      result = setReset
    }
    switch graphics[3] >> 3 & 3 {
    case 0: break
    case 1: result &= latch
    case 2: result |= latch
    default: result ^= latch
    }
    return result & mask | latch & ~mask
  }
}
