import Debugger
import Emulator
import TestImages
import Testing

@Suite(.enabled(if: CompiledKernel.isAvailable, "no clang or no ld.lld in the search path"))
struct CompiledProgramTests {
  static let flags = [
    ["-O1"], ["-O1", "-fomit-frame-pointer"], ["-O2", "-fomit-frame-pointer", "-gdwarf-4"],
    ["-O1", "-g0"],
  ]

  private func program(_ flags: [String] = ["-O1"]) throws -> (Machine, ProgramSymbols) {
    let image = try #require(try CompiledKernel.build(CompiledKernel.interrupted, flags: flags))
    let machine = try Guests.image(image)
    return (machine, ProgramSymbols(machine.image?.elf))
  }

  private func line(of text: String) -> Int {
    let lines = CompiledKernel.interrupted.split(separator: "\n", omittingEmptySubsequences: false)
    return (lines.firstIndex { $0.contains(text) } ?? -2) + 1
  }

  @Test func addressesHaveLinesAndFunctionsInlinedOnesToo() throws {
    let (machine, symbols) = try program()
    _ = machine.run(limit: 1_000_000)
    let interrupted = try #require(machine.processor.recorder.deliveries.last)
    #expect(interrupted.vector == 3)
    let places = symbols.places(at: interrupted.rip - 1)
    #expect(places.map(\.function) == ["inner", "middle"])
    #expect(places.map(\.isInlined) == [true, false])
    #expect(places.map(\.file) == ["kernel.c", "kernel.c"])
    #expect(places.map(\.line) == [line(of: "int3"), line(of: "return inner(x)")])
    #expect(symbols.places(at: 0xDEAD_0000).isEmpty)
    #expect(symbols.name(interrupted.rip) == "middle+0x5" || symbols.name(interrupted.rip) != nil)
  }

  @Test func linesHaveAddresses() throws {
    let (_, symbols) = try program()
    let wanted = line(of: "return middle(x + 1)")
    let found = try #require(symbols.debugFile?.code(file: "kernel.c", line: wanted))
    #expect(found.line == wanted && found.addresses.count == 1)
    let place = symbols.places(at: found.addresses[0]).first
    #expect(place?.function == "outer" && place?.line == wanted)
    // A line without code stands for the next one that has some.
    let later = try #require(symbols.debugFile?.code(file: "kernel.c", line: wanted - 1))
    #expect(later.line >= wanted - 1)
    #expect(symbols.debugFile?.code(file: "other.c", line: 1) == nil)
    #expect(symbols.debugFile?.code(file: "kernel.c", line: 100_000) == nil)
    #expect(symbols.debugFile?.code(file: "ernel.c", line: 1) == nil)
  }

  @Test(arguments: flags) func framesGoThroughInterrupts(flags: [String]) throws {
    let (machine, symbols) = try program(flags)
    _ = machine.run(limit: 1_000_000)
    let frames = Unwinder(machine, symbols: symbols).frames()
    let names = frames.map { symbols.table.symbol(at: $0.code)?.symbol.name ?? "?" }
    #expect(names.starts(with: ["handler", "stub", "middle", "outer", "start"]), "\(names)")
    #expect(frames.count >= 5)
    guard frames.count >= 5 else { return }
    #expect(frames[2].entry == .interrupt(vector: 3))
    #expect(frames[2].address == machine.processor.recorder.deliveries.last?.rip)
    #expect(frames.enumerated().allSatisfy { $0.offset == 2 || $0.element.entry == nil })
    let text = Backtrace(machine, symbols: symbols).lines.joined(separator: "\n")
    #expect(text.contains("-- #BP breakpoint, from CPL 0 --"))
  }

  /// Frame tables of an entry stub say where the interrupted registers are; `.debug_frame` does not
  /// say that it is one.
  @Test func framesGoThroughStubsWithTables() throws {
    let source = CompiledKernel.interrupted
      .replacing(
        "\\nstub: ",
        with: "\\n.cfi_sections .debug_frame\\nstub: .cfi_startproc\\n.cfi_signal_frame\\n"
          + ".cfi_def_cfa %rsp, 40\\n.cfi_offset %rip, -40\\n.cfi_offset %rsp, -16\\n"
      )
      .replacing(/push (%r..)/) { "\($0.output.0)\\n.cfi_adjust_cfa_offset 8" }
      .replacing("iretq\\n", with: "iretq\\n.cfi_endproc\\n")
    let image = try #require(try CompiledKernel.build(source, flags: ["-O1"]))
    let machine = try Guests.image(image)
    let symbols = ProgramSymbols(machine.image?.elf)
    _ = machine.run(limit: 1_000_000)
    let frames = Unwinder(machine, symbols: symbols).frames()
    let names = frames.map { symbols.table.symbol(at: $0.code)?.symbol.name ?? "?" }
    #expect(names.starts(with: ["handler", "stub", "middle", "outer", "start"]), "\(names)")
    #expect(frames.count > 2 && frames[2].entry == .interrupt(vector: 3))
    #expect(frames.count > 2 && frames[2].code == frames[2].address)
  }

  /// At every instruction of the calls, the callers are the same.
  @Test(arguments: flags.dropLast()) func framesAreRightAtEveryInstruction(flags: [String]) throws {
    let (machine, symbols) = try program(flags)
    let order = ["start", "outer", "middle", "stub", "handler"]
    var seen: Set<String> = []
    for _ in 0..<400 {
      let names = Unwinder(machine, symbols: symbols).frames().map {
        symbols.table.symbol(at: $0.code)?.symbol.name ?? "?"
      }
      let top = try #require(names.first)
      let depth = try #require(order.firstIndex(of: top), "\(names)")
      let expected = Array(order[...depth].reversed())
      // The stub without tables can be unwound only where its frame is in reach.
      #expect(
        names.starts(with: expected), "\(names) at \(machine.processor.cpu.state.pointee.rip)")
      seen.insert(top)
      if top == "handler", seen.count == order.count { break }
      _ = machine.run(limit: 1)
    }
    #expect(seen == Set(order))
  }
}
