import Foundation
import Testing

/// The bundled kernel under the eyes of the emulator: what only its checkers and traces show.
@Suite struct KernelRunTests {
  private static let kernel = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Images/kernel.elf").path
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Everything shows what it promises in one boot, with locks and objects checked, and none is suspect.
  @Test(arguments: [1, 4]) func everythingPasses(processors: Int) throws {
    let commands = "demo all; usertests -q; cat /proc/lockdep"
    let result = try Command.run(
      [
        "boot", Self.kernel, "--cpus", "\(processors)", "--memory", "128M", "--append",
        "quiet lockdep slabdebug cmd=\"\(commands)\" exit",
      ], seconds: 900)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains(" demonstrations, 0 failed"), "\(result.output)")
    #expect(result.output.contains(", 0 failed,"), "\(result.output)")
    #expect(!result.output.contains("PANIC"))
    // The demonstration of the validator makes mistakes on purpose: with locks of its own.
    let suspects = result.output.split(whereSeparator: \.isNewline).filter {
      $0.hasPrefix("order reversal") || $0.hasPrefix("two locks of the class")
        || $0.contains(" is taken by an interrupt handler, and held elsewhere")
        || $0.hasPrefix("an object is made ") && !$0.contains("Demo.")
    }
    #expect(suspects.allSatisfy { $0.contains("demo ") }, "\(suspects)")
  }

  /// More than the boot page tables map: nobody gets a frame there before the kernel's own are in use.
  @Test(arguments: ["3G", "6G"]) func memoryAboveFourGigabytesIsUsed(size: String) throws {
    let result = try Command.run([
      "boot", Self.kernel, "--memory", size, "--cpus", "2", "--append",
      "quiet cmd=\"cat /proc/buddyinfo; hello\" exit",
    ])
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("zone Normal"))
    #expect(result.output.contains("Hello, world!"))
  }

  /// The race is found where nothing has been lost yet; the counter under a lock is not suspected.
  @Test(arguments: [("race_counter", 9), ("race_counter_locked", 0)])
  func theRaceIsFound(variable: String, status: Int32) throws {
    let result = try Command.run([
      "boot", Self.kernel, "--cpus", "2", "--memory", "128M", "--check", "locks", "--locks",
      "race_lock:race_unlock", "--shared", variable, "--append", "quiet cmd=\"demo race\" exit",
    ])
    #expect(result.output.contains("demo race: passed"))
    #expect(result.status == status, "\(result.errors)")
    #expect(
      result.errors.contains("\(variable) is accessed here and elsewhere without a common lock")
        == (status != 0))
  }

  /// A timeline has threads, address spaces and system calls by name, for each processor.
  @Test func timelinesHaveNames() throws {
    let file = folder.path("threads.etr")
    let record = try Command.run([
      "trace", "record", Self.kernel, "--cpus", "2", "--memory", "128M", "-o", file, "--append",
      "quiet announce cmd=\"hello; demo completion\" exit",
    ])
    #expect(record.status == 0, "\(record.errors)")
    let export = try Command.run(["trace", "export", file, "--format", "perfetto"])
    let json = try JSONSerialization.jsonObject(with: Data(export.output.utf8)) as? [String: Any]
    let events = try #require(json?["traceEvents"] as? [[String: Any]])
    func slices(_ row: Int) -> Set<String> {
      Set(
        events.filter { event in
          event["ph"] as? String == "X" && event["pid"] as? Int == 1
            && event["tid"] as? Int == row
        }.compactMap { $0["name"] as? String })
    }
    // The fourth row of each processor.
    let names = slices(3).union(slices(13))
    #expect(names.isSuperset(of: ["init", "sh", "hello", "demo", "demo-completion"]), "\(names)")
    #expect(!slices(3).isEmpty && !slices(13).isEmpty)
    let spaces = slices(2).union(slices(12))
    #expect(spaces.isSuperset(of: ["kernel", "init", "sh", "hello", "demo"]), "\(spaces)")
    let calls = Set(
      events.filter { $0["ph"] as? String == "B" }.compactMap { $0["name"] as? String })
    #expect(calls.isSuperset(of: ["fork", "execve", "write", "exit_group"]), "\(calls)")
    #expect(!calls.contains { $0.hasPrefix("system call") })
    let rows = events.compactMap { ($0["args"] as? [String: Any])?["name"] as? String }
    #expect(rows.contains("cpu 0: threads") && rows.contains("cpu 1: threads"))
    #expect(rows.contains { $0.hasPrefix("hello (") })
  }
}
