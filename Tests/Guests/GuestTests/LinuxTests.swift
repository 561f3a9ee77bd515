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
