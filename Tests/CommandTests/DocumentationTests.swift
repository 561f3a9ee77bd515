import Foundation
import Testing

/// A command of a document, with what it prints.
private struct Example {
  /// The line of the document.
  let line: Int
  /// What a shell gets.
  let command: String
  /// What is typed, a line each.
  let input: [String]
  let output: ShownOutput

  /// What the monitor's prompt looks like in a document.
  private static let prompt = "(emu) "

  /// The commands of a document's blocks, block by block.
  static func all(in text: String) -> [[Example]] {
    DocumentBlock.all("console", in: text).map(split)
  }

  private static func split(_ block: DocumentBlock) -> [Example] {
    var examples: [Example] = []
    var rest = zip(block.line..., block.lines).map { ($0, $1) }[...]
    while let (line, first) = rest.popFirst() {
      guard first.hasPrefix("$ ") else { continue }
      var command = String(first.dropFirst(2))
      while command.hasSuffix("\\"), let more = rest.popFirst() { command += "\n" + more.1 }
      let shown = rest.prefix { !$0.1.hasPrefix("$ ") }.map(\.1)
      rest = rest.dropFirst(shown.count)
      examples.append(
        Example(
          line: line, command: command,
          input: shown.filter { $0.hasPrefix(prompt) }.map { String($0.dropFirst(prompt.count)) },
          output: ShownOutput(lines: shown.filter { !$0.hasPrefix(prompt) })))
    }
    return examples
  }
}

/// Documents with commands: each does, as it is written, what the document says.
@Suite struct DocumentationTests {
  /// The chapters of the kernel's book that show commands of the host; `BOOK=slab.md` chooses one.
  static let chapters = Book.chapters.filter { $0.text.contains("\n```console") }.map(\.name)

  @Test(
    arguments: ["README.md", "Sources/Emulator/Debugger/DebuggingAGuest.md"] + chapters)
  func commandsDoWhatIsWritten(name: String) throws {
    let text = try String(contentsOf: Book.root.appending(path: name), encoding: .utf8)
    let blocks = Example.all(in: text)
    #expect(!blocks.isEmpty)
    let folder = try TemporaryFolder()
    for entry in ["Images", "Sources", "Tests"] {
      try FileManager.default.createSymbolicLink(
        atPath: folder.path(entry), withDestinationPath: Book.root.appending(path: entry).path)
    }
    for example in blocks.joined() {
      let output = try run(example, in: folder)
      if let difference = example.output.difference(output) {
        Issue.record("\(name):\(example.line): \(example.command)\n\(difference)")
      }
    }
  }

  /// Runs a command in a folder that looks like the project's, with the built `emu`, and gives all
  /// that it prints.
  private func run(_ example: Example, in folder: TemporaryFolder) throws -> String {
    let script = "cd \"$1\" && PATH=\"$(dirname \"$EMU\"):$PATH\" && exec 2>&1\n\(example.command)"
    let input = example.input.map { $0 + "\n" }.joined()
    let result = try Command.run([folder.path("")], input: input, shell: script)
    return result.output
  }

  /// The example of a test in Swift is one of the tests.
  @Test func theExampleInSwiftIsATest() throws {
    let readme = try String(contentsOf: Book.root.appending(path: "README.md"), encoding: .utf8)
    let path = "Tests/TestingTests/ExampleTests.swift"
    let example = try String(contentsOf: Book.root.appending(path: path), encoding: .utf8)
    #expect(readme.contains("```swift\n\(example)```\n"))
  }

  @Test func outputIsCompared() throws {
    let text = """
      ```console
      $ one \\
        two
      (emu) typed
      a
      […]
      b
      $ three
      c … d … e
      ```
      """
    let examples = Array(Example.all(in: text).joined())
    #expect(examples.map(\.command) == ["one \\\n  two", "three"])
    #expect(examples[0].input == ["typed"] && examples[0].line == 2)
    let output = examples[0].output
    #expect(output.difference("a\nx\ny\nb\n") == nil)
    #expect(output.difference("a  \r\nb") == nil)
    #expect(output.difference("a\nx\nb\ny\n") != nil)
    #expect(output.difference("x\na\nb\n") != nil)
    #expect(examples[1].output.difference("c 5 d 77 e\n") == nil)
    #expect(examples[1].output.difference("c 5 e\n") != nil)
    #expect(examples[1].output.difference("c 5 d 77 e f\n") != nil)
  }
}
