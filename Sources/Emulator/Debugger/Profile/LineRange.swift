import Emulator

/// The code of a source line: one row of a line table, with its end.
public struct LineRange: Equatable, Sendable {
  /// The first address.
  public var start: UInt64
  /// The address behind the last.
  public var end: UInt64
  /// The source file.
  public var file: String
  /// The line, from 1 on.
  public var line: Int

  /// Makes a row.
  public init(start: UInt64, end: UInt64, file: String, line: Int) {
    self.start = start
    self.end = end
    self.file = file
    self.line = line
  }

  /// The rows of a kernel's line table in the order of addresses, where the kernel is; none without one.
  public static func table(of image: KernelImage?, slide: ImageSlide? = nil) -> [LineRange] {
    let symbols = ProgramSymbols(image?.elf)
    symbols.place(slide)
    let statements = (symbols.debugFile?.statements ?? []).sorted { $0.address < $1.address }
    var rows: [LineRange] = []
    for (index, statement) in statements.enumerated() {
      var end = index + 1 < statements.count ? statements[index + 1].address : UInt64.max
      // Behind a function there may be padding, or nothing.
      if let (symbol, _) = symbols.table.symbol(at: statement.address), symbol.size > 0 {
        end = min(end, symbol.address &+ symbol.size)
      } else {
        end = min(end, statement.address &+ 16)
      }
      rows.append(
        LineRange(start: statement.address, end: end, file: statement.path, line: statement.line))
    }
    return rows
  }
}
