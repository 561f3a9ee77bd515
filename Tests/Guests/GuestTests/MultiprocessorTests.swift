import Emulator
import Foundation
import Testing

/// Debian's cloud kernel on several processors.
@Suite(.enabled(if: Guest.canBoot(LinuxTests.cloud), Guest.absence))
struct MultiprocessorTests {
  private func boot(_ processors: Int, quantum: UInt64? = nil) throws -> LinuxSession {
    let session = try LinuxSession(LinuxTests.cloud) {
      $0.processors = processors
      if let quantum { $0.quantum = quantum }
    }
    try session.bootToShell()
    return session
  }

  @Test(arguments: [nil, 1000, 100_000] as [UInt64?])
  func fourProcessorsComeUpAndWork(quantum: UInt64?) throws {
    let session = try boot(4, quantum: quantum)
    #expect(session.console.contains("smp: Brought up 1 node, 4 CPUs"))
    #expect(try session.run("grep -c ^processor /proc/cpuinfo") == "4")
    let work = "for i in 1 2 3 4; do (seq 1 20000 | gzip -$i | gunzip | sha256sum) & done; wait"
    let sums = try session.run("(\(work)) | cut -c1-16 | sort -u")
    #expect(sums == "f6351f5ead9a700e")
    // Each processor runs what is pinned to it.
    for processor in 0..<4 {
      let mask = String(1 << processor, radix: 16)
      let place = try session.run("taskset \(mask) sh -c 'cut -d\" \" -f39 /proc/self/stat'")
      #expect(place == "\(processor)")
    }
    for word in ["Call Trace", "WARNING", "BUG", "stall", "lockup", "unstable", "Oops"] {
      #expect(!session.console.contains(word))
    }
    session.powerOff()
  }

  /// Whatever the kernel warns of, it is not for the number of processors.
  @Test func fourProcessorsGiveNoMoreWarningsThanOne() throws {
    let warnings = try [1, 4].map { count in
      let session = try boot(count)
      let warnings = try session.warnings()
      session.powerOff()
      return warnings
    }
    #expect(warnings[0].count == warnings[1].count, "\(warnings)")
  }

  @Test func processorsGoAndComeBack() throws {
    let session = try boot(2)
    let file = "/sys/devices/system/cpu/cpu1/online"
    for state in [0, 1, 0, 1] {
      // The kernel says so on the same console first.
      let shown = try session.run("echo \(state) > \(file); cat \(file)")
      #expect(shown.hasSuffix("\(state)"))
      #expect(try session.run("grep -c ^processor /proc/cpuinfo") == "\(state + 1)")
    }
    #expect(try session.run("taskset 2 sh -c 'cut -d\" \" -f39 /proc/self/stat'") == "1")
    session.powerOff()
  }

  /// The same boot again, cut into slices, is the same to the bit.
  @Test func bootsRepeat() throws {
    let whole = try boot(2)
    whole.powerOff()
    let sliced = try LinuxSession(LinuxTests.cloud) { $0.processors = 2 }
    sliced.machine.replay(whole.machine.inputLog)
    var stop = StopReason.instructionLimit
    while stop == .instructionLimit { stop = sliced.machine.run(limit: 7_654_321) }
    #expect(stop == .poweredOff)
    #expect(sliced.machine.instructionCount == whole.machine.instructionCount)
    #expect(sliced.console == whole.console)
    #expect(sliced.machine.stateDigest() == whole.machine.stateDigest())
  }
}
