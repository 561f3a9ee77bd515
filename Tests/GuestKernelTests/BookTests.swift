import Foundation
import Testing

/// The book cites code by name: what it cites must be there.
@Suite struct BookTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
  private static let kernel = root.appending(path: "Sources/GuestKernel")

  private static func files(under folder: URL) -> [URL] {
    let found = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
    return (found?.compactMap { $0 as? URL } ?? []).sorted { $0.path < $1.path }
  }

  static let chapters = files(under: kernel.appending(path: "docs")).filter {
    $0.pathExtension == "md"
  }

  /// All sources as one text, to look names up in.
  private static let sources: String = {
    let types: Set = ["swift", "S", "h", "tbl", "ld", "module"]
    return (files(under: kernel) + files(under: root.appending(path: "Tests")))
      .filter { types.contains($0.pathExtension) }
      .compactMap { try? String(contentsOf: $0, encoding: .utf8) }.joined(separator: "\n")
  }()

  /// What stands between backquotes, outside of code blocks.
  private static func citations(_ chapter: URL) throws -> [String] {
    var spans: [String] = []
    var isCode = false
    for line in try String(contentsOf: chapter, encoding: .utf8).components(separatedBy: "\n") {
      if line.hasPrefix("```") { isCode.toggle() }
      if isCode || line.hasPrefix("    ") { continue }
      for (index, span) in line.components(separatedBy: "`").enumerated() where index % 2 == 1 {
        spans.append(span)
      }
    }
    return spans
  }

  @Test(arguments: BookTests.chapters)
  func citedFilesExist(chapter: URL) throws {
    let places = [
      Self.kernel, Self.root, Self.kernel.appending(path: "docs"),
      Self.kernel.appending(path: "Kernel"),
    ]
    for span in try Self.citations(chapter) {
      guard span.wholeMatch(of: #/[A-Za-z0-9_+.\/-]+\.(swift|S|tbl|ld|h|md|emutest)/#) != nil else {
        continue
      }
      let exists =
        span.contains("/")
        ? places.contains {
          FileManager.default.fileExists(atPath: $0.appending(path: span).path)
        }
        : Self.files(under: Self.kernel).contains { $0.lastPathComponent == span }
          || Self.files(under: Self.root.appending(path: "Tests")).contains {
            $0.lastPathComponent == span
          }
      #expect(exists, "\(chapter.lastPathComponent) cites \(span)")
    }
  }

  @Test(arguments: BookTests.chapters)
  func citedNamesExist(chapter: URL) throws {
    for span in try Self.citations(chapter) {
      guard let match = span.wholeMatch(of: #/([A-Z][A-Za-z0-9]+)\.([a-z][A-Za-z0-9]*)(\(.*\))?/#)
      else { continue }
      let type = String(match.1)
      let member = String(match.2)
      if ["swift", "md", "emutest"].contains(member) { continue }
      let declares = Self.sources.contains(
        try Regex("(class|struct|enum|protocol|typealias|extension) \(type)\\b"))
      #expect(declares, "\(chapter.lastPathComponent) cites the type \(type)")
      let hasMember = Self.sources.contains(
        try Regex("(func|var|let|case|static|init|lazy)[^\\n]*\\b\(member)\\b"))
      #expect(hasMember, "\(chapter.lastPathComponent) cites \(span)")
    }
  }

  @Test(arguments: BookTests.chapters)
  func citedDemonstrationsExist(chapter: URL) throws {
    for span in try Self.citations(chapter) {
      guard let match = span.wholeMatch(of: #/demo ([a-z0-9-]+)/#) else { continue }
      if ["all", "list"].contains(match.1) { continue }
      #expect(
        Self.sources.contains("name: \"\(match.1)\""),
        "\(chapter.lastPathComponent) cites the demonstration \(match.1)")
    }
  }

  /// The contents name every chapter, and name nothing that is not there.
  @Test func contentsAreComplete() throws {
    let folder = Self.kernel.appending(path: "docs")
    let contents = try String(
      contentsOf: folder.appending(path: "README.md"), encoding: .utf8)
    for chapter in Self.chapters where chapter.lastPathComponent != "README.md" {
      let name = chapter.path.components(separatedBy: "/docs/").last ?? ""
      #expect(contents.contains("](\(name))"), "\(name) is not in the contents")
    }
    for match in contents.matches(of: #/\]\(([^)#:]+)\)/#) {
      let file = folder.appending(path: String(match.1))
      #expect(FileManager.default.fileExists(atPath: file.path), "\(match.1) is not there")
    }
  }
}

// MARK: The list of demonstrations

extension BookTests {
  private struct Demonstration: Comparable {
    let name: String
    let summary: String

    static func < (one: Self, other: Self) -> Bool { one.name < other.name }
  }

  /// What stands in the tables of the kernel and of the program `demo`.
  private static func demonstrations() throws -> [Demonstration] {
    var found: [Demonstration] = []
    for folder in ["Kernel/Demos", "User/Programs/demo"] {
      for file in files(under: kernel.appending(path: folder)) where file.pathExtension == "swift" {
        let text = try String(contentsOf: file, encoding: .utf8)
        for match in text.matches(of: #/name: "([a-z0-9-]+)",\s*summary:\s*"([^"]+)"/#) {
          found.append(Demonstration(name: String(match.1), summary: String(match.2)))
        }
      }
    }
    return found.sorted()
  }

  /// The chapters in the order of the contents: their files and titles.
  private static func contents() throws -> [(file: String, title: String, text: String)] {
    let folder = kernel.appending(path: "docs")
    let text = try String(contentsOf: folder.appending(path: "README.md"), encoding: .utf8)
    return try text.matches(of: #/(?m)^[0-9]+\. \[([^\]]+)\]\(([^)]+)\)/#).map { match in
      let file = String(match.2)
      let chapter = try String(contentsOf: folder.appending(path: file), encoding: .utf8)
      return (file, String(match.1), chapter)
    }
  }

  /// `UPDATE_BOOK=1` writes the list anew.
  @Test func everyDemonstrationHasAChapterAndIsListed() throws {
    let chapters = try Self.contents()
    #expect(chapters.count > 25)
    var rows: [String] = []
    for demonstration in try Self.demonstrations() {
      let chapter = chapters.first {
        !$0.file.hasPrefix("booting") && $0.text.contains("`demo \(demonstration.name)`")
      }
      #expect(chapter != nil, "no chapter names demo \(demonstration.name)")
      rows.append(
        "| `demo \(demonstration.name)` | \(demonstration.summary) "
          + "| [\(chapter?.title ?? "")](\(chapter?.file ?? "")) "
          + "| [trace](../../../Images/demos/\(demonstration.name).golden) |")
    }
    #expect(rows.count > 60)
    let file = Self.kernel.appending(path: "docs/demonstrations.md")
    let head = """
      # All demonstrations

      `demo NAME` shows one, `demo all` all of them. Each has a golden trace, which `emu test Images/demos.emutest`
      compares; the list is written by `UPDATE_BOOK=1 swift test --filter BookTests`.

      | command | what it shows | chapter | golden |
      |---|---|---|---|

      """
    let text = head + rows.joined(separator: "\n") + "\n"
    if ProcessInfo.processInfo.environment["UPDATE_BOOK"] == "1" {
      try text.write(to: file, atomically: true, encoding: .utf8)
    }
    let written = try? String(contentsOf: file, encoding: .utf8)
    #expect(
      written == text,
      "docs/demonstrations.md is not up to date: UPDATE_BOOK=1 swift test --filter BookTests")
  }
}
