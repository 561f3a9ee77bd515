import Foundation
import Oracle
import Testing

/// Runs the rows of every file in `Instructions` on our processor and, where it can, on the host's.
///
/// `UPDATE_GOLDEN=1` rewrites the text and the state after from the host's processor, never from
/// ours.
@Suite struct RowTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "Instructions")

  static var files: [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path())) ?? []
    return names.filter { $0.hasSuffix(".rows") }.sorted()
  }

  @Test(arguments: RowTests.files)
  func rowsHoldOnOurProcessor(_ name: String) throws {
    if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] != nil { try RowTests.update(name) }
    let processor = try #require(EmulatedProcessor())
    try RowTests.check(name, on: processor)
  }

  @Test(.enabled(if: HostProcessor() != nil, "the host must be x86-64 Linux"), arguments: files)
  func rowsHoldOnTheHost(_ name: String) throws {
    // The other test is rewriting the files, from the same host.
    if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] != nil { return }
    let processor = try #require(HostProcessor())
    try RowTests.check(name, on: processor)
  }

  @Test func thereAreRows() throws {
    let count = try RowTests.files.reduce(0) { try $0 + RowFile(RowTests.path($1)).rows.count }
    #expect(count >= 900)
  }

  private static func path(_ name: String) -> URL { folder.appending(path: name) }

  private static func check(_ name: String, on processor: any Processor) throws {
    let file = try RowFile(path(name))
    let outcomes = try file.run(on: processor)
    for (index, (line, row)) in file.rows.enumerated() {
      let item = try file.item(row, image: 0).item
      var disassembler = Disassembler(item.before.width)
      let text = disassembler.text(row.code, at: item.before.rip)
      #expect(row.text == text, "\(name):\(line)")
      guard let masks = Masks(of: item, disassembler: &disassembler) else {
        Issue.record("\(name):\(line): the manual leaves the result of this row undefined")
        continue
      }
      let after = Row.after(item, outcome: outcomes[index], masks: masks)
      #expect(after == row.after, "\(name):\(line): \(row.line)")
    }
  }

  private static func update(_ name: String) throws {
    let host = try #require(HostProcessor(), "rows are written from an x86-64 host only")
    var file = try RowFile(path(name))
    let outcomes = try file.run(on: host)
    for (index, (line, row)) in file.rows.enumerated() {
      let item = try file.item(row, image: 0).item
      var disassembler = Disassembler(item.before.width)
      let masks = try #require(Masks(of: item, disassembler: &disassembler), "\(name):\(line)")
      var updated = row
      updated.text = disassembler.text(row.code, at: item.before.rip)
      updated.after = Row.after(item, outcome: outcomes[index], masks: masks)
      file.replace(line: line, with: updated)
    }
    try file.write(to: path(name))
  }
}

/// A file of rows: its lines, comments included, and which of them are rows.
private struct RowFile {
  private var lines: [String]
  private(set) var rows: [(line: Int, row: Row)] = []

  init(_ url: URL) throws {
    lines = try String(contentsOf: url, encoding: .utf8)
      .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    for (index, line) in lines.enumerated() {
      if let row = try Row(line) { rows.append((index + 1, row)) }
    }
  }

  func item(_ row: Row, image: Int) throws -> (item: Case, image: DataImage) {
    let start = try row.start()
    return (Case(code: row.code, before: start.state, image: image), start.image)
  }

  func run(on processor: any Processor) throws -> [Outcome] {
    var outcomes: [Outcome] = []
    var position = 0
    while position < rows.count {
      let piece = rows[position..<min(position + Batch.capacity, rows.count)]
      var batch = Batch(images: [], cases: [])
      for (_, row) in piece {
        let made = try item(row, image: batch.images.count)
        batch.cases.append(made.item)
        batch.images.append(made.image)
      }
      outcomes += processor.run(batch)
      position += piece.count
    }
    return outcomes
  }

  mutating func replace(line: Int, with row: Row) {
    lines[line - 1] = row.line
  }

  func write(to url: URL) throws {
    try lines.joined(separator: "\n").write(to: url, atomically: true, encoding: .utf8)
  }
}
