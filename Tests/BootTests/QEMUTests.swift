import Foundation
import GuestKernel
import Testing

@Suite(.enabled(if: QEMU.isPresent, "qemu-system-x86_64 is not installed"), .serialized)
struct QEMUTests {
  @Test func bootsToTheShellAndPowersOff() throws {
    let run = try QEMU.boot(commandLine: "cmd=\"hello; ps; poweroff\"")
    #expect(run.status == 0)
    #expect(run.output.contains("apus$ hello\r\nHello, world! I am process 4, in ring 3.\r\n"))
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
    #expect(run.output.contains("crash[4] killed: "))
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
    ("panic null", "page fault in the kernel reading 0x8", "Mishaps.readNull"),
  ])
  func aPanicNamesTheFunctions(command: String, reason: String, function: String) throws {
    let run = try QEMU.boot(commandLine: "quiet cmd=\"\(command)\" debug-exit")
    #expect(run.status == 0x01 << 1 | 1)
    #expect(run.output.contains("PANIC"))
    #expect(run.output.contains(reason))
    #expect(run.output.contains(function))
    #expect(run.output.contains("syscall_dispatch"))
  }
}
