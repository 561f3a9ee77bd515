/// What a screen shows in text mode.
public struct ScreenText: Equatable, Sendable {
  /// The rows from the top, in Unicode, without the blanks at their ends.
  public let rows: [String]
  /// The cursor, nil while it is off or out of sight.
  public let cursor: Place?

  /// A cell of the screen.
  public struct Place: Equatable, Sendable {
    /// The row, 0 at the top.
    public let row: Int
    /// The column, 0 at the left.
    public let column: Int
  }

  /// All rows with their line feeds.
  public var text: String { rows.map { $0 + "\n" }.joined() }
}

extension VGA {
  /// The geometry of a text mode.
  struct TextLayout {
    let columns: Int
    let rows: Int
    let lineHeight: Int
    /// Bytes of each plane from one row to the next.
    let pitch: Int
    /// Bytes of each plane from one cell to the next.
    let stride: Int
    /// The first cell's byte.
    let start: Int

    /// Where a cell lies in its plane; the planes wrap around.
    func offset(row: Int, column: Int) -> Int {
      (start &+ row &* pitch &+ column &* stride) & 0xFFFF
    }
  }

  /// The layout of the text mode that is on, nil in a graphics mode.
  var textLayout: TextLayout? {
    guard registers.graphics[6] & 1 == 0, !registers.frameBuffer.isEnabled else { return nil }
    let lineHeight = Int(registers.controller[9] & 0x1F) + 1
    let repeats = registers.controller[9] & 0x80 != 0 ? 2 : 1
    let stride = addressStride
    return TextLayout(
      columns: Int(registers.controller[1]) + 1,
      rows: min(shownLines / repeats / lineHeight, 128), lineHeight: lineHeight,
      pitch: Int(registers.controller[0x13]) * 2 * stride, stride: stride,
      start: startAddress * stride)
  }

  /// The counter value that the screen begins with.
  var startAddress: Int {
    Int(registers.controller[0x0C]) << 8 | Int(registers.controller[0x0D])
  }

  /// How far apart the display's addresses are: bytes, words or doublewords.
  var addressStride: Int {
    if registers.controller[0x14] & 0x40 != 0 { return 4 }
    return registers.controller[0x17] & 0x40 != 0 ? 1 : 2
  }

  /// Whether the screen is dark, whatever stands in memory.
  var isBlank: Bool {
    guard !registers.frameBuffer.isEnabled else { return false }
    return registers.attribute.index & 0x20 == 0 || registers.sequencer[1] & 0x20 != 0
      || registers.controller[0x17] & 0x80 == 0
  }

  /// What the screen shows, nil in a graphics mode.
  public var text: ScreenText? {
    guard let layout = textLayout else { return nil }
    guard !isBlank else { return ScreenText(rows: [], cursor: nil) }
    let rows = (0..<layout.rows).map { row in
      var line = ""
      var blanks = ""
      for column in 0..<layout.columns {
        let code = memory[layout.offset(row: row, column: column) * 4]
        let scalar = CodePage437.scalar(code)
        if scalar == " " {
          blanks.unicodeScalars.append(scalar)
        } else {
          line += blanks
          line.unicodeScalars.append(scalar)
          blanks = ""
        }
      }
      return line
    }
    return ScreenText(rows: rows, cursor: cursor(layout))
  }

  /// The cell of the cursor.
  func cursor(_ layout: TextLayout) -> ScreenText.Place? {
    let isOff = registers.controller[0x0A] & 0x20 != 0
    let address = Int(registers.controller[0x0E]) << 8 | Int(registers.controller[0x0F])
    let distance = address - startAddress
    let width = Int(registers.controller[0x13]) * 2
    guard !isOff, width > 0, distance >= 0 else { return nil }
    let place = ScreenText.Place(row: distance / width, column: distance % width)
    return place.row < layout.rows && place.column < layout.columns ? place : nil
  }
}

/// The characters of the IBM PC in Unicode.
enum CodePage437 {
  private static let low = Array(
    " ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼".unicodeScalars)
  private static let high = Array(
    ("⌂ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌"
      + "█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■ ").unicodeScalars)

  /// The character that a font shows for `code`.
  static func scalar(_ code: UInt8) -> Unicode.Scalar {
    switch code {
    case 0x00..<0x20: Int(code) < low.count ? low[Int(code)] : " "
    case 0x20..<0x7F: Unicode.Scalar(code)
    default: Int(code) - 0x7F < high.count ? high[Int(code) - 0x7F] : " "
    }
  }
}
