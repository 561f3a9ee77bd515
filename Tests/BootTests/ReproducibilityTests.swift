import Foundation
import GuestKernel
import Testing

/// The kernel is the same wherever it is built.
@Suite struct ReproducibilityTests {
  /// Debugging information with paths of this machine changes the code beside it, as was seen.
  @Test func programsDoNotKnowWhereTheyWereBuilt() throws {
    let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().path
    let folder = GuestImage.kernel.url.deletingLastPathComponent()
    let files = try FileManager.default.contentsOfDirectory(
      at: folder, includingPropertiesForKeys: nil)
    let programs = files.filter { file in
      file.pathExtension == "dbg" && file.lastPathComponent != "kernel.dbg"
    }
    #expect(programs.count > 10)
    for program in programs {
      let bytes = try Data(contentsOf: program)
      #expect(
        bytes.range(of: Data(package.utf8)) == nil, "\(program.lastPathComponent): \(package)")
    }
  }
}
