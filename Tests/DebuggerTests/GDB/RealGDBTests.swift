import Foundation
import TestImages
import Testing

/// GDB itself, driven through what a user does; each test names its commands and what they show.
@Suite(.enabled(if: RealGDB.isInstalled, "gdb is not installed"), .serialized)
struct RealGDBTests {
  /// Expects the texts in the output, one after the other.
  private func expect(
    _ texts: [String], in output: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    var rest = output[...]
    for text in texts {
      guard let place = rest.firstRange(of: text) else {
        Issue.record("\(text) is not in:\n\(output)", sourceLocation: sourceLocation)
        return
      }
      rest = rest[place.upperBound...]
    }
  }

  // MARK: Modes

  private func firmware(_ options: [String] = []) throws -> RealGDB {
    let folder = FileManager.default.temporaryDirectory
    let path = folder.appending(path: "emu-modes-\(UUID().uuidString).bin")
    try Data(ModeSwitchImage.build()).write(to: path)
    return try RealGDB(nil, ["--bios", path.path, "--vga", "none"] + options)
  }

  @Test func realModeIsSixteenBitCode() throws {
    let output = try firmware().run(
      """
      show architecture
      p/x $eip
      x/i $pc
      break *0xfe000
      continue
      x/2i $pc
      stepi
      stepi
      p/x $eip
      p/x $cs
      p/x $cs_base
      hbreak *0xfe027
      continue
      p/x *(unsigned short *) 0x500
      p $cr0
      """)
    expect(
      [
        "currently \"i8086\"", "$1 = 0xfffffff0", "ljmp   $0xf000,$0xe000",
        "Breakpoint 1, 0x000fe000", "cli", "xor    %ax,%ax", "$2 = 0xfe003", "$3 = 0xf000",
        "$4 = 0xf0000", "Breakpoint 2, 0x000fe027", "0x1234", "[ PE ET NW CD ]",
      ], in: output)
  }

  @Test func oneConnectionGoesThroughAllModes() throws {
    let output = try firmware().run(
      """
      monitor arch i386:x86-64
      unset tdesc filename
      show architecture
      p/x $rip
      break *0xfe000
      continue
      break *0xfe027
      continue
      p/x *(unsigned short *) 0x500
      p/x $cs
      stepi
      p/x $rax
      break *0xfe08f
      continue
      p $efer
      x/i $pc
      stepi
      p/x $rax
      set var *(long *) 0x510 = 41
      break *0xfe0a1
      continue
      continue
      p *(long *) 0x510
      p $cr0
      reverse-continue
      reverse-continue
      p/x $rip
      p $efer
      """)
    expect(
      [
        "currently \"i386:x86-64\"", "$1 = 0xfffffff0", "Breakpoint 1, 0x00000000000fe000",
        "Breakpoint 2, 0x00000000000fe027", "$2 = 0x1234", "$3 = 0x8", "$4 = 0x10",
        "Breakpoint 3, 0x00000000000fe08f", "$5 = [ LME LMA ]", "movabs $0x1122334455667788,%rax",
        "$6 = 0x1122334455667788", "Breakpoint 4", "Breakpoint 4", "$7 = 42", "PG", "Breakpoint 4",
      ], in: output)
  }

  @Test func theDescriptionFollowsTheModeOnRequest() throws {
    let output = try firmware().run(
      """
      break *0xfe027
      continue
      monitor arch mode
      unset tdesc filename
      show architecture
      x/i $pc
      p/x $esp
      break *0xfe08f
      continue
      monitor arch mode
      unset tdesc filename
      show architecture
      x/i $pc
      p/x $rsp
      monitor arch
      """)
    expect(
      [
        "currently \"i386\"", "mov    $0x10,%eax", "$1 = 0x7000", "currently \"i386:x86-64\"",
        "movabs", "$2 = 0x7000", "gdb sees i386:x86-64, the code is i386:x86-64",
      ], in: output)
  }

  @Test func aRefusedArchitectureDoesNotBreakTheConnection() throws {
    let guest = try RealGDB(CompiledGuest.plain())
    let output = try guest.run(
      """
      set architecture i8086
      p/x $rip
      set architecture i386
      stepi
      set architecture auto
      p/x $rip
      """)
    expect(["not recognized", "$1 = 0x100000", "$2 = 0x100005"], in: output)
  }

  // MARK: Code without symbols

