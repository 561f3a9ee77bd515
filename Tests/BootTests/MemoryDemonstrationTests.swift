import Foundation
import GuestKernel
import Testing

/// Demonstrations of memory management, in QEMU on one processor and on four, and memory that runs past
/// RAM onto a disk.
@Suite(.enabled(if: QEMU.isPresent, "qemu-system-x86_64 is not installed"), .serialized)
struct MemoryDemonstrationTests {
  static let names = [
    "buddy", "slab", "demand-paging", "cow", "aliasing", "page-walk", "stack", "mmap-file",
    "overcommit", "hugepages", "swap", "pressure", "group-memory", "oom", "kaslr",
  ]

  private func passes(_ names: [String], _ options: String, _ extra: [String] = []) throws {
    let commands = names.map { "demo \($0)" }.joined(separator: "; ")
    let run = try QEMU.boot(
      commandLine: "quiet cmd=\"\(commands)\" exit debug-exit \(options)", extra: extra,
      seconds: 180)
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
    try passes(["cow", "page-walk", "kaslr", "modules", "kprobe"], option, ["-smp", "2"])
  }

  /// On the disk itself, and in a file of a file system there; nothing is left behind.
  @Test(arguments: ["1", "4"], [true, false])
  func memoryRunsPastRAMOntoADisk(processors: String, isFile: Bool) throws {
    let disk = URL.temporaryDirectory.appending(path: "swap-\(UUID()).img")
    try Data(count: 48 << 20).write(to: disk)
    defer { try? FileManager.default.removeItem(at: disk) }
    let place = isFile ? "/mnt/swap" : "/dev/vda"
    let preparation =
      isFile
      ? "mkfs /dev/vda; mount -t apusfs /dev/vda /mnt;"
        + " dd if=/dev/zero of=/mnt/swap bs=4096 count=8192; " : ""
    let commands =
      "echo \(place) > /proc/swaps; usertests beyond-ram; cat /proc/vmstat; echo off > /proc/swaps;"
      + " cat /proc/swaps; hello"
    let run = try QEMU.boot(
      commandLine: "quiet cmd=\"\(preparation)\(commands)\" exit debug-exit",
      extra: [
        "-m", "24", "-smp", processors, "-drive", "file=\(disk.path()),format=raw,if=virtio",
      ], seconds: 180)
    #expect(run.status == 33)
    #expect(run.output.contains("1 passed, 0 failed"), "\(run.output)")
    let out = run.output.firstMatch(of: #/pswpout (\d+)/#).flatMap { Int($0.1) } ?? 0
    #expect(out > 2000, "\(run.output)")
    #expect(run.output.contains("Hello, world!") && !run.output.contains("PANIC"))
  }

  @Test func theyPassWithCheckedObjects() throws {
    try passes(["slab", "cow", "mmap-file"], "slabdebug selftest")
  }
}
