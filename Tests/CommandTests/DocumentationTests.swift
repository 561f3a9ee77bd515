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
  /// What has to be printed; a line `[…]` stands for any lines.
  let output: [Substring]

  /// The lines behind which a block of commands begins.
  static let fence = "```console"
  /// What the monitor's prompt looks like in a document.
  private static let prompt = "(emu) "

  /// Reads the blocks of a document.
  static func all(in text: String) -> [Example] {
    var examples: [Example] = []
    var block: [(Int, Substring)]?
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    {
      if line == fence {
        block = []
      } else if line == "```", let lines = block {
        examples += split(lines)
        block = nil
      } else {
        block?.append((index + 1, line))
      }
    }
    return examples
  }

  private static func split(_ block: [(Int, Substring)]) -> [Example] {
    var examples: [Example] = []
    var rest = block[...]
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
          output: shown.filter { !$0.hasPrefix(prompt) }))
    }
    return examples
  }

  /// Where the output is not what the document has; nil if it is.
  func difference(_ text: String) -> String? {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)[...]
    if lines.last?.isEmpty ?? false { lines.removeLast() }
    let pieces = output.split(separator: "[…]", omittingEmptySubsequences: false)
    for (index, piece) in pieces.enumerated() {
      let isFirst = index == 0
      let isLast = index == pieces.count - 1
      if isFirst && isLast { return Array(lines) == Array(piece) ? nil : text }
      let starts = isFirst ? [lines.startIndex] : Array(lines.indices) + [lines.endIndex]
      let start = starts.first { start in
        let found = lines[start...].prefix(piece.count)
        return found.elementsEqual(piece) && (!isLast || found.endIndex == lines.endIndex)
      }
      guard let start else {
        return
          "after a […], or at the start, there is no\n\(piece.joined(separator: "\n"))\nin\n\(text)"
      }
      lines = lines[(start + piece.count)...]
    }
    return nil
  }
}

/// Documents with commands: each does, as it is written, what the document says.
@Suite struct DocumentationTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  @Test(arguments: ["README.md", "Documentation/DebuggingAGuest.md"])
  func commandsDoWhatIsWritten(name: String) throws {
    let text = try String(contentsOf: Self.root.appending(path: name), encoding: .utf8)
    let examples = Example.all(in: text)
    #expect(!examples.isEmpty)
    for example in examples {
      let output = try run(example)
      if let difference = example.difference(output) {
        Issue.record("\(name):\(example.line): \(example.command)\n\(difference)")
      }
    }
  }

  /// Runs a command in the project's folder, with the built `emu`, and gives all that it prints.
  private func run(_ example: Example) throws -> String {
    let script = "cd \"$1\" && PATH=\"$(dirname \"$EMU\"):$PATH\" && exec 2>&1\n\(example.command)"
    let input = example.input.map { $0 + "\n" }.joined()
    let result = try Command.run([Self.root.path], input: input, shell: script)
    return result.output
  }

  /// The example of a test in Swift is one of the tests.
  @Test func theExampleInSwiftIsATest() throws {
    let readme = try String(contentsOf: Self.root.appending(path: "README.md"), encoding: .utf8)
    let path = "Tests/TestingTests/ExampleTests.swift"
    let example = try String(contentsOf: Self.root.appending(path: path), encoding: .utf8)
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
      c
      ```
      """
    let examples = Example.all(in: text)
    #expect(examples.map(\.command) == ["one \\\n  two", "three"])
    #expect(examples[0].input == ["typed"] && examples[0].line == 2)
    #expect(examples[0].difference("a\nx\ny\nb\n") == nil)
    #expect(examples[0].difference("a\nb") == nil)
    #expect(examples[0].difference("a\nx\nb\ny\n") != nil)
    #expect(examples[0].difference("x\na\nb\n") != nil)
    #expect(examples[1].difference("c\n") == nil && examples[1].difference("d\n") != nil)
  }
}
