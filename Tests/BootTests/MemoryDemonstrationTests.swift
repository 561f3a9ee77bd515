import Foundation
import GuestKernel
import Testing

/// Demonstrations of memory management, in QEMU on one processor and on four.
///
/// Not those of huge pages, whose counts depend on what ran before, and of swapping, which stalls at
/// times on four processors that truly run at once; `Images/demos.emutest` has them all.
@Suite(.enabled(if: QEMU.isPresent, "qemu-system-x86_64 is not installed"), .serialized)
struct MemoryDemonstrationTests {
  static let names = [
    "buddy", "slab", "demand-paging", "cow", "aliasing", "page-walk", "stack", "mmap-file",
    "overcommit", "oom", "kaslr",
  ]

  private func passes(_ names: [String], _ options: String, _ extra: [String] = []) throws {
    let commands = names.map { "demo \($0)" }.joined(separator: "; ")
    let run = try QEMU.boot(
      commandLine: "quiet cmd=\"\(commands)\" exit debug-exit \(options)", extra: extra)
    #expect(run.status == 33)
    for name in names {
      #expect(run.output.contains("demo \(name): passed"), "\(name) \(options):\n\(run.output)")
    }
    #expect(!run.output.contains("PANIC"))
  }

  @Test(arguments: ["1", "4"]) func everyDemonstrationPasses(processors: String) throws {
    try passes(Self.names, "", ["-smp", processors])
  }

  @Test(arguments: ["kaslr=3", "kaslr=77", "kaslr"])
  func theyPassWhereverThingsLie(option: String) throws {
    try passes(["cow", "page-walk", "kaslr"], option)
  }

  @Test func theyPassWithCheckedObjects() throws {
    try passes(["slab", "cow", "mmap-file"], "slabdebug selftest")
  }
}
