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

  /// What the sources declare.
  private struct Declarations {
    var types: Set<Substring> = []
    /// Every word of a line that declares a member.
    var members: Set<Substring> = []
    var demonstrations: Set<Substring> = []

    private static let typeWords: Set<Substring> = [
      "class", "struct", "enum", "protocol", "typealias", "extension",
    ]
    private static let memberWords: Set<Substring> = [
      "func", "var", "let", "case", "static", "init", "lazy",
    ]

    mutating func add(_ line: Substring) {
      let words = line.split { !$0.isLetter && !$0.isNumber && $0 != "_" }
      for (word, name) in zip(words, words.dropFirst()) where Self.typeWords.contains(word) {
        types.insert(name)
      }
      if words.contains(where: Self.memberWords.contains) { members.formUnion(words) }
      if let name = line.firstRange(of: "name: \"") {
        demonstrations.insert(line[name.upperBound...].prefix { $0 != "\"" })
      }
    }
  }

  private static let declarations: Declarations = {
    let types: Set = ["swift", "S", "h", "tbl", "ld", "module"]
    var declarations = Declarations()
    for file in files(under: kernel) + files(under: root.appending(path: "Tests"))
    where types.contains(file.pathExtension) {
      guard let text = try? String(contentsOf: file, encoding: .utf8) else { continue }
      for line in text.split(whereSeparator: \.isNewline) { declarations.add(line) }
    }
    return declarations
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
      if ["swift", "h", "md", "emutest"].contains(member) { continue }
      let declares = Self.declarations.types.contains(type[...])
      #expect(declares, "\(chapter.lastPathComponent) cites the type \(type)")
      let hasMember = Self.declarations.members.contains(member[...])
      #expect(hasMember, "\(chapter.lastPathComponent) cites \(span)")
    }
  }

  @Test(arguments: BookTests.chapters)
  func citedDemonstrationsExist(chapter: URL) throws {
    for span in try Self.citations(chapter) {
      guard let match = span.wholeMatch(of: #/demo ([a-z0-9-]+)/#) else { continue }
      if ["all", "list"].contains(match.1) { continue }
      #expect(
        Self.declarations.demonstrations.contains(match.1),
        "\(chapter.lastPathComponent) cites the demonstration \(match.1)")
    }
  }

  /// Code under a line that cites a file is a quotation: each of its lines is in that file.
  ///
  /// What a quotation leaves out stands as a line `// ...`.
  @Test(arguments: BookTests.chapters)
  func quotationsAreExact(chapter: URL) throws {
    let name = chapter.lastPathComponent
    var source: Set<Substring>?
    var file = ""
    var isCode = false
    var above = ""
    for line in try String(contentsOf: chapter, encoding: .utf8).components(separatedBy: "\n") {
      if line.hasPrefix("```") {
        isCode.toggle()
        source = nil
        if isCode, ["```swift", "```asm"].contains(line), let cited = Self.citedFile(above) {
          file = cited
          let found = try #require(Self.path(of: file), "\(name) quotes \(file)")
          let text = try String(contentsOf: found, encoding: .utf8)
          source = Set(text.split(separator: "\n").map(Self.trimmed))
        }
      } else if isCode, let source {
        let quoted = Self.trimmed(line[...])
        if quoted.isEmpty || quoted == "// ..." { continue }
        #expect(source.contains(quoted), "\(name) quotes from \(file): \(quoted)")
      } else if !line.isEmpty {
        above = line
      }
    }
  }

  /// The file that a line cites at its end: "..., in `Kernel/Memory/SlabCache.swift`:".
  private static func citedFile(_ line: String) -> String? {
    line.firstMatch(of: #/`([A-Za-z0-9_+.\/-]+\.(?:swift|S|tbl|ld|h))`:?$/#).map { String($0.1) }
  }

  private static func path(of file: String) -> URL? {
    let places = [kernel, root, kernel.appending(path: "Kernel")].map { $0.appending(path: file) }
    return places.first { FileManager.default.fileExists(atPath: $0.path) }
      ?? files(under: kernel).first { $0.lastPathComponent == file }
  }

  private static func trimmed(_ line: Substring) -> Substring {
    var line = line.drop { $0 == " " || $0 == "\t" }
    while line.last == " " { line.removeLast() }
    return line
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
        for match in text.matches(of: #/name: "([a-z0-9-]+)",\s*summary:\s*"((?:[^"\\]|\\.)+)"/#) {
          let summary = String(match.2).replacing(#"\""#, with: "\"")
          found.append(Demonstration(name: String(match.1), summary: summary))
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
      let ways = ["`demo \(demonstration.name)`", "apus$ demo \(demonstration.name)\n"]
      let chapter = chapters.first { chapter in
        !chapter.file.hasPrefix("booting") && ways.contains { chapter.text.contains($0) }
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
