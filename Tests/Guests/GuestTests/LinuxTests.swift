import Emulator
import Foundation
import Testing

/// Debian's kernels, as they are in their packages, to a shell and to power-off.
@Suite struct LinuxTests {
  static let cloud = "linux-image-cloud-amd64"
  static let generic = "linux-image-amd64"

  /// Warnings that QEMU's machines give as well, or that say what this machine has not.
  private static let expectedWarnings: [String] = []

  private func check(_ session: LinuxSession) throws {
    try session.bootToShell()
    #expect(try session.run("echo $((6 * 7))") == "42")
    #expect(try session.run("uname -m") == "x86_64")
    #expect(try session.run("seq 1 20000 | sha256sum | cut -c1-16") == "f6351f5ead9a700e")
    #expect(
      try session.run("seq 9999 | gzip | gunzip > /tmp/a; seq 9999 | cmp - /tmp/a && echo same")
        == "same")
    #expect(try session.run("dd if=/dev/zero bs=64k count=64 2>/dev/null | wc -c") == "4194304")
    #expect(try session.run("cat /sys/devices/system/clocksource/*/current_clocksource") == "tsc")
    #expect(try session.run("awk 'BEGIN { print 1 / 3, 2.5 * 1.1 }'") == "0.333333 2.75")
    let warnings = try session.warnings()
    for warning in warnings {
      #expect(Self.expectedWarnings.contains { warning.contains($0) }, "\(warning)")
    }
    for word in ["Call Trace", "WARNING", "BUG", "RIP:", "Oops"] {
      #expect(!session.console.contains(word))
    }
    session.powerOff()
  }

  @Test(.enabled(if: Guest.canBoot(cloud), Guest.absence))
  func cloudKernel() throws {
    try check(LinuxSession(Self.cloud))
  }

  @Test(.enabled(if: Guest.canBoot(cloud), Guest.absence))
  func cloudKernelBy32BitEntry() throws {
    try check(LinuxSession(Self.cloud) { $0.linuxEntry = .protected })
  }

  @Test(.enabled(if: Guest.canBoot(generic), Guest.absence))
  func genericKernel() throws {
    try check(LinuxSession(Self.generic))
  }

  /// What /proc/cpuinfo says for each model, and what it must not say.
  private static let models: [(model: ProcessorModel, has: [String], lacks: [String])] = [
    (.v1, ["sse2"], ["ssse3", "sse4_2", "popcnt", "avx2"]),
    (.v2, ["ssse3", "sse4_2", "popcnt", "cx16"], ["avx", "avx2", "bmi1", "fma"]),
    (.v3, ["avx2", "bmi2", "fma", "f16c", "movbe"], ["sha_ni", "aes", "pku"]),
  ]

  @Test(.enabled(if: Guest.canBoot(cloud), Guest.absence), arguments: 0..<3)
  func cloudKernelOnEachModel(index: Int) throws {
    let row = Self.models[index]
    let session = try LinuxSession(Self.cloud, commandLine: "console=ttyS0 quiet") {
      $0.processorModel = row.model
    }
    try session.bootToShell()
    let flags = try session.run("grep -m1 ^flags /proc/cpuinfo").split(separator: " ")
    for flag in row.has { #expect(flags.contains(Substring(flag)), "\(flag)") }
    for flag in row.lacks { #expect(!flags.contains(Substring(flag)), "\(flag)") }
    #expect(try session.run("seq 1 20000 | sha256sum | cut -c1-16") == "f6351f5ead9a700e")
    #expect(try session.run("awk 'BEGIN { print 1 / 3, 2.5 * 1.1 }'") == "0.333333 2.75")
    let warnings = try session.warnings()
    #expect(warnings.isEmpty, "\(warnings)")
    session.powerOff()
  }

  /// A script that waits for the prompt loses nothing.
  @Test(.enabled(if: Guest.canBoot(cloud), Guest.absence))
  func aScriptIsTypedLineByLine() throws {
    let session = try LinuxSession(Self.cloud, commandLine: "console=ttyS0 quiet")
    let script = InputScript(
      Array("x=7\necho \"<$((6 * x))>\"\npoweroff -f\n".utf8), prompt: try OutputPattern("^/ # $"))
    var prompts = 0
    while session.machine.run(
      until: .output { script.isPrompt(next: $0) }, limit: 20_000_000_000) == .conditionMet
    {
      prompts += 1
      session.machine.console.send(script.nextLine())
    }
    #expect(prompts == 3)
    #expect(session.console.contains("\n<42>\n"))
    #expect(session.console.contains("x=7\n"))
    #expect(session.console.contains("reboot: Power down"))
  }

  /// The same boot again, cut into slices, is the same to the bit.
  @Test(.enabled(if: Guest.canBoot(cloud), Guest.absence))
  func bootsRepeat() throws {
    let whole = try LinuxSession(Self.cloud, commandLine: "console=ttyS0 quiet")
    try whole.bootToShell()
    whole.powerOff()
    let sliced = try LinuxSession(Self.cloud, commandLine: "console=ttyS0 quiet")
    sliced.machine.replay(whole.machine.inputLog)
    var stop = StopReason.instructionLimit
    while stop == .instructionLimit { stop = sliced.machine.run(limit: 7_654_321) }
    #expect(stop == .poweredOff)
    #expect(sliced.machine.instructionCount == whole.machine.instructionCount)
    #expect(sliced.console == whole.console)
    #expect(sliced.machine.stateDigest() == whole.machine.stateDigest())
  }
}
