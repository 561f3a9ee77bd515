import Foundation
import Testing

/// The demonstrations of the released kernel have golden traces, which `theKernelsOwnTests` checks.
@Suite struct DemonstrationTests {
  private static let images = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Images").path

  /// A demonstration that is not in the manifest has no golden trace.
  @Test func everyDemonstrationIsInTheManifest() throws {
    let manifest = try String(contentsOfFile: "\(Self.images)/demos.emutest", encoding: .utf8)
    let listing = try Command.run(
      ["boot", "\(Self.images)/kernel.elf", "--append", "quiet cmd=\"demo; poweroff\""])
    let lines = listing.output.split(whereSeparator: \.isNewline)
    let names = lines.drop { !$0.hasSuffix("apus$ demo") }.dropFirst()
      .prefix { !$0.hasPrefix("demo NAME") }.compactMap { $0.split(separator: " ").first }
    #expect(names.count > 40)
    for name in names {
      #expect(manifest.contains("\ntest \(name)\n"), "\(name) is not in Images/demos.emutest")
    }
  }
}
