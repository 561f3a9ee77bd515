import Foundation
import GuestKernel
import TestImages

/// Runs an image in QEMU, the second machine our kernel has to work on.
enum QEMU {
  static let path = "/usr/bin/qemu-system-x86_64"
  static var isPresent: Bool { FileManager.default.isExecutableFile(atPath: path) }

  struct Run {
    var output: String
    var status: Int32
  }

  static func boot(
    commandLine: String, processor: String = "max", machine: String = "q35", extra: [String] = [],
    seconds: Double = 240
  ) throws -> Run {
    try run(
      arguments(commandLine: commandLine, processor: processor, machine: machine) + extra,
      seconds: seconds)
  }

  static func arguments(
    commandLine: String, processor: String = "max", machine: String = "q35"
  ) -> [String] {
    [
      "-kernel", GuestImage.release.url.path, "-append", commandLine, "-M", machine,
      "-cpu", processor,
    ] + common
  }

  static let common = [
    "-m", "128", "-display", "none", "-serial", "stdio", "-no-reboot", "-monitor", "none",
    "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
  ]

  /// Runs until the guest ends, for a minute at most; the guest's COM1 is the output.
  static func run(_ arguments: [String], seconds: Double = 240) throws -> Run {
    let process = Process()
    process.executableURL = URL(filePath: path)
    process.arguments = arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let limit = process.killed(after: seconds)
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    limit.cancel()
    return Run(output: String(decoding: data, as: UTF8.self), status: process.terminationStatus)
  }
}
