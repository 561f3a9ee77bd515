import Foundation
import GuestKernel
import TestImages
import Testing

@Suite(.enabled(if: QEMU.isPresent, "qemu-system-x86_64 is not installed"), .serialized)
struct QEMUTests {
  @Test func bootsToTheShellAndPowersOff() throws {
    let run = try QEMU.boot(commandLine: "cmd=\"hello; ps; poweroff\"")
    #expect(run.status == 0)
    #expect(
      run.output.contains(
        #/apus\$ hello\r\nHello, world! I am process \d+, in ring 3\.\r\n/#))
    #expect(run.output.contains("SMEP, SMAP"))
    #expect(run.output.contains("(reaper)"))
  }

  @Test(arguments: ["qemu64", "Nehalem", "max"])
  func bootsOnEveryProcessor(processor: String) throws {
    let run = try QEMU.boot(
      commandLine: "cmd=\"hello\" exit debug-exit", processor: processor, machine: "pc")
    #expect(run.status == 0x10 << 1 | 1)
    #expect(run.output.contains("Hello, world!"))
  }

  @Test(arguments: [
    ("privileged", "general protection fault (a privileged instruction"),
    ("kernel", "page fault writing to 0x7fff80100000, which belongs to the kernel"),
    ("stack", "stack overflow"),
    ("null", "page fault reading from 0x0, a null pointer"),
    ("divide", "divide error"),
    ("ud", "invalid opcode"),
    ("port", "general protection fault"),
    ("write-text", "which is read-only"),
    ("jump", "page fault jumping to 0x70000000, where nothing is mapped"),
  ])
  func aCrashEndsTheProgramOnly(kind: String, words: String) throws {
    let run = try QEMU.boot(commandLine: "quiet cmd=\"crash \(kind); hello\" exit debug-exit")
    #expect(run.status == 33)
    #expect(run.output.contains(#/crash\[\d+\] killed: /#))
    #expect(run.output.contains(words))
    #expect(run.output.contains("Hello, world!"))
    #expect(!run.output.contains("PANIC"))
  }

  @Test func aBadPointerIsAnError() throws {
    let run = try QEMU.boot(commandLine: "quiet cmd=\"crash pointer; hello\" exit debug-exit")
    #expect(run.status == 33)
    #expect(run.output.components(separatedBy: ": bad address").count == 6)
    #expect(run.output.contains("Hello, world!"))
  }

  @Test(arguments: [
    ("panic", "asked for by a program", "SystemCalls"),
    ("panic stack", "kernel stack overflow", "Mishaps.recurse"),
    ("panic null", "page fault in the kernel reading 0x8, not mapped", "Mishaps.read"),
    ("panic smap", "page fault in the kernel reading 0x3ffffffefff8, user memory", "Mishaps.read"),
    ("panic smep", "page fault in the kernel executing 0x400000, user memory", "SystemCalls.power"),
  ])
  func aPanicNamesTheFunctions(command: String, reason: String, function: String) throws {
    let run = try QEMU.boot(commandLine: "quiet cmd=\"\(command)\" debug-exit")
    #expect(run.status == 0x01 << 1 | 1)
    #expect(run.output.contains("PANIC"))
    #expect(run.output.contains(reason))
    #expect(run.output.contains(function))
    #expect(run.output.contains("syscall_dispatch"))
  }

  @Test func theKernelChecksItself() throws {
    let run = try QEMU.boot(commandLine: "selftest cmd=\"hello\" exit debug-exit")
    #expect(run.status == 33)
    #expect(run.output.components(separatedBy: ": passed\r\n").count == 22)
    #expect(!run.output.contains("FAILED"))
  }

  /// Three programs preempt each other in the middle of floating-point work.
  @Test func floatingPointSurvivesPreemption() throws {
    let line = "primes 3000000 & primes 3000000 & primes 3000000; wait"
    let run = try QEMU.boot(commandLine: "quiet cmd=\"\(line)\" exit debug-exit")
    #expect(run.status == 33)
    let estimate = "the integral of 1/ln x estimates 216969.7"
    #expect(run.output.components(separatedBy: estimate).count == 4, "\(run.output)")
    #expect(run.output.components(separatedBy: "216816 primes up to 3000000").count == 4)
  }

  /// Caches grow at first; what a program would leave behind shows forty times as large after them.
  @Test func programsLeaveNothingBehind() throws {
    let work = String(repeating: "hello;", count: 40) + "crash null;"
    let run = try QEMU.boot(
      commandLine: "quiet cmd=\"\(work) \(work) mem; \(work) \(work) mem\" exit debug-exit")
    #expect(run.status == 33)
    for what in ["  free  ", "in use", "kernel stacks", "page tables"] {
      let lines = run.output.components(separatedBy: "\r\n").filter { $0.contains(what) }
      #expect(lines.count == 2)
      let sizes = lines.compactMap { $0.firstMatch(of: #/(\d+) KiB/#).flatMap { Int($0.1) } }
      #expect(sizes.count == 2 && abs(sizes[0] - sizes[1]) <= 80, "\(lines)")
    }
  }

  @Test func runningOutOfMemoryIsTheProgramsProblem() throws {
    let one = try QEMU.boot(
      commandLine: "quiet cmd=\"primes 10000000; hello\" exit debug-exit", extra: ["-m", "10"])
    #expect(one.status == 33)
    #expect(one.output.contains("out of memory"))
    #expect(one.output.contains("primes: exit code 1"))
    #expect(one.output.contains("Hello, world!"))
  }

  /// So many busy programs that memory has no room for all: some end, the shell gets on.
  @Test func aHundredProgramsInNineMebibytes() throws {
    let many = String(repeating: "spin &", count: 100)
    let run = try QEMU.boot(
      commandLine: "quiet cmd=\"\(many); echo all started\" exit debug-exit", extra: ["-m", "9"],
      seconds: 180)
    #expect(run.status == 33)
    #expect(run.output.contains("out of memory"))
    #expect(run.output.contains("\nall started"))
    #expect(!run.output.contains("PANIC"))
  }

  @Test func aMachineWithoutTablesHasAConsole() throws {
    let session = try QEMUSession(commandLine: "quiet debug-exit", machine: "pc,acpi=off")
    #expect(session.wait(for: "\napus$ "))
    #expect(session.run("echo typed").contains("\ntyped\r\n"))
    #expect(session.run("dmesg").contains("no IOAPIC: interrupts through the 8259s"))
    session.type("poweroff\r")
    #expect(session.end() == 33)
  }

  @Test func rebootLeavesTheMachine() throws {
    let run = try QEMU.boot(commandLine: "quiet cmd=\"reboot\"")
    #expect(run.status == 0)  // -no-reboot turns a reset into the end
    #expect(run.output.contains("apus$ reboot"))
  }

  @Test func aModuleIsAFile() throws {
    let file = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try "a line of text\n".write(to: file, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(at: file) }
    let run = try QEMU.boot(
      commandLine: "quiet cmd=\"ls -l; cat module0\" exit debug-exit",
      extra: ["-initrd", file.path])
    #expect(run.status == 33)
    #expect(run.output.contains(#/ 15 [0-9: -]+ module0\r\n/#))
    #expect(run.output.contains("apus$ cat module0\r\na line of text\r\n"))
  }
}

private let grubRescuePath = "/usr/bin/grub-mkrescue"

@Suite(
  .enabled(
    if: QEMU.isPresent && FileManager.default.isExecutableFile(atPath: grubRescuePath),
    "qemu-system-x86_64 or grub-mkrescue is not installed"))
struct GRUBTests {
  @Test func bootsByMultiboot2WithModules() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    let boot = folder.appending(path: "tree/boot")
    let disc = folder.appending(path: "apus.iso")
    try FileManager.default.createDirectory(
      at: boot.appending(path: "grub"), withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.copyItem(
      at: GuestImage.release.url, to: boot.appending(path: "kernel.elf"))
    try FileManager.default.copyItem(at: GuestImage.hello.url, to: boot.appending(path: "greet"))
    let menu = """
      set timeout=0
      menuentry Apus {
        multiboot2 /boot/kernel.elf cmd="greet GRUB; ls" exit debug-exit
        module2 /boot/greet greet
      }
      """
    try menu.write(
      to: boot.appending(path: "grub/grub.cfg"), atomically: true, encoding: .utf8)
    let maker = Process()
    maker.executableURL = URL(filePath: grubRescuePath)
    maker.arguments = ["-o", disc.path, folder.appending(path: "tree").path]
    maker.standardOutput = FileHandle.nullDevice
    maker.standardError = FileHandle.nullDevice
    try maker.run()
    maker.waitUntilExit(atMost: 60)
    #expect(maker.terminationStatus == 0)
    let run = try QEMU.run(["-M", "q35", "-cpu", "max", "-cdrom", disc.path] + QEMU.common)
    #expect(run.status == 33)
    #expect(run.output.contains("by multiboot2"))
    #expect(run.output.contains("Hello, GRUB!"))
  }
}
