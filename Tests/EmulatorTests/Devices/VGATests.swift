import Emulator
import Testing

@Suite struct VGATests {
  private let vga = VGA(clock: VirtualClock())

  private func write(_ value: UInt8, _ port: UInt64) {
    vga.ports.write(offset: port - 0x3B0, size: .byte, value: UInt64(value))
  }

  private func read(_ port: UInt64) -> UInt8 {
    UInt8(vga.ports.read(offset: port - 0x3B0, size: .byte))
  }

  private func set(_ port: UInt64, _ values: [(UInt8, UInt8)]) {
    for (index, value) in values {
      write(index, port)
      write(value, port + 1)
    }
  }

  private func setAttributes(_ values: [(UInt8, UInt8)]) {
    _ = read(0x3DA)
    for (index, value) in values {
      write(index, 0x3C0)
      write(value, 0x3C0)
    }
    write(0x20, 0x3C0)
  }

  /// What a VGA BIOS programs for 80 columns and 25 rows of 16 lines, mode 3.
  private func enterTextMode() {
    write(0x67, 0x3C2)
    set(0x3C4, [(1, 0), (2, 3), (3, 0), (4, 2)])
    set(0x3CE, [(4, 0), (5, 0x10), (6, 0x0E), (8, 0xFF)])
    set(
      0x3D4,
      [
        (0x11, 0), (0, 0x5F), (1, 0x4F), (6, 0xBF), (7, 0x1F), (9, 0x4F), (0x0A, 0x0D),
        (0x0B, 0x0E), (0x10, 0x9C), (0x11, 0x8E), (0x12, 0x8F), (0x13, 0x28), (0x14, 0x1F),
        (0x17, 0xA3),
      ])
    setAttributes((0..<16).map { ($0, $0) } + [(0x10, 0x0C), (0x12, 0x0F)])
  }

  private func put(_ text: String, row: Int, attribute: UInt8 = 7) {
    for (column, byte) in text.utf8.enumerated() {
      let offset = UInt64(0x1_8000 + (row * 80 + column) * 2)
      vga.window.write(offset: offset, size: .word, value: UInt64(byte) | UInt64(attribute) << 8)
    }
  }

  @Test func textModeShowsWhatWasWritten() throws {
    enterTextMode()
    put("Hello, world", row: 0)
    vga.window.write(offset: 0x1_8000 + 3 * 160, size: .word, value: 0x07C4)
    set(0x3D4, [(0x0E, 0), (0x0F, 85)])
    let text = try #require(vga.text)
    #expect(text.rows.count == 25)
    #expect(text.rows[0] == "Hello, world")
    #expect(text.cursor?.row == 1 && text.cursor?.column == 5)
    #expect(vga.window.read(offset: 0x1_8000, size: .byte) == UInt64(UInt8(ascii: "H")))
    // The window is at B8000h only.
    #expect(vga.window.read(offset: 0, size: .byte) == 0xFF)
    // Scrolled by a row.
    set(0x3D4, [(0x0D, 80)])
    #expect(vga.text?.rows[2] == "─")
    // Blanked.
    _ = read(0x3DA)
    write(0, 0x3C0)
    #expect(vga.text?.rows.isEmpty == true)
  }

  @Test func fontsLieInPlaneTwo() throws {
    enterTextMode()
    // As a VGA BIOS loads a font: all planes apart, at A0000h.
    set(0x3C4, [(2, 4), (4, 6)])
    set(0x3CE, [(4, 2), (5, 0), (6, 4)])
    let glyph: [UInt8] = [0x80, 0x01] + [UInt8](repeating: 0, count: 14)
    for (line, dots) in glyph.enumerated() {
      vga.window.write(
        offset: UInt64(0x41 * 32 + line), size: .byte, value: UInt64(dots))
    }
    enterTextMode()
    set(0x3D4, [(0x0A, 0x20)])
    write(0, 0x3C8)
    for index in 0..<16 { for _ in 0..<3 { write(UInt8(index * 4), 0x3C9) } }
    put("A", row: 0, attribute: 0x1F)
    let picture = vga.picture
    #expect(picture.width == 720 && picture.height == 400)
    func pixel(_ x: Int, _ y: Int) -> UInt8 { picture.bytes[(y * picture.width + x) * 3] }
    let white: UInt8 = 60 << 2 | 60 >> 4
    let blue: UInt8 = 4 << 2
    #expect(pixel(0, 0) == white && pixel(1, 0) == blue && pixel(8, 0) == blue)
    #expect(pixel(7, 1) == white && pixel(0, 1) == blue)
    #expect(vga.text?.rows[0] == "A")
  }

