import Debugger
import Emulator
import TestImages
import Testing

@Suite struct MonitorLookingTests {
  @Test func expressionsAreCs() throws {
    let run = try MonitorFixture.summing()
    run("set [0x102000:8] = 0x1122334455667788")
    let cases: [(String, UInt64)] = [
      ("1 + 2 * 3", 7), ("(1 + 2) * 3", 9), ("1 << 4 | 3", 19), ("0x10 - 1", 15),
      ("10 / 3", 3), ("10 % 3", 1), ("~0 & 0xff", 255), ("!5", 0), ("!0", 1), ("5 > 3 && 2 < 1", 0),
      ("5 > 3 || 1 / 0", 1), ("3 == 3", 1), ("3 != 3", 0), ("4 >= 4", 1), ("4 <= 3", 0),
      ("[0x102000]", 0x1122_3344_5566_7788), ("[0x102000:1]", 0x88), ("[0x102000:2] + 1", 0x7789),
      ("phys[0x102004:4]", 0x1122_3344), ("*0x102000", 0x1122_3344_5566_7788),
      ("[main:1]", 0xB9), ("&main", 0x10_0000), ("add + 1", 0x10_0021), ("main == 0x100000", 1),
      ("0b101", 5),
      ("1fh", 31), ("1_000", 1000), ("$cpl", 0), ("-1", .max), ("$rip", 0x10_0000),
      ("1^3", 2), ("2>>1", 1), ("$cr0 & 1", 1), ("0x7fffffffffffffff + 1", 1 << 63),
    ]
    for (text, value) in cases {
      let answer = run("print \(text)")
      #expect(answer.hasPrefix("\(value.hex) = \(value)"), "\(text): \(answer)")
    }
    for text in [
      "1 +", "(1", "[1", "[1:3]", "1 / 0", "$nothing", "nothing", "0x", "12z", "1 2", "",
      "[0xdead00000000]",
    ] {
      #expect(run("print \(text)").hasPrefix("error: "), "\(text)")
    }
    #expect(run("print " + String(repeating: "(", count: 10_000)).hasPrefix("error: "))
    #expect(run("print " + String(repeating: "-", count: 10_000) + "1").hasPrefix("error: "))
  }

  @Test func memoryIsExaminedAsInGDB() throws {
    let run = try MonitorFixture.summing()
    run("set [0x102000:8] = 0x0041424344")
    #expect(run("x/2xb 0x102000") == "0x102000: 0x44  0x43")
    #expect(run("") == "0x102002: 0x42  0x41")
    #expect(run("x/s 0x102000") == "0x102000: \"DCBA\"")
    #expect(run("x/1dw 0x102000") == "0x102000: 1094861636")
    #expect(run("x/1xg 0x102000") == "0x102000: 0x0000000041424344")
    #expect(run("x/2c 0x102000") == "0x102000: 'D'  'C'")
    #expect(run("x/1tb 0x102000") == "0x102000: 01000100")
    #expect(run("xp/1xw 0x102000") == "0x102000: 0x41424344")
    #expect(run("xp /1xw 0x102000") == "0x102000: 0x41424344")
    #expect(run("x/2i main").contains("> 0x100000  mov ecx, 0x0A"))
    #expect(run("x/xg 0x800000000000").contains("cannot be read"))
    #expect(run("x/zz 1").hasPrefix("error:"))
    #expect(run("find 0x102000 0x1000 \"CBA\"") == "0x102001")
    #expect(run("find 0x100000 0x1000 0x0ab9:2") == "0x100000 <main>")
    #expect(run("find 0x100000 0x10 0x1234567890") == "nothing found")
  }

  @Test func codeIsDisassembled() throws {
    let run = try MonitorFixture.summing()
    let text = run("disassemble 0x100007 3")
    #expect(text.hasPrefix("main+0x7:"))
    #expect(text.contains("0x100007  call ") && text.contains("  <add>"), "\(text)")
    #expect(run("dis add 2").contains("add:\n"))
    #expect(run("symbol add").contains("0x100020 <add>, 3 bytes"))
    #expect(run("symbol 0x100021").contains("<add+0x1>"))
  }

  @Test func everyGroupOfRegistersIsShown() throws {
    let run = try MonitorFixture.summing()
    for (group, wanted) in [
      ("general", "rflags"), ("system", "PG"), ("segments", "64-bit code"), ("sse", "mxcsr"),
      ("x87", "empty"), ("debug", "dr7"), ("msr", "IA32_LSTAR"), ("all", "IA32_APIC_BASE"),
    ] {
      #expect(run("registers \(group)").contains(wanted), "\(group)")
    }
    #expect(run("registers no").hasPrefix("error:"))
    #expect(run("r").contains("long mode"))
  }

