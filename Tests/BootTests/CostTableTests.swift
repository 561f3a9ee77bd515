import Foundation
import TestImages
import Testing

/// Not part of the suite, whose own attribute asks for it.
private enum Emulator {
  /// Beside the tests, where `swift test` puts it, or else an installed one.
  static let path: String? = {
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    let folders =
      [URL(filePath: own).deletingLastPathComponent().path]
      + path.split(separator: ":").map(String.init)
    return folders.map { $0 + "/emu" }.first {
      FileManager.default.isExecutableFile(atPath: $0)
    }
  }()
}

/// The book's table of costs: what `Images/kernel.elf` measures of itself, to the instruction.
@Suite(.enabled(if: Emulator.path != nil, "emu has not been built"))
struct CostTableTests {
  private static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  private static let chapter = "Sources/GuestKernel/docs/costs.md"

  private func lines(_ text: String) -> [Substring] {
    text.split(separator: "\n").filter { $0.hasPrefix("|") }
  }

  @Test func theTableIsTrue() throws {
    let process = Process()
    process.executableURL = Self.root.appending(path: "Images/update-costs")
    process.arguments = ["--print", Emulator.path ?? ""]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let limit = process.killed(after: 600)
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    limit.cancel()
    #expect(process.terminationStatus == 0)
    let measured = lines(String(decoding: data, as: UTF8.self))
    let text = try String(
      contentsOf: Self.root.appending(path: Self.chapter), encoding: .utf8)
    let written = lines(text)
    #expect(measured.count > 40 && measured.contains { $0.contains("to the prompt") })
    let differences =
      written.filter { !measured.contains($0) }.map { "- \($0)" }
      + measured.filter { !written.contains($0) }.map { "+ \($0)" }
    let explanation =
      "\(Self.chapter) is not what Images/kernel.elf measures: run Images/update-costs\n"
      + differences.joined(separator: "\n")
    #expect(measured == written, "\(explanation)")
  }
}
