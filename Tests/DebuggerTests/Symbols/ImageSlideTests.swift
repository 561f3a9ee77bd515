import Debugger
import Emulator
import Testing

/// Names of a kernel that has moved itself.
@Suite struct ImageSlideTests {
  /// What has moved, what lies beside it, and where it would have been.
  @Test func onlyTheImageMoves() {
    let slide = ImageSlide(range: 0x1000..<0x3000, distance: 0x10_0000)
    for (linked, now): (UInt64, UInt64) in [
      (0x1000, 0x10_1000), (0x2fff, 0x10_2fff), (0xfff, 0xfff), (0x3000, 0x3000),
    ] {
      #expect(slide.moved(linked) == now && slide.linked(now) == linked)
    }
    #expect(slide.linked(0x10_3000) == 0x10_3000 && slide.linked(0x10_0fff) == 0x10_0fff)
  }

  /// The monitor finds the kernel in its page tables, and what it stops at has its name.
  @Test(arguments: ["", "kaslr=7", "kaslr=8 pti=on"])
  func theMonitorFollows(option: String) throws {
    let machine = try Guests.kernel("quiet \(option) cmd=hello exit")
    let monitor = Monitor(Debuggee(machine), symbols: ProgramSymbols(machine.image?.elf))
    _ = monitor.execute("step 4000000")
    func place(_ table: SymbolTable) throws -> UInt64 {
      try #require(table.symbols(named: "syscall_entry").first?.address)
    }
    let linked = try place(SymbolTable(machine.image?.elf))
    let now = try place(monitor.symbols.table)
    #expect((now == linked) == option.isEmpty && (now - linked) % (2 << 20) == 0)
    #expect(monitor.execute("break syscall_entry").contains("syscall_entry"))
    let stop = monitor.execute("continue")
    #expect(stop.contains("syscall_entry"), "\(stop)")
    #expect(machine.processor.cpu.instructionPointer.value == now)
  }

  /// A name that was given before the kernel has moved is met where the kernel is then, also on the
  /// way back, and in the past before it moved.
  @Test(arguments: ["", "kaslr=7", "kaslr=8 pti=on"])
  func breakpointsByNameFollow(option: String) throws {
    let machine = try Guests.kernel("quiet \(option) cmd=hello exit")
    let monitor = Monitor(Debuggee(machine), symbols: ProgramSymbols(machine.image?.elf))
    func place(_ name: String) throws -> UInt64 {
      try #require(monitor.symbols.table.symbols(named: name).first?.address)
    }
    let linked = try place("high_start")
    for line in [
      "break high_start", "watch percpu_table", "break syscall_entry if $rip == syscall_entry",
    ] {
      #expect(!monitor.execute(line).hasPrefix("error"))
    }
    #expect(monitor.execute("continue").contains("breakpoint 1: high_start"))
    let start = monitor.debuggee.position
    #expect(try machine.processor.cpu.instructionPointer.value == place("high_start"))
    #expect((try place("high_start") == linked) == option.isEmpty)
    #expect(monitor.execute("continue").contains("watchpoint 2: percpu_table"))
    #expect(monitor.execute("continue").contains("breakpoint 3: syscall_entry"))
    #expect(try machine.processor.cpu.instructionPointer.value == place("syscall_entry"))
    let call = monitor.debuggee.position
    #expect(monitor.execute("info break").contains(try place("high_start").hex))
    #expect(monitor.execute("reverse-continue").contains("watchpoint 2"))
    #expect(monitor.execute("reverse-continue").contains("breakpoint 1"))
    #expect(monitor.debuggee.position == start)
    // Between the page tables and the move the kernel is where it was linked.
    for position in [0, start - 100, start - 1] {
      _ = monitor.execute("goto \(position)")
      #expect(monitor.execute("continue").contains("breakpoint 1: high_start"))
      #expect(monitor.debuggee.position == start)
    }
    _ = monitor.execute("disable 2")
    _ = monitor.execute("goto 0")
    _ = monitor.execute("disable 1")
    #expect(monitor.execute("until syscall_entry").contains("syscall_entry"))
    #expect(monitor.debuggee.position == call && monitor.debuggee.divergence == nil)
  }
}
