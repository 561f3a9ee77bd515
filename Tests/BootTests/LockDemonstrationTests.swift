import Foundation
import GuestKernel
import Testing

/// Demonstrations of waiting, locks and policies, in QEMU on one processor and on four.
@Suite(.enabled(if: QEMU.isPresent, "qemu-system-x86_64 is not installed"), .serialized)
struct LockDemonstrationTests {
  static let names = [
    "race", "deadlock", "philosophers", "producer-consumer", "readers-writers", "wait-queues",
    "completion", "killable", "bottom-halves", "bits", "lock-statistics", "round-robin",
    "queue-device",
  ]

  /// Without and with the validator, which must not suspect what is right.
  @Test(arguments: ["1", "4"], ["", "lockdep slabdebug"])
  func everyDemonstrationPasses(processors: String, options: String) throws {
    let commands = Self.names.map { "demo \($0)" }.joined(separator: "; ")
    let run = try QEMU.boot(
      commandLine: "quiet \(options) cmd=\"\(commands); cat /proc/lockdep\" exit debug-exit",
      extra: ["-smp", processors])
    #expect(run.status == 33)
    for name in Self.names {
      #expect(run.output.contains("demo \(name): passed"), "\(name) \(options):\n\(run.output)")
    }
    #expect(!run.output.contains("PANIC"))
    let suspects = run.output.split(whereSeparator: \.isNewline).filter {
      $0.contains(" is taken ") || $0.hasPrefix("two locks of")
    }
    #expect(suspects.allSatisfy { $0.contains("demo ") }, "\(suspects)")
  }

  /// Counting may begin at any time, and goes on when a module that had locks is gone.
  @Test(arguments: ["1", "4"]) func locksAreCounted(processors: String) throws {
    let commands =
      "echo 1 > /proc/locks; demo modules; modprobe mailbox; rmmod mailbox; cat /proc/locks"
    let run = try QEMU.boot(
      commandLine: "quiet cmd=\"\(commands)\" exit debug-exit", extra: ["-smp", processors])
    #expect(run.status == 33)
    #expect(run.output.contains("demo modules: passed"))
    #expect(run.output.split(whereSeparator: \.isNewline).contains { $0.hasPrefix("run queue ") })
  }
}
