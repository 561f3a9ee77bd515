import Debugger
import Emulator
import TestImages
import Testing

@Suite struct DiagnosisTests {
  private func explain(_ code: [UInt8], processors: Int = 1) throws -> String {
    let machine = try Guests.bare(code, processors: processors)
    return machine.diagnosis(of: machine.run(limit: 1_000_000)).text
  }

  @Test func theChainIsNamed() throws {
    let text = try explain(TestCode.undefined)
    #expect(text.contains("triple fault"))
    #expect(text.contains("#UD invalid opcode"))
    #expect(text.contains("beyond the IDT's limit 0x0"))
    #expect(text.contains("likely: no IDT was loaded"))
    #expect(text.contains("> 0x100000  ud2"))
  }

  @Test func thePageTablesAreWalked() throws {
    // MOV RAX, 8000000000h; MOV [RAX], AL
    let text = try explain([0x48, 0xB8, 0, 0, 0, 0, 0x80, 0, 0, 0, 0x88, 0x00])
    #expect(text.contains("#PF page fault"))
    #expect(text.contains("supervisor write of a page that is not present"))
    #expect(text.contains("P is clear in the PML4 entry"))
  }

  @Test func aKernelThatReturnsIsRecognised() throws {
    #expect(try explain([0xC3]).contains("entry function returned"))
  }

  @Test func oneProcessorHaltsForAll() throws {
    let text = try explain(TestCode.halt, processors: 3)
    #expect(text.contains("no processor has anything to wake it"))
    #expect(text.contains("  1 was not started\n  2 was not started"))
  }

  @Test func aTripleFaultNamesItsProcessor() throws {
    // INIT and SIPI to all others; page 90h is empty, and so is the interrupt table after it.
    func send(_ command: UInt32) -> [UInt8] {
      // MOV EBX, FEE00300h; MOV DWORD [RBX], command
      [0xBB, 0x00, 0x03, 0xE0, 0xFE, 0xC7, 0x03]
        + (0..<4).map { UInt8(truncatingIfNeeded: command >> (8 * $0)) }
    }
    // LIDT [EBP] with a limit of zero, from zeroed memory, then UD2: in real-address mode.
    let fault: [UInt8] = [0x0F, 0x01, 0x1E, 0x00, 0x01, 0x0F, 0x0B]
    var code: [UInt8] = []
    for (offset, byte) in fault.enumerated() {
      // MOV BYTE [90000h + offset], byte
      code += [0xC6, 0x04, 0x25, UInt8(offset), 0x00, 0x09, 0x00, byte]
    }
    let text = try explain(code + send(0xC4500) + send(0xC4690) + TestCode.loop, processors: 2)
    #expect(text.hasPrefix("triple fault: processor 1 shut down at 0x90005"))
    #expect(text.contains("  0 runs, at "))
  }
}
