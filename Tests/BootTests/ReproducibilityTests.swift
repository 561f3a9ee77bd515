import Foundation
import GuestKernel
import Testing

/// The kernel is the same wherever it is built.
@Suite struct ReproducibilityTests {
  /// Debugging information with paths of this machine changes the code beside it, as was seen.
  @Test func programsDoNotKnowWhereTheyWereBuilt() throws {
    let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let programs = try FileManager.default.contentsOfDirectory(
      at: package.appending(path: "Sources/GuestKernel/User/Programs"),
      includingPropertiesForKeys: nil)
    #expect(programs.count > 10)
    for program in programs {
      let name = program.lastPathComponent
      let bytes = try Data(
        contentsOf: GuestImage.kernel.url.deletingLastPathComponent().appending(
          path: "\(name).dbg"))
      #expect(bytes.range(of: Data(package.path.utf8)) == nil, "\(name)")
    }
  }
}
