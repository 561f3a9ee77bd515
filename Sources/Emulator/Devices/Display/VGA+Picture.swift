/// A picture: rows of pixels from the top, each three bytes, red first.
public struct Picture: Equatable, Sendable {
  /// Pixels in a row.
  public let width: Int
  /// Rows.
  public let height: Int
  /// Three bytes for each pixel.
  public internal(set) var bytes: [UInt8]

  /// A black picture.
  package init(width: Int, height: Int) {
    self.width = width
    self.height = height
    bytes = [UInt8](repeating: 0, count: width * height * 3)
  }

  @inline(__always)
  package mutating func set(_ x: Int, _ y: Int, _ color: Color) {
    let at = (y &* width &+ x) &* 3
    bytes[at] = color.red
    bytes[at + 1] = color.green
    bytes[at + 2] = color.blue
  }

  /// A color of eight bits for each part.
  package struct Color: Equatable {
    package var red: UInt8
    package var green: UInt8
    package var blue: UInt8

    /// Makes a color of its parts.
    package init(red: UInt8, green: UInt8, blue: UInt8) {
      self.red = red
      self.green = green
      self.blue = blue
    }
  }
}

extension VGA {
  /// What the screen shows now.
  public var picture: Picture {
    if registers.frameBuffer.isEnabled { return frameBufferPicture() }
    if let layout = textLayout { return textPicture(layout) }
    return graphicsPicture()
  }

  // MARK: Colors

  /// A color of the DAC.
  private func color(_ index: Int) -> Picture.Color {
    let first = (index & Int(registers.palette.mask)) * 3
    let values = registers.palette.values
    func widened(_ value: UInt8) -> UInt8 {
      registers.frameBuffer.hasWidePalette ? value : value << 2 | value >> 4 & 3
    }
    return Picture.Color(
      red: widened(values[first]), green: widened(values[first + 1]),
      blue: widened(values[first + 2]))
  }

  /// The color of a 4-bit pixel, through the attribute controller.
  private func attributeColor(_ pixel: Int) -> Picture.Color {
    let masked = pixel & Int(registers.attribute[0x12] & 0xF)
    var index = Int(registers.attribute[masked] & 0x3F)
    let select = Int(registers.attribute[0x14])
    if registers.attribute[0x10] & 0x80 != 0 { index = index & 0xF | select << 4 & 0x30 }
    return color(index | select << 4 & 0xC0)
  }

  // MARK: Text

  private func textPicture(_ layout: TextLayout) -> Picture {
    let cellWidth = registers.sequencer[1] & 1 != 0 ? 8 : 9
    var picture = Picture(
      width: layout.columns * cellWidth, height: layout.rows * layout.lineHeight)
    guard !isBlank else { return picture }
    let colors = (0..<16).map { attributeColor($0) }
    let cursor = cursor(layout)
    for row in 0..<layout.rows {
      for column in 0..<layout.columns {
        let offset = layout.offset(row: row, column: column) * 4
        let cell = Cell(
          code: memory[offset], attributes: memory[offset + 1], width: cellWidth,
          hasCursor: cursor == ScreenText.Place(row: row, column: column))
        draw(cell, at: (column * cellWidth, row * layout.lineHeight), layout, colors, &picture)
      }
    }
    return picture
  }

  private struct Cell {
    let code: UInt8
    let attributes: UInt8
    let width: Int
    let hasCursor: Bool
  }

  private func draw(
    _ cell: Cell, at place: (x: Int, y: Int), _ layout: TextLayout, _ colors: [Picture.Color],
    _ picture: inout Picture
  ) {
    let blinks = registers.attribute[0x10] & 8 != 0
    let foreground = colors[Int(cell.attributes & 0xF)]
    let background = colors[Int(cell.attributes >> 4 & (blinks ? 7 : 0xF))]
    let font = fontOffset(isSecond: cell.attributes & 8 != 0) + Int(cell.code) * 32
    let cursorLines =
      Int(
        registers.controller[0x0A] & 0x1F)...max(
        Int(registers.controller[0x0A] & 0x1F), Int(registers.controller[0x0B] & 0x1F))
    // Line graphics go on into the ninth column.
    let extends = registers.attribute[0x10] & 4 != 0 && cell.code & 0xE0 == 0xC0
    for line in 0..<layout.lineHeight {
      let dots = memory[(font + line) * 4 + 2]
      let isCursor = cell.hasCursor && cursorLines.contains(line)
      for x in 0..<cell.width {
        let dot = x < 8 ? dots >> UInt8(7 - x) & 1 : extends ? dots & 1 : 0
        picture.set(
          place.x + x, place.y + line, isCursor || dot != 0 ? foreground : background)
      }
    }
  }

