import CDw

/// The line table of a compilation unit, in ascending order of addresses.
struct LineTable {
  /// A row: the code from its address to the next row's is of this line.
  struct Row {
    var address: UInt64
    /// Index in `files`.
    var file: Int32
    var line: Int32
    var column: Int32
    /// Whether a breakpoint for the line may stand here.
    var isStatement: Bool
    /// Whether there is no code here any more.
    var isEnd: Bool
  }

  private(set) var rows: [Row] = []
  /// The paths, each once.
  private(set) var files: [String] = []

  /// Reads the table of a unit; an unreadable one is empty.
  init(_ entry: inout Dwarf_Die) {
    var lines: OpaquePointer?
    var count = 0
    guard dwarf_getsrclines(&entry, &lines, &count) == 0, let lines else { return }
    rows.reserveCapacity(count)
    // The library keeps each path once, so that its address names it.
    var known: [UnsafePointer<CChar>: Int32] = [:]
    for index in 0..<count {
      guard let line = dwarf_onesrcline(lines, index) else { continue }
      var row = Row(address: 0, file: 0, line: 0, column: 0, isStatement: false, isEnd: false)
      guard dwarf_lineaddr(line, &row.address) == 0 else { continue }
      _ = dwarf_lineno(line, &row.line)
      _ = dwarf_linecol(line, &row.column)
      _ = dwarf_linebeginstatement(line, &row.isStatement)
      _ = dwarf_lineendsequence(line, &row.isEnd)
      if let path = dwarf_linesrc(line, nil, nil) {
        if let number = known[path] {
          row.file = number
        } else {
          row.file = Int32(truncatingIfNeeded: files.count)
          known[path] = row.file
          files.append(String(cString: path))
        }
      }
      rows.append(row)
    }
  }

  /// The row that an address belongs to.
  func row(at address: UInt64) -> Row? {
    var low = 0
    var high = rows.count
    while low < high {
      let middle = (low + high) / 2
      if rows[middle].address <= address { low = middle + 1 } else { high = middle }
    }
    guard low > 0, !rows[low - 1].isEnd else { return nil }
    return rows[low - 1]
  }

  /// The path of a row's file.
  func path(_ row: Row) -> String? {
    files.indices.contains(Int(row.file)) ? files[Int(row.file)] : nil
  }

  /// The first line not before `line` that has code in a file of that name, and where each piece of
  /// its code begins.
  func code(file: String, line: Int) -> (line: Int, addresses: [UInt64])? {
    let wanted = Set(
      files.indices.filter { SourcePlace.names(file, path: files[$0]) }.map { Int32($0) })
    guard !wanted.isEmpty else { return nil }
    let candidates = rows.filter {
      wanted.contains($0.file) && $0.isStatement && !$0.isEnd && Int($0.line) >= line
    }
    guard let nearest = candidates.map(\.line).min() else { return nil }
    var addresses: [UInt64] = []
    var before: Row?
    for row in rows {
      defer { before = row }
      guard wanted.contains(row.file), row.line == nearest, row.isStatement, !row.isEnd else {
        continue
      }
      if let before, before.line == nearest, before.file == row.file, !before.isEnd { continue }
      addresses.append(row.address)
    }
    return (Int(nearest), addresses)
  }
}
