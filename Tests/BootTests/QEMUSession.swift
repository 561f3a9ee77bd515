import Foundation
import TestImages

/// A machine in QEMU that a test talks to: it types, and waits for what the guest prints.
final class QEMUSession {
  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()
  private(set) var transcript = Data()
  private var searched = 0

  /// With `hasEscape`, Ctrl-A begins what is meant for QEMU itself: Ctrl-A b is a BREAK.
  init(commandLine: String, machine: String = "q35", hasEscape: Bool = false) throws {
    process.executableURL = URL(filePath: QEMU.path)
    let arguments = QEMU.arguments(commandLine: commandLine, machine: machine)
    process.arguments = hasEscape ? arguments.map { $0 == "stdio" ? "mon:stdio" : $0 } : arguments
    process.standardInput = input
    process.standardOutput = output
    try process.run()
  }

  deinit { if process.isRunning { process.terminate() } }

  func type(_ text: String) { input.fileHandleForWriting.write(Data(text.utf8)) }

  /// Reads until the guest has printed `text` after what was waited for before.
  func wait(for text: String, seconds: Double = 30) -> Bool {
    let deadline = Date(timeIntervalSinceNow: seconds)
    while true {
      if let range = transcript.range(of: Data(text.utf8), in: searched..<transcript.count) {
        searched = range.upperBound
        return true
      }
      var event = pollfd(
        fd: output.fileHandleForReading.fileDescriptor, events: Int16(POLLIN), revents: 0)
      guard Date() < deadline, poll(&event, 1, 1000) >= 0 else { return false }
      if event.revents != 0 {
        let data = output.fileHandleForReading.availableData
        if data.isEmpty { return false }
        transcript += data
      }
    }
  }

  /// Types a line at the prompt and waits for the next prompt; returns what stands between.
  func run(_ line: String) -> String {
    let start = transcript.count
    type(line + "\r")
    // A line drawn again starts with a carriage return only.
    guard wait(for: "\napus$ ") else { return "no prompt after \(line)" }
    return String(decoding: transcript.dropFirst(start), as: UTF8.self)
  }

  /// The process that a job has started, from what the shell said of it: `[1] 12`.
  func process(in output: String) -> Int? {
    for line in output.components(separatedBy: "\r\n") where line.hasPrefix("[") {
      let words = line.split(separator: " ")
      if words.count == 2, let number = Int(words[1]) { return number }
    }
    return nil
  }

  func end() -> Int32 {
    try? input.fileHandleForWriting.close()
    process.waitUntilExit(atMost: 60)
    return process.terminationStatus
  }
}
