import Foundation
import Testing

/// Disks that go while somebody uses them, and initial RAM disks that are wrong.
@Suite(.enabled(if: QEMU.isPresent, "qemu-system-x86_64 is not installed"), .serialized)
struct StorageTests {
  /// A file of these bytes, for as long as `body` runs.
  private func withFile<Result>(
    _ bytes: Data, _ body: (String) throws -> Result
  ) throws -> Result {
    let file = URL.temporaryDirectory.appending(path: "apus-\(UUID()).img")
    try bytes.write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    return try body(file.path())
  }

  /// What is under way ends with an error, and so does all that comes; nobody waits for ever.
  @Test(arguments: ["1", "4"]) func aDiskMayGoWhileItIsUsed(processors: String) throws {
    let driver = "/sys/bus/pci/drivers/virtio-blk"
    let commands = """
      mkfs /dev/vda; mount -t apusfs /dev/vda /mnt; echo hello > /mnt/x; sync; \
      (while dd if=/dev/vda of=/dev/null bs=65536 2>/dev/null; do true; done; echo reader ended) & \
      sleep 1; echo 00:07.0 > \(driver)/unbind; wait; echo more > /mnt/y; \
      umount /mnt || echo unmounted; cat /proc/mounts; echo 00:07.0 > \(driver)/bind; \
      ls /dev/vd*; mount -t apusfs /dev/vda /mnt; cat /mnt/x; \
      echo 00:07.0 > \(driver)/unbind; echo 00:07.0 > \(driver)/bind; ls /dev/vd*; echo alive
      """
    let run = try withFile(Data(count: 8 << 20)) { path in
      try QEMU.boot(
        commandLine: "quiet cmd=\"\(commands)\" exit debug-exit",
        extra: [
          "-smp", processors, "-drive", "file=\(path),format=raw,if=none,id=disk",
          "-device", "virtio-blk-pci,drive=disk,addr=7",
        ])
    }
    #expect(run.status == 33, "\(run.output)")
    let said = ["reader ended", "unmounted", "/dev/vda", "hello", "/dev/vdb", "alive"]
    let lines = run.output.split(whereSeparator: \.isNewline).map(String.init)
    #expect(lines.filter(said.contains) == said, "\(run.output)")
    #expect(!lines.contains { $0.hasPrefix("/dev/vda /mnt ") }, "\(run.output)")
    #expect(!run.output.contains("PANIC"), "\(run.output)")
  }

  // MARK: Initial RAM disks

  private func member(_ name: String, _ content: String, mode: Int = 0o100755) -> Data {
    func padded(_ data: Data) -> Data { data + Data(count: (4 - data.count % 4) % 4) }
    var fields = [Int](repeating: 0, count: 13)
    (fields[1], fields[6], fields[11]) = (mode, content.utf8.count, name.utf8.count + 1)
    let numbers = fields.map { String(format: "%08x", $0) }.joined()
    return padded(Data(("070701" + numbers + name + "\0").utf8)) + padded(Data(content.utf8))
  }

  private func boot(_ archive: Data, _ commands: String) throws -> QEMU.Run {
    try withFile(archive) { path in
      try QEMU.boot(
        commandLine: "quiet cmd=\"\(commands); dmesg; hello\" exit debug-exit",
        extra: ["-initrd", path])
    }
  }

  /// Later files take the place of earlier ones; what cannot be is left out, and said.
  @Test func aWrongRAMDiskStopsNothing() throws {
    let (link, directory) = (0o120777, 0o40755)
    let archive =
      member("bin/true", "/bin/hello", mode: link) + member("bin", "no directory")
      + member("bin/ls", "", mode: directory) + member("bin/ls/x", "")
      + member("sys", "x", mode: link) + member("loop", "loop", mode: link) + member("loop/x", "")
      + member(String(repeating: "n", count: 300), "")
      + member("long", String(repeating: "x", count: 5000), mode: link) + member("", "")
      + member("../../above", "the root") + member("./.hidden", "dot") + member("bin/init", "none")
      + member("odd", "", mode: 0o30000) + member("TRAILER!!!", "")
    let run = try boot(archive, "/bin/true; cat /above /.hidden; ls /bin/ls")
    #expect(run.status == 33, "\(run.output)")
    #expect(run.output.contains("module0: bin: "), "\(run.output)")
    #expect(run.output.contains("left out 7 members"), "\(run.output)")
    #expect(run.output.contains("init: "), "\(run.output)")
    #expect(run.output.contains("the rootdot"), "\(run.output)")
    #expect(run.output.components(separatedBy: "Hello, world!").count == 3, "\(run.output)")
    #expect(!run.output.contains("PANIC"), "\(run.output)")
  }

  @Test func aDamagedRAMDiskStopsNothing() throws {
    let first = member("first", "here")
    let run = try boot((first + member("second", "lost")).dropLast(2), "cat /first; ls /second")
    #expect(run.status == 33, "\(run.output)")
    #expect(run.output.contains("module0: damaged from byte \(first.count) on"), "\(run.output)")
    #expect(run.output.contains("here") && run.output.contains("Hello, world!"), "\(run.output)")
  }
}
