import Foundation
import Testing

/// Every system call is in usertests, so that a broken one is found by something.
@Suite struct CoverageTests {
  private static let kernel = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Sources/GuestKernel")

  /// What usertests do not call by name: it never comes back, or is called by what they stand on.
  private static let exceptions: Set = ["rt_sigreturn"]

  private static func text(_ path: String) throws -> String {
    try String(contentsOf: kernel.appending(path: path), encoding: .utf8)
  }

  @Test func everyCallIsTested() throws {
    let folder = "User/Programs/usertests"
    let names = try FileManager.default.contentsOfDirectory(
      atPath: Self.kernel.appending(path: folder).path)
    let sources = try names.filter { $0.hasSuffix(".swift") }
      .map { try Self.text("\(folder)/\($0)") }.joined(separator: "\n")
    var count = 0
    for line in try Self.text("SystemCalls.tbl").components(separatedBy: "\n") {
      guard let match = line.prefixMatch(of: #/[0-9]+ +([a-z0-9_]+)\(/#) else { continue }
      let name = String(match.1)
      count += 1
      if Self.exceptions.contains(name) { continue }
      let isCalled = sources.contains(try Regex("\\bCall\\.\(name)\\("))
      #expect(isCalled, "no file of \(folder) calls \(name)")
    }
    #expect(count > 150)
  }
}