  @Test func writeModesDoWhatTheManualSays() {
    write(0x67, 0x3C2)
    set(0x3C4, [(2, 0x0F), (4, 6)])
    set(0x3CE, [(0, 0), (1, 0), (3, 0), (5, 0), (6, 5), (8, 0xFF)])
    func planes() -> [UInt8] { (0..<4).map { vga.memory[$0] } }
    // Set/reset in planes 0 and 1, the host's byte in the others.
    set(0x3CE, [(0, 0b0001), (1, 0b0011)])
    vga.writeByteThroughWindow(0x5A)
    #expect(planes() == [0xFF, 0x00, 0x5A, 0x5A])
    // Mode 2 with a bit mask: one pixel of color 9; the others as latched.
    _ = vga.window.read(offset: 0, size: .byte)
    set(0x3CE, [(0, 0), (1, 0), (5, 2), (8, 0x80)])
    vga.writeByteThroughWindow(0x09)
    #expect(planes() == [0xFF, 0x00, 0x5A, 0xDA])
    // Mode 1 copies the latches; the map mask limits it.
    _ = vga.window.read(offset: 0, size: .byte)
    set(0x3CE, [(5, 1), (8, 0xFF)])
    set(0x3C4, [(2, 0b1000)])
    vga.window.write(offset: 1, size: .byte, value: 0)
    #expect((0..<4).map { vga.memory[4 + $0] } == [0, 0, 0, 0xDA])
    // Mode 3: the host's byte is a mask for set/reset; XOR with the latches in mode 0.
    set(0x3C4, [(2, 0x0F)])
    _ = vga.window.read(offset: 0, size: .byte)
    set(0x3CE, [(0, 0x0F), (5, 3)])
    vga.writeByteThroughWindow(0x0F)
    #expect(planes() == [0xFF, 0x0F, 0x5F, 0xDF])
    _ = vga.window.read(offset: 0, size: .byte)
    set(0x3CE, [(0, 0), (3, 0x18 | 4), (5, 0)])
    vga.writeByteThroughWindow(0xF0)
    #expect(planes() == [0xF0, 0x00, 0x50, 0xD0])
    // Read mode 1: where color 1 is, planes 0 and 1 looked at.
    set(0x3CE, [(2, 1), (5, 8), (7, 3)])
    #expect(vga.window.read(offset: 0, size: .byte) == 0xF0)
  }

  @Test func mode13hShowsABytePerPixel() {
    write(0x63, 0x3C2)
    set(0x3C4, [(1, 1), (2, 0x0F), (4, 0x0E)])
    set(0x3CE, [(5, 0x40), (6, 5), (8, 0xFF)])
    set(
      0x3D4,
      [
        (0x11, 0), (1, 0x4F), (7, 0x1F), (9, 0x41), (0x12, 0x8F), (0x13, 0x28), (0x14, 0x40),
        (0x17, 0xA3),
      ])
    setAttributes([(0x10, 0x41), (0x12, 0x0F)])
    write(200, 0x3C8)
    for value in [1, 2, 3] as [UInt8] { write(value, 0x3C9) }
    vga.window.write(offset: 320 * 7 + 5, size: .byte, value: 200)
    let picture = vga.picture
    #expect(picture.width == 320 && picture.height == 200)
    let at = (7 * 320 + 5) * 3
    #expect(Array(picture.bytes[at..<at + 3]) == [4, 8, 12])
    #expect(picture.bytes[at + 3] == 0)
    #expect(vga.text == nil)
  }

