import Emulator
import Testing

/// Stack instructions in their less travelled forms.
@Suite("Stack instructions")
struct StackTests {
  private func doublewords(_ machine: ProtectedModeProcessor, at address: UInt64, _ count: Int)
    -> [UInt32]
  {
    machine.bytes(at: address, count: count * 4).withUnsafeBytes { bytes in
      (0..<count).map { bytes.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self) }
    }
  }

  @Test("PUSHAD stores ESP as it was, POPAD skips it")
  func pushAll() throws {
    let machine = try #require(ProtectedModeProcessor())
    let cpu = machine.cpu
    for number in 0..<8 { cpu[number] = UInt64(0x100 + number) }
    cpu[.rsp] = 0x8000
    #expect(machine.run([0x60]) == .halted)
    #expect(cpu[.rsp] == 0x7FE0)
    #expect(
      doublewords(machine, at: 0x7FE0, 8) == [
        0x107, 0x106, 0x105, 0x8000, 0x103, 0x102, 0x101, 0x100,
      ])
    for number in 0..<8 where number != 4 { cpu[number] = 0 }
    #expect(machine.run([0x61]) == .halted)
    #expect(cpu[.rsp] == 0x8000)
    #expect(
      (0..<8).map { cpu[$0] } == [0x100, 0x101, 0x102, 0x103, 0x8000, 0x105, 0x106, 0x107])
  }

  @Test("ENTER copies the enclosing frames' pointers")
  func enter() throws {
    let machine = try #require(ProtectedModeProcessor())
    let cpu = machine.cpu
    let outer: [UInt32] = [0x2222, 0x1111]
    machine.store(outer.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8), 0, 0] }, at: 0x8FF8)
    cpu[.rbp] = 0x9000
    cpu[.rsp] = 0x8000
    // ENTER 20h, 3
    #expect(machine.run([0xC8, 0x20, 0, 3]) == .halted)
    #expect(cpu[.rbp] == 0x7FFC && cpu[.rsp] == 0x7FF0 - 0x20)
    #expect(doublewords(machine, at: 0x7FF0, 4) == [0x7FFC, 0x2222, 0x1111, 0x9000])
    #expect(machine.run([0xC9]) == .halted)
    #expect(cpu[.rbp] == 0x9000 && cpu[.rsp] == 0x8000)
  }

  @Test("PUSH ESP pushes the old value, POP ESP ends with the popped one")
  func stackPointer() throws {
    let machine = try #require(ProtectedModeProcessor())
    let cpu = machine.cpu
    cpu[.rsp] = 0x8000
    #expect(machine.run([0x54]) == .halted)
    #expect(cpu[.rsp] == 0x7FFC && doublewords(machine, at: 0x7FFC, 1) == [0x8000])
    #expect(machine.run([0x5C]) == .halted)
    #expect(cpu[.rsp] == 0x8000)
    // POP [ESP + 4] addresses from ESP after the pop.
    machine.store([0x78, 0x56, 0x34, 0x12], at: 0x8000)
    #expect(machine.run([0x8F, 0x44, 0x24, 4]) == .halted)
    #expect(cpu[.rsp] == 0x8004 && doublewords(machine, at: 0x8008, 1) == [0x1234_5678])
  }

  @Test("POPFD changes all flags but VM, VIF and VIP, and clears RF")
  func flags() throws {
    let machine = try #require(ProtectedModeProcessor())
    let cpu = machine.cpu
    cpu[.rsp] = 0x8000
    machine.store([0xFF, 0xFE, 0xFF, 0xFF], at: 0x8000)
    #expect(machine.run([0x9D]) == .halted)
    #expect(cpu.rflags.rawValue == 0x24_7ED7)
    #expect(cpu[.rsp] == 0x8004)
  }
}
