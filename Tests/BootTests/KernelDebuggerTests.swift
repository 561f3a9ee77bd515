import Foundation
import GuestKernel
import TestImages
import Testing

/// Not part of the suite, whose own attribute asks for it.
private enum GDB {
  static let path = "/usr/bin/gdb"
  static var isPresent: Bool { FileManager.default.isExecutableFile(atPath: path) }
}

/// The kernel's own stub, with a real GDB at the other end of the second serial port.
@Suite(
  .enabled(if: QEMU.isPresent && GDB.isPresent, "QEMU or GDB is not installed"), .serialized)
struct KernelDebuggerTests {
  /// Runs GDB's commands against a machine with that command line; both must end by themselves.
  private static func debug(
    _ script: [String], commandLine: String, processors: String
  ) throws -> (debugger: String, machine: String, status: Int32) {
    // The name of a socket has to be short.
    let folder = URL(filePath: "/tmp/kgdb-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let socket = folder.appending(path: "line").path
    let commands = folder.appending(path: "commands")
    let setup = [
      "set confirm off", "set pagination off", "set remotetimeout 60", "target remote \(socket)",
    ]
    try (setup + script).joined(separator: "\n").write(
      to: commands, atomically: true, encoding: .utf8)

    let machine = Process()
    let output = Pipe()
    machine.executableURL = URL(filePath: QEMU.path)
    machine.arguments =
      QEMU.arguments(commandLine: commandLine)
      + ["-smp", processors, "-serial", "unix:\(socket),server=on,wait=off"]
    machine.standardOutput = output
    machine.standardInput = FileHandle.nullDevice
    try machine.run()
    let limit = machine.killed(after: 120)
    defer { limit.cancel() }
    for _ in 0..<200 where !FileManager.default.fileExists(atPath: socket) { usleep(50_000) }

    let debugger = Process()
    let talk = Pipe()
    debugger.executableURL = URL(filePath: GDB.path)
    debugger.arguments = ["-batch", "-nx", "-x", commands.path, GuestImage.kernel.url.path]
    debugger.standardOutput = talk
    debugger.standardError = talk
    try debugger.run()
    let debuggerLimit = debugger.killed(after: 110)
    let said = talk.fileHandleForReading.readDataToEndOfFile()
    debugger.waitUntilExit()
    debuggerLimit.cancel()
    let printed = output.fileHandleForReading.readDataToEndOfFile()
    machine.waitUntilExit()
    return (
      String(decoding: said, as: UTF8.self), String(decoding: printed, as: UTF8.self),
      machine.terminationStatus
    )
  }

  @Test(arguments: ["1", "4"]) func aDebuggerStopsLooksStepsAndLetsGo(processors: String) throws {
    let run = try Self.debug(
      [
        "bt 3", "break $e6Kernel11SystemCallsO5serveyySpySo10trap_frameaGFZ", "continue", "bt 3",
        "info threads", "stepi",
        "info registers rip", "delete", "continue", "bt 3", "detach",
      ],
      commandLine:
        "quiet kgdb kgdbwait cmd=\"echo g > /proc/sysrq-trigger; hello\" exit debug-exit",
      processors: processors)
    // At boot, by kgdbwait; then by the breakpoint, on whatever processor; then by the letter.
    #expect(run.debugger.contains("in kmain"), "\(run.debugger)")
    #expect(run.debugger.contains("syscall_dispatch (frame="), "\(run.debugger)")
    #expect(run.debugger.contains("in syscall_entry ()"), "\(run.debugger)")
    for index in 0..<(Int(processors) ?? 1) {
      #expect(run.debugger.contains("(processor \(index): "), "\(run.debugger)")
    }
    #expect(run.debugger.contains("MagicKeys"), "\(run.debugger)")
    #expect(run.debugger.contains("detached"), "\(run.debugger)")
    // And the machine goes on as if nothing had been.
    #expect(run.machine.contains("Hello, world!") && run.status == 33, "\(run.machine)")
  }

  /// Breakpoints in what the stub itself runs through stop the kernel, not the stub.
  ///
  /// And the image lies elsewhere, of which the stub tells GDB.
  @Test func breakpointsMayBeAnywhereAndTheImage() throws {
    let run = try Self.debug(
      [
        "break *syscall_dispatch", "continue", "break *swift_retain",
        "break *'$e6Kernel7KmallocO7releaseyySvFZ'", "delete 1", "continue", "bt 1", "delete",
        "detach",
      ],
      commandLine: "quiet kaslr=5 kgdb kgdbwait cmd=\"hello\" exit debug-exit", processors: "2")
    #expect(!run.debugger.contains("Cannot insert"), "\(run.debugger)")
    let first = #/Breakpoint 1, syscall_dispatch/#
    let next = #/Breakpoint [23], .*(swift_retain|KmallocO7release)/#
    #expect(run.debugger.contains(first) && run.debugger.contains(next), "\(run.debugger)")
    #expect(run.machine.contains("Hello, world!") && run.status == 33, "\(run.machine)")
  }

  /// The debug registers of whatever processor writes the variable.
  @Test func aWatchpointStopsAtTheWrite() throws {
    let variable = "$e6Kernel5TraceO7enableds6UInt64VvpZ"
    let run = try Self.debug(
      [
        "watch *(unsigned long *)&'\(variable)'", "continue", "bt 2", "delete",
        "hbreak syscall_dispatch", "continue", "delete", "detach",
      ],
      commandLine: "quiet kgdb kgdbwait cmd=\"trace on sched_switch; hello\" exit debug-exit",
      processors: "2")
    #expect(run.debugger.contains("Old value = 0"), "\(run.debugger)")
    #expect(run.debugger.contains("New value = "), "\(run.debugger)")
    #expect(run.debugger.contains("$e6Kernel5TraceO6enable"), "\(run.debugger)")
    #expect(
      run.debugger.contains("hit Hardware assisted breakpoint")
        || run.debugger.contains("hit Breakpoint 2"), "\(run.debugger)")
    #expect(run.machine.contains("Hello, world!") && run.status == 33, "\(run.machine)")
  }

  @Test func aPanicWaitsForTheDebugger() throws {
    let run = try Self.debug(
      ["continue", "bt 8", "kill"],
      commandLine: "quiet kgdb kgdbwait cmd=\"echo c > /proc/sysrq-trigger\" exit debug-exit",
      processors: "1")
    #expect(run.debugger.contains("Panic"), "\(run.debugger)")
    #expect(run.machine.contains("asked for by /proc/sysrq-trigger"), "\(run.machine)")
    #expect(run.machine.contains("MagicKeys"), "\(run.machine)")
  }
}
