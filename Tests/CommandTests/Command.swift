import Foundation
import TestImages
import Testing

/// The built command, run as a process.
struct Command {
  /// How a run ended and what it wrote.
  struct Result {
    let status: Int32
    let isSignal: Bool
    let output: String
    let errors: String
  }

  /// Where `swift test` puts what it builds: beside the tests themselves.
  static let executable: String = {
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return URL(fileURLWithPath: own).deletingLastPathComponent().appending(path: "emu").path
  }()

  /// Runs `emu` with arguments; `shell` runs a line of shell with `$EMU` instead.
  ///
  /// What takes longer than so many seconds is killed.
  static func run(
    _ arguments: [String], input: String? = nil, shell: String? = nil, seconds: Double = 120
  ) throws -> Result {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: shell == nil ? executable : "/bin/sh")
    process.arguments = shell.map { ["-c", $0, "sh"] + arguments } ?? arguments
    process.environment = ProcessInfo.processInfo.environment.merging(["EMU": executable]) { $1 }
    // Files, not pipes: nobody has to read them meanwhile.
    let folder = try TemporaryFolder()
    let output = folder.path("output")
    let errors = folder.path("errors")
    for path in [output, errors] { try Data().write(to: URL(fileURLWithPath: path)) }
    process.standardOutput = FileHandle(forWritingAtPath: output)
    process.standardError = FileHandle(forWritingAtPath: errors)
    if let input {
      let file = folder.path("input")
      try input.write(toFile: file, atomically: false, encoding: .utf8)
      process.standardInput = FileHandle(forReadingAtPath: file)
    } else {
      process.standardInput = FileHandle.nullDevice
    }
    try process.run()
    process.waitUntilExit(atMost: seconds)
    return Result(
      status: process.terminationStatus, isSignal: process.terminationReason == .uncaughtSignal,
      output: try Self.read(output), errors: try Self.read(errors))
  }

  private static func read(_ path: String) throws -> String {
    String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
  }
}

/// A folder that is removed with everything in it.
final class TemporaryFolder {
  private let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: "emu-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  /// The path of a file in the folder.
  func path(_ name: String) -> String { url.appending(path: name).path }

  /// Writes a file and gives its path.
  func file(_ name: String, _ bytes: [UInt8]) throws -> String {
    try Data(bytes).write(to: url.appending(path: name))
    return path(name)
  }
}