  @Test func addressesAreExplained() throws {
    let run = try MonitorFixture.summing()
    let text = run("explain main")
    #expect(text.contains("4-level paging, CR3 "))
    #expect(text.contains("PML4 entry 0 at "))
    #expect(text.contains("R/W=1 writable"))
    #expect(text.contains("CPL 0-2: read, write, execute"))
    #expect(text.contains("CPL 3: no read (U/S is clear"))
    #expect(text.contains("writable and executable at once"))
    #expect(text.contains("physical 0x100000: RAM"))
    #expect(run("explain 0x800000000000").contains("not canonical: bits 63 to 47"))
    #expect(run("explain 0x7f0000000000").contains("P is 0 in the PML4 entry"))
    #expect(run("explain 0xfee00020").contains("the local APIC, register 0x20"))
    #expect(run("explain 0xfec00000").contains("IOAPIC, offset 0x0"))
    #expect(run("translate main") == "0x100000 is physical 0x100000")
    #expect(run("translate 0x7f0000000000").hasPrefix("error:"))
    #expect(run("physical 0xfed00010").contains("HPET, offset 0x10"))
    #expect(run("physical").contains("port 0x3f8-0x3ff  UART16550"))
    let map = run("map")
    #expect(map.contains("0000000000000000-"))
    #expect(map.contains("lint: 0x0, "))
    #expect(map.contains("is writable and executable"))
  }

  @Test func rightsFollowTheProcessorsState() throws {
    let run = try MonitorFixture.summing()
    let machine = run.monitor.machine
    let state = machine.processor.cpu.state
    // The page tables of the entry, made user-accessible at each level.
    for step in machine.processor.cpu.walkSteps(LinearAddress(0x10_0000)) {
      let bits = step.entry.rawValue | PageTableEntry.user.rawValue
      _ = withUnsafeBytes(of: bits.littleEndian) { machine.memory.write(step.entryAddress, $0) }
    }
    #expect(run("explain main").contains("CPL 3: read, write, execute"))
    state.pointee.cr4 |= CR4.smep.rawValue | CR4.smap.rawValue
    #expect(run("explain main").contains("no read (CR4.SMAP: a user page, and AC is 0)"))
    #expect(run("explain main").contains("no execute (CR4.SMEP: a user page)"))
    #expect(run("map").contains("lint: user mode can reach the kernel's"))
    state.pointee.cr4 |= CR4.protectionKeyEnable.rawValue
    state.pointee.pkru = 2
    #expect(run("explain main").contains("no write (PKRU forbids writes with key 0)"))
  }

  @Test func tablesAreDecoded() throws {
    let run = try MonitorFixture.summing()
    #expect(run("gdt").contains("64-bit code, readable, DPL 0"))
    #expect(run("gdt").contains("data, writable, DPL 0"))
    #expect(run("ldt") == "no LDT is loaded")
    #expect(run("idt").contains("limit"))
    #expect(
      run("idt 14").contains("vector 14 lies beyond the limit") || run("idt 14").contains("#PF"))
    #expect(run("tss").contains("RSP0"))
  }

  @Test func devicesAreShown() throws {
    let run = try MonitorFixture.summing()
    #expect(run("apic").contains("local APIC 0 at 0xfee00000"))
    #expect(run("ioapic").contains("pin 2"))
    #expect(run("pic").contains("slave 8259: vectors from 0x70"))
    #expect(run("pit").contains("counter 0"))
    #expect(run("hpet").contains("comparator 2"))
    #expect(run("rtc").contains("RTC 20"))
    #expect(run("uart").contains("COM1 at 0x3f8: 115200 baud"))
    #expect(run("pci").contains("00:00.0"))
    #expect(run("devices").contains("UART16550"))
    #expect(run("devices rtc").contains("memory: "))
    #expect(run("devices nothing").hasPrefix("error:"))
  }

  @Test func looksChangeNothing() throws {
    let run = try MonitorFixture.summing()
    run("goto 20")
    let before = run.monitor.machine.stateDigest()
    for name in Monitor.lookingCommands {
      _ = run(name)
      #expect(run.monitor.machine.stateDigest() == before, "\(name)")
    }
    #expect(Monitor.lookingCommands.count > 25)
  }

  @Test func theHelpKnowsEveryCommand() throws {
    let run = try MonitorFixture.summing()
    let text = run("help")
    for name in Monitor.commandNames {
      #expect(run("help \(name)").split(separator: "\n").count >= 2, "\(name)")
    }
    #expect(text.contains("reverse-step") && text.contains("Running:"))
    #expect(run("nonsense").hasPrefix("error: there is no command"))
    #expect(run("re").hasPrefix("error: `re` may be any of these"))
    #expect(run("reg").contains("rflags"))
    #expect(Monitor.completions(of: "reverse-st", run.monitor.symbols).contains("reverse-step"))
    #expect(Monitor.completions(of: "break ma", run.monitor.symbols) == ["main"])
    #expect(Monitor.completions(of: "print [ma", run.monitor.symbols) == ["[main"])
    #expect(Monitor.completions(of: "registers s", run.monitor.symbols).contains("sse"))
    #expect(Monitor.completions(of: "zzz y", run.monitor.symbols).isEmpty)
  }
}
