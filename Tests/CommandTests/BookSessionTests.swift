import Emulator
import EmulatorTesting
import Foundation
import Testing

/// The kernel's book.
enum Book {
  /// A chapter: its path in the project and what it says.
  struct Chapter: CustomTestStringConvertible {
    let name: String
    let text: String

    var testDescription: String { name }
  }

  static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// All chapters, or with `BOOK=slab.md` the one of that name.
  static let chapters: [Chapter] = {
    let folder = "Sources/GuestKernel/docs"
    let path = root.appending(path: folder).path
    let wanted = ProcessInfo.processInfo.environment["BOOK"]
    let files = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return files.filter { $0.hasSuffix(".md") && $0 == wanted ?? $0 }.sorted().compactMap { file in
      let text = try? String(contentsOfFile: "\(path)/\(file)", encoding: .utf8)
      return text.map { Chapter(name: "\(folder)/\(file)", text: $0) }
    }
  }()
}

/// A session at the shell as a chapter shows it.
///
/// The words behind `apus` are the kernel's options, but `cpus=N`, `memory=MiB` and `drive=MiB`, an
/// empty disk, which are the machine's.
private struct Session {
  struct Step {
    /// What the shell shows before the command; `> ` where a command goes on.
    let prompt: String
    let typed: String
    /// The line of the document.
    let line: Int
    var shown: [Substring] = []
  }

  private static let prompts = ["apus$ ", "apus# ", "> "]
  private static let limit = RunLimit(instructions: 60_000_000_000)

  let steps: [Step]
  private let words: [Substring]

  init(_ block: DocumentBlock) {
    words = Array(block.words.dropFirst())
    var steps: [Step] = []
    for (number, line) in zip(block.line..., block.lines) {
      if let prompt = Self.prompts.first(where: { line.hasPrefix($0) }) {
        let typed = String(line.dropFirst(prompt.count))
        steps.append(Step(prompt: prompt, typed: typed, line: number))
      } else if !steps.isEmpty {
        steps[steps.count - 1].shown.append(line)
      }
    }
    self.steps = steps
  }

  private func number(_ name: String) -> Int? {
    words.first { $0.hasPrefix("\(name)=") }.flatMap { Int($0.dropFirst(name.count + 1)) }
  }

  private func machine(_ folder: TemporaryFolder) throws -> Machine {
    let own = ["cpus=", "memory=", "drive="]
    let options = words.filter { word in !own.contains { word.hasPrefix($0) } }
    var configuration = MachineConfiguration(
      commandLine: (["quiet"] + options).joined(separator: " "))
    if let memory = number("memory") { configuration.memory = UInt64(memory) << 20 }
    if let processors = number("cpus") { configuration.processors = processors }
    if let size = number("drive") {
      let file = try folder.file("drive", [])
      try #require(truncate(file, size << 20) == 0)
      configuration.disks = [DiskDrive(try DiskFile(path: file, isReadOnly: true))]
    }
    let kernel = Book.root.appending(path: "Images/kernel.elf").path
    return try Machine(image: .file(kernel), configuration: configuration)
  }

  /// Types everything and gives what came behind each step.
  func run() throws -> [String] {
    let machine = try machine(TemporaryFolder())
    guard let first = steps.first else { return [] }
    try machine.expect(console: .text(first.prompt), within: Self.limit)
    var outputs: [String] = []
    for (index, step) in steps.enumerated() {
      let start = machine.console.output.count
      machine.type(step.typed + "\n")
      let isLast = index == steps.count - 1
      let next = isLast ? step.prompt : steps[index + 1].prompt
      do throws(ExpectationFailure) {
        try machine.expect(console: .text(next), within: Self.limit)
      } catch {
        // `poweroff` may be what was typed last.
        guard isLast, error.stop == .poweredOff else { throw error }
      }
      let bytes = machine.console.output[start...].filter { $0 != UInt8(ascii: "\r") }
      let text = String(decoding: bytes, as: UTF8.self)
      let output = text.drop { $0 != "\n" }.dropFirst()
      outputs.append(String(output.hasSuffix(next) ? output.dropLast(next.count) : output))
    }
    return outputs
  }
}

/// The chapters show sessions at the shell: what they show is what comes.
@Suite struct BookSessionTests {
  static let chapters = Book.chapters.filter { $0.text.contains("\n```apus") }

  @Test(arguments: chapters)
  func sessionsShowWhatComes(chapter: Book.Chapter) throws {
    for block in DocumentBlock.all("apus", in: chapter.text) {
      let session = Session(block)
      #expect(!session.steps.isEmpty, "\(chapter.name):\(block.line): nothing is typed")
      for (step, text) in zip(session.steps, try session.run()) {
        if let difference = ShownOutput(lines: step.shown).difference(text) {
          Issue.record("\(chapter.name):\(step.line): \(step.typed)\n\(difference)")
        }
      }
    }
  }
}
