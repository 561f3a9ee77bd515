import Emulator
import Testing

/// Repeated string instructions against a loop over a model of memory.
@Suite("String instructions")
struct StringTests {
  private static let windowStart: UInt64 = 0x1_0000
  private static let windowSize = 0x8000

  /// What one REP MOVS or REP STOS starts from.
  private struct Start {
    var opcode: [UInt8]
    var size: Int
    var source: Int
    var destination: Int
    var count: Int
    var isDown: Bool
  }

  private func randomStart(moves: Bool) -> Start {
    let size = [1, 2, 4].randomElement() ?? 1
    let count = Int.random(in: 0...(Bool.random() ? 12 : 9000 / size))
    let source = Int.random(in: 0x2400...0x5000)
    // Often so close that the copy feeds on itself.
    let near = source + Int.random(in: -20...20)
    let base: UInt8 = moves ? 0xA4 : 0xAA
    return Start(
      opcode: (size == 2 ? [0x66] : []) + [0xF3, size == 1 ? base : base + 1], size: size,
      source: source, destination: Bool.random() ? near : Int.random(in: 0x2400...0x5000),
      count: count, isDown: Bool.random())
  }

  /// The memory after the instruction, element by element.
  private func model(_ start: Start, moves: Bool, _ memory: [UInt8], _ value: UInt32) -> [UInt8] {
    var result = memory
    let step = start.isDown ? -start.size : start.size
    for element in 0..<start.count {
      let to = start.destination + element * step
      let from = start.source + element * step
      let bytes =
        moves
        ? Array(result[from..<from + start.size])
        : (0..<start.size).map { UInt8(truncatingIfNeeded: value >> UInt32(8 * $0)) }
      result.replaceSubrange(to..<to + start.size, with: bytes)
    }
    return result
  }

  @Test("REP MOVS and REP STOS equal single iterations, wherever they are interrupted")
  func repeated() throws {
    let machine = try #require(ProtectedModeProcessor())
    let cpu = machine.cpu
    for _ in 0..<300 {
      let moves = Bool.random()
      let start = randomStart(moves: moves)
      let before = (0..<Self.windowSize).map { UInt8(truncatingIfNeeded: $0 &* 167 >> 3) }
      let value = UInt32.random(in: 0...UInt32.max)
      machine.store(before, at: Self.windowStart)
      cpu[.rax] = UInt64(value)
      cpu[.rcx] = UInt64(start.count)
      cpu[.rsi] = Self.windowStart + UInt64(start.source)
      cpu[.rdi] = Self.windowStart + UInt64(start.destination)
      let retired = cpu.instructionCount
      let slice: UInt64 = Bool.random() ? 1 << 32 : UInt64.random(in: 1...50)
      let exit = machine.run(start.opcode, flags: start.isDown ? 0x402 : 2, atMost: slice)
      #expect(exit == .halted)
      let after = machine.bytes(at: Self.windowStart, count: Self.windowSize)
      #expect(after == model(start, moves: moves, before, value), "\(start)")
      let moved = UInt64(bitPattern: Int64(start.count * start.size * (start.isDown ? -1 : 1)))
      #expect(cpu[.rcx] == 0)
      #expect(cpu[.rdi] == Self.windowStart &+ UInt64(start.destination) &+ moved)
      #expect(
        cpu[.rsi] == Self.windowStart &+ UInt64(start.source) &+ (moves ? moved : 0))
      // Each iteration counts; one that has nothing to do counts once; then HLT.
      #expect(cpu.instructionCount - retired == UInt64(max(start.count, 1)) + 1)
    }
  }

  @Test("A fault leaves the iterations done before it")
  func fault() throws {
    let machine = try #require(ProtectedModeProcessor())
    let cpu = machine.cpu
    cpu[.es] = SegmentRegister(selector: 16, attributes: 0x4093, limit: 0x1_1805, base: 0)
    cpu.updateMode()
    cpu[.rax] = 0xAB
    cpu[.rcx] = 5000
    cpu[.rdi] = 0x1_1000
    cpu.state.pointee.idtr = DescriptorTableRegister(base: 0, limit: 0)
    let exit = machine.run([0xF3, 0xAA])
    #expect(exit == .shutdown)
    #expect(cpu[.rdi] == 0x1_1806 && cpu[.rcx] == 5000 - 0x806)
    #expect(machine.bytes(at: 0x1_1805, count: 2) == [0xAB, 0])
  }

  @Test("REPE CMPS and REPNE SCAS stop behind the element that ends them")
  func comparisons() throws {
    let machine = try #require(ProtectedModeProcessor())
    let cpu = machine.cpu
    machine.store(Array("the same text, then A".utf8), at: 0x2000)
    machine.store(Array("the same text, then B".utf8), at: 0x3000)
    cpu[.rsi] = 0x2000
    cpu[.rdi] = 0x3000
    cpu[.rcx] = 100
    #expect(machine.run([0xF3, 0xA6]) == .halted)
    #expect(cpu[.rsi] == 0x2015 && cpu[.rdi] == 0x3015 && cpu[.rcx] == 79)
    #expect(cpu.rflags.isSuperset(of: [.carry, .sign]) && !cpu.rflags.contains(.zero))
    cpu[.rax] = UInt64(UInt8(ascii: ","))
    cpu[.rdi] = 0x2000
    cpu[.rcx] = 100
    #expect(machine.run([0xF2, 0xAE]) == .halted)
    #expect(cpu[.rdi] == 0x200E && cpu[.rcx] == 86 && cpu.rflags.contains(.zero))
  }
}
