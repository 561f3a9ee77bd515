import Emulator
import Foundation
import Testing

/// A Linux kernel with a shell on its serial console.
struct LinuxSession {
  /// More than any boot here takes.
  private static let limit: UInt64 = 20_000_000_000

  let machine: Machine

  init(
    _ package: String, commandLine: String = "console=ttyS0",
    change: (inout MachineConfiguration) throws -> Void = { _ in }
  ) throws {
    let path = try #require(Guest.kernel(package))
    let disk = [UInt8](try Data(contentsOf: Guest.initialRAMDisk))
    var configuration = MachineConfiguration(
      memory: 256 << 20, commandLine: commandLine,
      modules: [BootModule(name: "initramfs", bytes: disk)])
    try change(&configuration)
    machine = try Machine(image: .file(path), configuration: configuration)
  }

  /// Everything the console said.
  var console: String { machine.console.text.withoutReturns }

  /// Boots as far as the shell's prompt.
  func bootToShell() throws {
    let stop = machine.run(until: .console("/ # "), limit: Self.limit)
    try #require(stop == .conditionMet, "\(stop): \(console.suffix(2000))")
  }

  /// What the shell answers to a command.
  func run(_ command: String) throws -> String {
    let before = machine.console.text.utf8.count
    machine.console.send("echo \"<begin>\"; \(command); echo \"<end>\"\n")
    // The echo of the command, which may take several lines, has quotes around the marks.
    let stop = machine.run(until: .console("\n<end>\r\n/ # "), limit: Self.limit)
    let answer = String(decoding: machine.console.text.utf8.dropFirst(before), as: UTF8.self)
      .withoutReturns
    try #require(stop == .conditionMet, "\(stop): \(answer.suffix(2000))")
    // Equal failures would look like equal answers.
    try #require(!answer.contains(": not found"), "\(answer)")
    let lines = answer.split(separator: "\n", omittingEmptySubsequences: false)
    return lines.drop { $0 != "<begin>" }.dropFirst().prefix { $0 != "<end>" }.joined(
      separator: "\n")
  }

  /// Switches the machine off from within.
  func powerOff() {
    machine.console.send("poweroff -f\n")
    let stop = machine.run(limit: Self.limit)
    #expect(stop == .poweredOff)
    #expect(console.contains("reboot: Power down"))
  }

  /// The kernel's messages of level 4, warning, and worse.
  func warnings() throws -> [String] {
    try run("dmesg -r | grep '^<[0-4]>'").split(separator: "\n").map {
      // <4>[    0.012345] text
      String($0.drop { $0 != "]" }.dropFirst(2))
    }
  }
}

extension String {
  /// Without carriage returns, of which one and a line feed are a single `Character`.
  fileprivate var withoutReturns: String {
    String(String.UnicodeScalarView(unicodeScalars.filter { $0 != "\r" }))
  }
}