  @Test func theFrameBufferIsLinear() {
    func register(_ index: UInt64, _ value: UInt64) {
      vga.frameBufferPorts.write(offset: 0, size: .word, value: index)
      vga.frameBufferPorts.write(offset: 1, size: .word, value: value)
    }
    func value(_ index: UInt64) -> UInt64 {
      vga.mappedRegisters.read(offset: 0x500 + index * 2, size: .word)
    }
    #expect(value(0) == 0xB0C5)
    #expect(value(10) == 256)
    vga.memory[100] = 9
    register(1, 640)
    register(2, 480)
    register(3, 32)
    register(4, 0x41)
    #expect(value(6) == 640)
    #expect(vga.memory[100] == 0)
    vga.linearMemory.write(offset: (480 - 1) * 640 * 4, size: .doubleword, value: 0x0012_3456)
    let picture = vga.picture
    #expect(picture.width == 640 && picture.height == 480)
    let at = 479 * 640 * 3
    #expect(Array(picture.bytes[at..<at + 3]) == [0x12, 0x34, 0x56])
    // Capabilities; a mode that is too large is not taken; the window is banked.
    register(4, 2)
    #expect(value(1) == 2560 && value(2) == 1600 && value(3) == 32)
    register(4, 0)
    register(1, 2561)
    #expect(value(1) == 640)
    register(4, 0xC1)
    write(0x67, 0x3C2)
    set(0x3CE, [(6, 5)])
    register(5, 1)
    vga.window.write(offset: 4, size: .byte, value: 0x77)
    #expect(vga.memory[0x1_0004] == 0x77)
  }

  @Test func theStateIsEverything() {
    enterTextMode()
    put("kept", row: 24)
    let other = VGA(clock: VirtualClock())
    other.state = vga.state
    #expect(other.state == vga.state)
    #expect(other.text == vga.text)
    vga.reset()
    #expect(vga.state == VGA(clock: VirtualClock()).state)
  }

  /// No register, index or mode may trap, nor any picture of it.
  @Test func anyRegistersGiveSomePicture() {
    var numbers = SplitNumbers(seed: 12)
    for _ in 0..<60 {
      for _ in 0..<400 {
        let value = UInt64(numbers.next())
        switch numbers.next() % 4 {
        case 0: vga.ports.write(offset: numbers.next() % 0x30, size: .word, value: value)
        case 1: vga.window.write(offset: numbers.next() % 0x2_0000, size: .quadword, value: value)
        case 2: vga.mappedRegisters.write(offset: numbers.next() % 0x600, size: .word, value: value)
        default: _ = vga.window.read(offset: numbers.next() % 0x2_0000, size: .doubleword)
        }
      }
      let picture = vga.picture
      #expect(picture.bytes.count == picture.width * picture.height * 3)
      _ = vga.text
    }
  }

  @Test func picturesBecomePNGFiles() {
    var picture = Picture(width: 2, height: 1)
    picture.set(1, 0, Picture.Color(red: 1, green: 2, blue: 3))
    let bytes = PNGImage.encode(picture)
    #expect(Array(bytes.prefix(8)) == [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
    // IHDR with its checksum, as any other program computes it.
    #expect(
      Array(bytes[16..<33]) == [0, 0, 0, 2, 0, 0, 0, 1, 8, 2, 0, 0, 0, 0x7B, 0x40, 0xE8, 0xDD])
    #expect(
      Array(bytes.suffix(12)) == [0, 0, 0, 0, 0x49, 0x45, 0x4E, 0x44, 0xAE, 0x42, 0x60, 0x82])
  }
}

extension VGA {
  fileprivate func writeByteThroughWindow(_ value: UInt64) {
    window.write(offset: 0, size: .byte, value: value)
  }
}

/// A sequence of numbers that follows from its seed.
private struct SplitNumbers {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state >> 33
  }
}
