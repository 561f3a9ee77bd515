import Foundation
import Testing

/// What the released kernel shows: every demonstration says that it passed, and does what its golden
/// trace says.
@Suite struct DemonstrationTests {
  private static let images = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Images").path

  @Test(arguments: ["kernel.emutest", "demos.emutest"])
  func theManifestPasses(name: String) throws {
    let result = try Command.run(["test", "\(Self.images)/\(name)"], seconds: 600)
    #expect(result.status == 0, "\(result.output)\(result.errors)")
  }

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
