import Emulator
import Testing

/// Blocks, links, budgets and code that changes under the engine's feet.
@Suite struct EngineTests {
  /// mov ecx,1000; L: add rax,rcx; xor rdx,rax; adc rbx,rdx; push rax; pop rsi; rol rdx,7; dec ecx;
  /// jnz L; jmp $.
  private static let loop: [UInt8] = [
    0xB9, 0xE8, 0x03, 0x00, 0x00, 0x48, 0x01, 0xC8, 0x48, 0x31, 0xC2, 0x48, 0x11, 0xD3, 0x50, 0x5E,
    0x48, 0xC1, 0xC2, 0x07, 0xFF, 0xC9, 0x75, 0xED, 0xEB, 0xFE,
  ]

  @Test(arguments: [1, 2, 3, 7, 8, 9, 10, 100, 1234, 5000, 8001, 8002, 9000])
  func countsAreExact(count: UInt64) throws {
    let fast = try #require(EngineFixture(Self.loop))
    let slow = try #require(EngineFixture(Self.loop, stepsOnly: true))
    fast.run(count)
    slow.run(count)
    #expect(fast.cpu.instructionCount == count)
    #expect(fast.registers == slow.registers)
  }

  @Test func stoppingInBetweenChangesNothing() throws {
    let whole = try #require(EngineFixture(Self.loop))
    let pieces = try #require(EngineFixture(Self.loop))
    whole.run(5000)
    for count in stride(from: UInt64(7), through: 5000, by: 7) { pieces.run(count) }
    pieces.run(5000)
    #expect(whole.registers == pieces.registers)
  }

  /// The store changes the immediate of an instruction further on in the same block.
  @Test func aBlockMayWriteItself() throws {
    // mov byte [rip+1], 7 ; mov al, 1 ; jmp $
    let code: [UInt8] = [0xC6, 0x05, 0x01, 0x00, 0x00, 0x00, 0x07, 0xB0, 0x01, 0xEB, 0xFE]
    let fixture = try #require(EngineFixture(code))
    fixture.run(3)
    #expect(fixture.cpu[.rax] == 7)
  }

  /// A function whose immediate is patched before each of ten calls.
  @Test func patchedFunctionsAreDecodedAgain() throws {
    // xor ebx,ebx; mov ecx,10; L: mov [rip+fn+1],cl; call fn; movzx eax,al; add ebx,eax;
    // dec ecx; jnz L; jmp $; fn: mov al,0; ret
    let code: [UInt8] = [
      0x31, 0xDB, 0xB9, 0x0A, 0x00, 0x00, 0x00, 0x88, 0x0D, 0x11, 0x00, 0x00, 0x00, 0xE8, 0x0B,
      0x00, 0x00, 0x00, 0x0F, 0xB6, 0xC0, 0x01, 0xC3, 0xFF, 0xC9, 0x75, 0xEC, 0xEB, 0xFE, 0xB0,
      0x00, 0xC3,
    ]
    let fixture = try #require(EngineFixture(code))
    fixture.run(2 + 10 * 8 + 1)
    #expect(fixture.cpu[.rbx] == 55)
  }

  @Test func instructionsMayCrossPages() throws {
    // mov rax, imm64 over a page boundary, in a loop: dec ecx; jnz
    let code: [UInt8] = [
      0x48, 0xB8, 1, 2, 3, 4, 5, 6, 7, 8, 0xFF, 0xC9, 0x75, 0xF2, 0xEB, 0xFE,
    ]
    let fixture = try #require(EngineFixture(code, at: 0x10FFB))
    fixture.cpu[.rcx] = 5
    fixture.run(15)
    #expect(fixture.cpu[.rax] == 0x0807_0605_0403_0201)
    #expect(fixture.cpu[.rcx] == 0)
  }

  @Test func dataMayCrossPages() throws {
    // mov rax,[rbx]; add rax,1; mov [rbx],rax; inc qword [rbx]; jmp $
    let code: [UInt8] = [
      0x48, 0x8B, 0x03, 0x48, 0x83, 0xC0, 0x01, 0x48, 0x89, 0x03, 0x48, 0xFF, 0x03, 0xEB, 0xFE,
    ]
    let fixture = try #require(EngineFixture(code))
    fixture.cpu[.rbx] = 0x20FFD
    fixture.write(0x20FFD, quadword: 0x1122_3344_5566_77FE)
    fixture.run(4)
    let bytes = try #require(fixture.memory.read(PhysicalAddress(0x20FFD), count: 8))
    #expect(bytes == [0x00, 0x78, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11])
  }

  @Test func manyBlocksMakeTheArenaStartOver() throws {
    // Rewrites one instruction and runs it, more often than the arena has room for blocks.
    // L: inc dword [rip+1+7-?]; the loop: mov [rip+8],ecx; nop; mov eax,imm; dec ecx; jnz L
    let code: [UInt8] = [
      0x89, 0x0D, 0x02, 0x00, 0x00, 0x00, 0x90, 0xB8, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xC9, 0x75,
      0xF0, 0xEB, 0xFE,
    ]
    let fixture = try #require(EngineFixture(code))
    fixture.cpu[.rcx] = 200_000
    fixture.run(200_000 * 5)
    #expect(fixture.cpu[.rax] == 1)
    #expect(fixture.cpu[.rcx] == 0)
  }
}