  /// Where a font begins in plane 2, by the character map select register.
  private func fontOffset(isSecond: Bool) -> Int {
    let select = Int(registers.sequencer[3])
    // Map A, bits 5, 3 and 2, where attribute bit 3 is on; map B, bits 4, 1 and 0, where not.
    let map = isSecond ? select >> 2 & 3 | select >> 3 & 4 : select & 3 | select >> 2 & 4
    return (map & 3) * 0x4000 + (map >> 2) * 0x2000
  }

  // MARK: Graphics

  private func graphicsPicture() -> Picture {
    let has256Colors = registers.graphics[5] & 0x40 != 0
    let dots = (Int(registers.controller[1]) + 1) * 8
    let width = has256Colors ? dots / 2 : dots
    let repeats =
      (Int(registers.controller[9] & 0x1F) + 1) * (registers.controller[9] & 0x80 != 0 ? 2 : 1)
    let height = max(1, shownLines / repeats)
    var picture = Picture(width: width, height: height)
    guard !isBlank else { return picture }
    let pitch = Int(registers.controller[0x13]) * 2 * addressStride
    for y in 0..<height {
      let line = startAddress * addressStride + y * pitch
      for x in 0..<width {
        let pixel = has256Colors ? packedPixel(line, x) : planePixel(line, x)
        picture.set(x, y, has256Colors ? color(pixel) : attributeColor(pixel))
      }
    }
    return picture
  }

  /// A byte of a plane is a pixel; four pixels stand at each address of the display.
  private func packedPixel(_ line: Int, _ x: Int) -> Int {
    Int(memory[((line + x / 4 * addressStride) & 0xFFFF) * 4 + x % 4])
  }

  /// A bit of each plane makes a pixel; in the modes of the CGA, two bits of one plane.
  private func planePixel(_ line: Int, _ x: Int) -> Int {
    if registers.graphics[5] & 0x20 != 0 {
      let offset = (line + x / 8 * addressStride) & 0xFFFF
      let byte = memory[offset * 4 + (x / 4 & 1)]
      return Int(byte >> UInt8(6 - x % 4 * 2) & 3)
    }
    let planes = memory.planes(at: (line + x / 8 * addressStride) & 0xFFFF)
    let shift = UInt32(7 - x % 8)
    return (0..<4).reduce(0) { $0 | Int(planes >> (UInt32($1 * 8) + shift) & 1) << $1 }
  }

  // MARK: Frame buffer

  private func frameBufferPicture() -> Picture {
    let frame = registers.frameBuffer
    var picture = Picture(width: max(1, frame.width), height: max(1, frame.height))
    guard frame.width > 0, frame.height > 0 else { return picture }
    for y in 0..<frame.height {
      let row = (frame.yOffset + y) * frame.pitch
      for x in 0..<frame.width {
        picture.set(x, y, frameBufferColor(row, frame.xOffset + x, depth: frame.depth))
      }
    }
    return picture
  }

  private func frameBufferColor(_ row: Int, _ x: Int, depth: Int) -> Picture.Color {
    switch depth {
    case 4:
      let planes = memory.planes(at: row / 4 + x / 8)
      let shift = UInt32(7 - x % 8)
      return attributeColor(
        (0..<4).reduce(0) { $0 | Int(planes >> (UInt32($1 * 8) + shift) & 1) << $1 })
    case 8: return color(Int(memory[row + x]))
    case 15, 16:
      let value = Int(memory[row + x * 2]) | Int(memory[row + x * 2 + 1]) << 8
      func widened(_ shift: Int, _ bits: Int) -> UInt8 {
        let part = value >> shift & (1 << bits - 1)
        return UInt8(truncatingIfNeeded: part << (8 - bits) | part >> (bits * 2 - 8))
      }
      return depth == 15
        ? Picture.Color(red: widened(10, 5), green: widened(5, 5), blue: widened(0, 5))
        : Picture.Color(red: widened(11, 5), green: widened(5, 6), blue: widened(0, 5))
    default:
      let at = row + x * depth / 8
      return Picture.Color(red: memory[at + 2], green: memory[at + 1], blue: memory[at])
    }
  }
}
