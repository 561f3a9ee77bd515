import Foundation
import GuestKernel
import Testing

/// Tools/kconfig, which was built for the build.
@Suite struct ConfigurationToolTests {
  private static let options = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Sources/GuestKernel/kernel.options").path

  private static func run(_ arguments: [String]) throws -> (said: String, status: Int32) {
    let tool = Process()
    let output = Pipe()
    tool.executableURL = GuestImage.kernel.url.deletingLastPathComponent().appending(
      path: "kconfig")
    tool.arguments = arguments
    tool.standardOutput = output
    tool.standardError = output
    try tool.run()
    let said = output.fileHandleForReading.readDataToEndOfFile()
    tool.waitUntilExit()
    return (String(decoding: said, as: UTF8.self), tool.terminationStatus)
  }

  private static func withFile<T>(_ text: String, _ body: (String) throws -> T) throws -> T {
    let file = URL.temporaryDirectory.appending(path: "kconfig-\(UUID())")
    try Data(text.utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    return try body(file.path)
  }

  /// With both, with the one, with the other, with neither.
  @Test func eachPairOfOptionsMeetsInEveryWay() throws {
    let kernels = try Self.run(["pairs", Self.options]).said.split(separator: "\n").map {
      Set($0.split(separator: ","))
    }
    let names = (kernels.first ?? []).sorted()
    #expect(names.count >= 30 && kernels.count <= 10)
    for (index, one) in names.enumerated() {
      for other in names[..<index] {
        let ways = Set(kernels.map { [$0.contains(one), $0.contains(other)] })
        #expect(ways.count == 4, "\(one) \(other)")
      }
    }
  }

  @Test(arguments: [
    ("SMP = banana", "SMP must be yes or no, not banana"),
    ("SMP = yes\nSMP = no", "SMP has two values"), ("NOBODY = yes", "there is no option NOBODY"),
    ("COMPRESSED_SWAP = yes\nSWAP = no", "COMPRESSED_SWAP needs SWAP"),
    ("LOG_SIZE = 12", "LOG_SIZE must be a number from 4096 to 1048576"),
    ("TRACE_RECORDS = 1000", "TRACE_RECORDS must be a power of two"),
    ("rubbish", "not understood: rubbish"), ("SMP =", "not understood: SMP ="),
  ])
  func aWrongConfigurationIsRefused(text: String, sentence: String) throws {
    let run = try Self.withFile(text) { try Self.run(["check", Self.options, $0]) }
    #expect(run.status == 1 && run.said.contains(sentence), "\(run.said)")
  }

  @Test(arguments: [
    ("option A perhaps yes", "A is neither yes-no nor a range like 1..64: perhaps"),
    ("option A 9..1 5", "A is neither yes-no nor a range like 1..64: 9..1"),
    ("option A 1..9 10", "A must be a number from 1 to 9"),
    ("option A yes-no yes needs B", "A needs B, which is no yes-no option before it"),
    ("option A yes-no yes\noption A yes-no no", "A is there twice"),
  ])
  func wrongOptionsAreRefused(text: String, sentence: String) throws {
    let run = try Self.withFile(text) { try Self.run(["minimal", $0]) }
    #expect(run.status == 1 && run.said.contains(sentence), "\(run.said)")
  }

  @Test func theSmallestIsValid() throws {
    let smallest = try Self.run(["minimal", Self.options]).said
    let run = try Self.withFile(smallest) { try Self.run(["check", Self.options, $0]) }
    #expect(run.status == 0, "\(run.said)")
  }
}
