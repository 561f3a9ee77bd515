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
    _ = monitor.execute("step 9000000")
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
}
