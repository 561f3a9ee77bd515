import Debugger
import Emulator
import TestImages
import Testing

/// Swift functions in the monitor, by their short names.
@Suite struct MonitorNameTests {
  /// `MonitorFixture.sum` as two methods of Swift, the second of which has a copy that nobody calls.
  private static let image: [UInt8] = {
    var builder = ELFBuilder(code: MonitorFixture.sum)
    builder.symbols = [
      ("$e6Kernel4BootV4mainyyF", 0x10_0000, 0x20), ("$e6Kernel3SumV3addyyFSi_Tg5", 0x10_0020, 2),
      ("$e6Kernel3SumV3addyyFSb_Tg5", 0x10_0022, 1), ("$e6Kernel3SumV3subyyF", 0x10_0023, 1),
      ("$e6Kernel4DiffV3subyyF", 0x10_0024, 1),
    ]
    return builder.build()
  }()

  private let run: MonitorFixture

  init() throws { run = try MonitorFixture(Self.image) }

  @Test func breakpointsStandAtAllCopies() throws {
    let added = run("break Sum.add")
    #expect(added.split(separator: "\n").count == 2, "\(added)")
    #expect(
      added.contains("breakpoint 1: 0x100020 <generic specialization <Swift.Int> of Kernel.Sum"))
    #expect(added.contains("breakpoint 2: 0x100022 "))
    #expect(run("continue").contains("breakpoint 1: Sum.add\n"))
    #expect(run("print $rip").hasPrefix("0x100020 "))
    #expect(run("continue").contains("breakpoint 2: Sum.add\n"))
  }

  @Test(arguments: [
    ("tbreak Boot.main if $rcx == 10", "breakpoint 1: 0x100000"),
    ("tbreak Kernel.Boot.main()", "breakpoint 1: 0x100000"),
    ("tbreak 'Kernel.Boot.main() -> ()' if 1", "breakpoint 1: 0x100000"),
    ("tbreak Sum.sub cpu 0", "breakpoint 1: 0x100023"),
    ("print Boot.main + 0x10", "0x100010 "),
    ("x/1xb Boot.main", "0x100000 <Kernel.Boot.main() -> ()>: 0xb9"),
    ("disassemble Boot.main() 1", "Kernel.Boot.main() -> ():"), ("explain Sum.sub", "0x100023"),
    ("watch Boot.main", "watchpoint 1: writes of 32 bytes at 0x100000"),
    ("symbol Sum.sub", "0x100023 <Kernel.Sum.sub() -> ()>, 1 bytes"),
    ("print [Boot.main:1]", "0xb9 = 185"),
    ("list Boot.main", "error: the program has no line tables (see --symbols)"),
    ("break Sum.ad", "error: there is no symbol `Sum.ad`; the nearest: Sum.add"),
    (
      "break sub",
      "error: `sub` may be any of these; type the name or the address:\n"
        + "  0x100023  Sum.sub\n  0x100024  Diff.sub"
    ),
    (
      "print Sum.add", "error: `Sum.add` has several copies; type the address of one:\n  0x100020  "
    ),
  ])
  func placesAreFunctions(line: String, answer: String) {
    let text = run(line)
    #expect(text.hasPrefix(answer), "\(text)")
  }

  @Test func namesAreCompleted() {
    let symbols = run.monitor.symbols
    #expect(Monitor.completions(of: "break Su", symbols) == ["Sum.add", "Sum.sub"])
    #expect(Monitor.completions(of: "print 1+Boot.m", symbols) == ["1+Boot.main"])
  }

  @Test func runsGoToFunctions() {
    #expect(run("until Sum.add").contains("<generic specialization <Swift.Int> of Kernel.Sum.add"))
  }
}

/// The same with our own kernel, which the compiler has optimised as it likes.
@Suite struct KernelNameTests {
  /// Names that the kernel's book has, and others that are private, generic, or there as copies only.
  @Test(arguments: [
    "AddressSpace.fault", "Scheduler.schedule", "Fork.fork", "Kmalloc.allocate", "Kmalloc.release",
    "Kernel.Fork.fork(_:stackPointer:)", "IdentifierTable.subscript", "AreaList.Chunk.measure",
    "Namespace.change", "syscall_entry",
  ])
  func theKernelsFunctionsHaveShortNames(name: String) throws {
    let symbols = SymbolTable(try ELFImage(HostFile.read(Guest.kernel), name: "kernel.elf"))
    let meaning = try symbols.meaning(of: name)
    #expect(!meaning.addresses.isEmpty)
    #expect(meaning.symbols.allSatisfy { $0.size > 0 || name == "syscall_entry" })
  }

  /// Whatever may be meant can be typed.
  @Test func everyMeaningHasAName() throws {
    let symbols = SymbolTable(try ELFImage(HostFile.read(Guest.kernel), name: "kernel.elf"))
    for name in ["read", "init", "allocate", "run"] {
      let meanings = symbols.meanings(of: name)
      #expect(meanings.count > 1, "\(name)")
      for meaning in meanings where !meaning.name.hasPrefix("0x") {
        let typed = meaning.name.filter { $0 != "'" }
        #expect(try symbols.meaning(of: typed).addresses == meaning.addresses, "\(meaning.name)")
      }
    }
  }
}