  @Test func registersAndMemory() throws {
    let output = try RealGDB(CompiledGuest.plain()).run(
      """
      info registers rip
      set var $rax = 0x1122334455667788
      p/x $eax
      set var $xmm0.v4_int32[1] = 7
      p $xmm0.v4_int32
      set var $ymm1.v4_int64[3] = 9
      p $ymm1.v4_int64
      p $st0
      set var $eflags |= 1
      p $eflags
      info registers system
      info registers msr
      p $cr4
      x/5xb 0x100000
      set var *(int *) 0x110000 = 77
      p *(int *) 0x110000
      maint packet qqemu.PhyMemMode
      maint packet Qqemu.PhyMemMode:1
      info registers
      p *(int *) 0xffffff8000000000
      """)
    // GDB writes lists of registers and results by different ways: their order says nothing.
    for text in [
      "0x100000", "$1 = 0x55667788", "$2 = {0, 7, 0, 0}", "$3 = {0, 0, 0, 9}", "$4 = 0",
      "CF", "cr0", "gdtr_base", "efer", "lstar", "PAE", "0xb8\t0x05", "= 77",
      "received: \"0\"", "received: \"OK\"",
      "Cannot access memory at address 0xffffff8000000000",
    ] {
      #expect(output.contains(text), "\(text)\n\(output)")
    }
  }

  @Test func breakpointsAndWatchpoints() throws {
    let output = try RealGDB(CompiledGuest.plain()).run(
      """
      break *0x100005
      continue
      condition 1 *(int *) 0x110000 == 500
      continue
      p *(int *) 0x110000
      delete
      watch *(int *) 0x110000
      continue
      continue
      delete
      rwatch *(int *) 0x110000
      continue
      delete
      awatch *(int *) 0x110000
      continue
      p/x $rip
      delete
      dprintf *0x100005,"n=%d\\n", *(int *) 0x110000
      set dprintf-style agent
      hbreak *0x10000c if *(int *) 0x110000 == 506
      continue
      """)
    expect(
      [
        "Breakpoint 1, 0x0000000000100005", "$1 = 500", "Old value = 500", "New value = 501",
        "Old value = 501", "New value = 502", "read watchpoint", "acc", "$2 = 0x10000c", "n=504",
        "n=505", "Breakpoint 6",
      ], in: output)
  }

  @Test func detachingAndComingBack() throws {
    let guest = try RealGDB(CompiledGuest.plain())
    let output = try guest.run(
      """
      break *0x100005
      continue
      p *(int *) 0x110000
      detach
      shell sleep 0.2
      target remote :\(guest.port)
      p *(int *) 0x110000 > 1000
      disconnect
      shell sleep 0.2
      target remote :\(guest.port)
      set var *(int *) 0x110000 = 5
      stepi
      p *(int *) 0x110000 <= 6
      shell (sleep 0.1; echo) | nc -w 1 127.0.0.1 \(guest.port) || true
      kill
      """)
    expect(["$1 = 0", "detached", "$2 = 1", "$3 = 1"], in: output)
    for _ in 0..<50 where guest.isGuestRunning { Thread.sleep(forTimeInterval: 0.1) }
    #expect(!guest.isGuestRunning)
  }

  @Test func anotherDebuggerIsRefused() throws {
    let guest = try RealGDB(CompiledGuest.plain())
    let output = try guest.run(
      """
      python
      import socket
      s = socket.create_connection(("127.0.0.1", \(guest.port)))
      s.settimeout(10)
      print("second:", s.recv(100).decode().strip(), s.recv(100))
      end
      p/x $rip
      """)
    expect(["second: emu: another debugger is attached b''", "$1 = 0x100000"], in: output)
  }

  @Test func theMonitorIsReached() throws {
    let output = try RealGDB(CompiledGuest.plain()).run("monitor arch\n")
    expect(["arch is auto; gdb sees i386:x86-64, the code is i386:x86-64"], in: output)
  }

  @Test func ctrlCStopsARunningGuest() throws {
    let output = try RealGDB(CompiledGuest.plain()).run(
      """
      python
      import threading, os, signal
      # The threads of the test's runner block it, and children inherit that.
      signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
      def press(): threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
      press()
      end
      continue
      p *(int *) 0x110000 > 100
      python press()
      continue
      reverse-stepi
      stepi
      p/x $cs
      """)
    expect(
      [
        "Program received signal SIGINT, Interrupt.", "$1 = 1",
        "Program received signal SIGINT, Interrupt.", "$2 = 0x8",
      ], in: output)
  }

  // MARK: Processors

  @Test func processorsAreThreads() throws {
    let image = MultiprocessorImage(processors: 2).build()
    let output = try RealGDB(image, ["--cpus", "2"]).run(
      """
      info threads
      break *0x8000
      continue
      info threads
      p/x $eip
      thread 1
      stepi
      thread 2
      stepi
      stepi
      delete
      reverse-continue
      info threads
      """)
    expect(
      [
        "1    Thread 1 \"CPU 0\" (32-bit code, ring 0)", "Thread 2 \"CPU 1\" (not started)",
      ], in: output)
  }
}
