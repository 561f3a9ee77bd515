import Foundation

/// Readable names for what the compiler made of Swift's, short enough for a line of a backtrace.
enum Demangler {
  /// Runs the names through `swift-demangle` and shortens what remains.
  static func readable(_ names: [String], by tool: String) throws -> [String] {
    let process = Process()
    let input = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try names.joined(separator: "\n").write(to: input, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(at: input) }
    process.executableURL = URL(filePath: tool)
    process.arguments = ["--compact", "--simplified"]
    process.standardInput = try FileHandle(forReadingFrom: input)
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    let lines = String(decoding: output, as: UTF8.self).split(
      separator: "\n", omittingEmptySubsequences: false)
    guard process.terminationStatus == 0, lines.count >= names.count else {
      throw CocoaError(.executableLoad, userInfo: [NSFilePathErrorKey: tool])
    }
    return lines.prefix(names.count).map { shorten(String($0)) }
  }

  private static func shorten(_ name: String) -> String {
    var name = name
    for noise in [
      "function signature specialization ", "generic specialization ", "generic not re-abstracted ",
      "partial inlined of ", "merged ", "static ", "@objc ",
    ] { name = name.replacingOccurrences(of: noise, with: "") }
    name = name.replacingOccurrences(
      of: "<[^>]*Arg\\[[^>]*> of ", with: "", options: .regularExpression)
    name = name.replacingOccurrences(of: " in _[0-9A-F]{32}", with: "", options: .regularExpression)
    name = name.replacingOccurrences(of: "\"", with: "'").replacingOccurrences(of: "\\", with: "/")
    return name.count > 100 ? String(name.prefix(97)) + "..." : name
  }
}
