import Foundation
import Testing

/// usertests: passes on this kernel, and fails on one that has been told to make a mistake.
@Suite(.enabled(if: QEMU.isPresent, "qemu-system-x86_64 is not installed"), .serialized)
struct UserTestsTests {
  @Test(arguments: [1, 4])
  func theKernelKeepsItsPromises(processors: Int) throws {
    let run = try QEMU.boot(
      commandLine: "quiet cmd=\"usertests -q\" exit debug-exit", extra: ["-smp", "\(processors)"])
    #expect(run.status == 33)
    #expect(run.output.contains(", 0 failed,"), "\(run.output)")
  }

  /// The fault and a test that has to find it.
  @Test(arguments: [
    ("fork-leak", "exit-codes"), ("wait-lie", "exit-codes"), ("pipe-drop", "pipe"),
    ("signal-loss", "handler"), ("silent-put", "bad-pointers-out"),
  ])
  func aBrokenKernelIsFound(fault: String, test: String) throws {
    let run = try QEMU.boot(
      commandLine: "quiet fault=\(fault) cmd=\"usertests \(test)\" exit debug-exit")
    #expect(run.status == 33)
    #expect(run.output.contains("0 passed, 1 failed"), "\(run.output)")
    let good = try QEMU.boot(commandLine: "quiet cmd=\"usertests \(test)\" exit debug-exit")
    #expect(good.output.contains("1 passed, 0 failed"), "\(good.output)")
  }
}
