import Emulator
import TestImages
import Testing

/// Instructions with two accesses whose pages share an entry of the TLB.
@Suite struct TLBConflictTests {
  @Test func aCallThroughAPointerBesideTheStackCompletes() throws {
    // The pages lie 4 MiB apart, as many as the TLB has entries.
    let setUp: [UInt8] = [
      0x48, 0xC7, 0xC4, 0x00, 0x08, 0x60, 0x00,  // MOV RSP, 600800h
      0x48, 0xC7, 0x04, 0x25, 0x00, 0x00, 0x20, 0x00, 0x1A, 0x00, 0x10, 0x00,
      // MOV QWORD [200000h], 10001Ah
      0xFF, 0x14, 0x25, 0x00, 0x00, 0x20, 0x00,  // CALL [200000h]
    ]
    let image = ELFBuilder(code: setUp + TestCode.debugExit(5)).build()
    let machine = try Machine(
      image: KernelImage(image, name: "k"), configuration: MachineConfiguration(memory: 16 << 20))
    #expect(machine.run(limit: 1000) == .debugExit(5))
    #expect(machine.processor.cpu[.rsp] == 0x60_07F8)
  }
}
