import Emulator
import Testing

/// Random code outside 64-bit mode: blocks must do what the slow methods do one by one.
@Suite struct ModeEngineTests {
  enum Mode: CaseIterable { case real, unreal, virtual8086, protected16, flat, segmented }

  @Test(arguments: Mode.allCases) func blocksEqualSteps(mode: Mode) throws {
    var numbers = SystemNumbers(seed: 0x5EED)
    let fast = try #require(ModeMachine(stepsOnly: false))
    let slow = try #require(ModeMachine(stepsOnly: true))
    for program in 0..<400 {
      let start = ModeProgram(mode, &numbers)
      fast.load(start)
      slow.load(start)
      let count = numbers.next() % 400 + 20
      fast.run(count)
      slow.run(count)
      let difference = fast.difference(from: slow)
      #expect(difference == nil, "program \(program) in \(mode), \(count) instructions")
      if difference != nil { return }
    }
  }

  /// INC AX; JMP $ at 10:0 and, 16 bytes further on, at 11:0: the same offset in two segments.
  @Test func cachedJumpsBelongToTheirSegment() throws {
    let machine = try #require(ModeMachine(stepsOnly: false))
    var numbers = SystemNumbers(seed: 1)
    var start = ModeProgram(.real, &numbers)
    start.code = [UInt8](repeating: 0x90, count: 64)
    // MOV CX, 100; L: CALL 1000h:0100h; CALL 1001h:0100h; LOOP L; JMP $
    start.code.replaceSubrange(
      0..<17,
      with: [
        0xB9, 100, 0, 0x9A, 0x00, 0x01, 0x00, 0x10, 0x9A, 0x00, 0x01, 0x01, 0x10, 0xE2, 0xF4, 0xEB,
        0xFE,
      ])
    start.registers = [UInt64](repeating: 0, count: 8)
    start.registers[4] = 0x8000
    machine.load(start)
    machine.write([0x40, 0xCB], at: 0x10100)  // INC AX; RETF
    machine.write([0x43, 0xCB], at: 0x10110)  // INC BX; RETF
    machine.run(1000)
    #expect(machine.cpu[.rax] == 100)
    #expect(machine.cpu[.rbx] == 100)
  }

  /// With A20 closed the second mebibyte is the first.
  @Test func theGateMasksAddressLine20() throws {
    let machine = try #require(ModeMachine(stepsOnly: false))
    var numbers = SystemNumbers(seed: 1)
    var start = ModeProgram(.real, &numbers)
    // MOV AX, FFFFh; MOV DS, AX; MOV AL, [0510h]; JMP $
    start.code = [0xB8, 0xFF, 0xFF, 0x8E, 0xD8, 0xA0, 0x10, 0x05, 0xEB, 0xFE]
    machine.load(start)
    machine.write([0x12], at: 0x500)
    machine.write([0x34], at: 0x10_0500)
    machine.run(4)
    #expect(machine.cpu[.rax] & 0xFF == 0x34)
    machine.load(start)
    machine.write([0x12], at: 0x500)
    machine.write([0x34], at: 0x10_0500)
    machine.cpu.setAddressLine20(false)
    machine.run(4)
    #expect(machine.cpu[.rax] & 0xFF == 0x12)
    machine.cpu.setAddressLine20(true)
    machine.cpu.state.pointee.rip = 5 + ModeProgram.offset
    machine.run(2)
    #expect(machine.cpu[.rax] & 0xFF == 0x34)
  }
}

/// SplitMix64.
struct SystemNumbers {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }

  mutating func below(_ bound: UInt64) -> UInt64 { next() % bound }
  mutating func byte() -> UInt8 { UInt8(truncatingIfNeeded: next()) }
}
