import Emulator
import Testing

private typealias Address = CPUFixture.Address
private typealias Selector = CPUFixture.Selector

/// Hardware task switching in 32-bit protected mode.
@Suite struct TaskSwitchTests {
  private let other: UInt64 = 0x6800

  private func machine() throws -> CPUFixture {
    let machine = try #require(CPUFixture())
    machine.enterProtectedMode()
    machine.setDescriptor(Selector.task2, attributes: 0x89, base: other, limit: 0x67)
    let fields: [(UInt64, UInt32)] = [
      (0x20, 0x1_1000), (0x24, 2), (0x28, 0xAAAA), (0x38, 0x2_8000), (0x48, 0x10), (0x4C, 0x40),
      (0x50, 0x10), (0x54, 0x10),
    ]
    for (offset, value) in fields { machine.store(value, at: other + offset) }
    machine.store(UInt32(0x2_0000), at: other + 4)
    machine.store(UInt32(0x10), at: other + 8)
    return machine
  }

  private func type(_ machine: CPUFixture, _ selector: UInt16) -> UInt8? {
    machine.load(Address.gdt + UInt64(selector) + 5, as: UInt8.self).map { $0 & 0xF }
  }

  @Test func aCallNestsAndIRETReturns() throws {
    let machine = try machine()
    machine.cpu[.rax] = 0x1111
    #expect(machine.execute([0x9A, 0, 0, 0, 0, 0x80, 0]) == nil)
    #expect(machine.state.pointee.rip == 0x1_1000)
    #expect(machine.cpu[.rax] == 0xAAAA)
    #expect(machine.cpu[.rsp] == 0x2_8000)
    #expect(machine.cpu[.tr].selector == Selector.task2)
    #expect(machine.cpu.rflags == [.alwaysOne, .nestedTask])
    #expect(machine.cpu.cr0.contains(.taskSwitched))
    #expect(machine.load(other, as: UInt16.self) == Selector.task)
    #expect(machine.load(Address.tss + 0x20, as: UInt32.self) == UInt32(Address.code) + 7)
    #expect(type(machine, Selector.task) == 11)
    #expect(type(machine, Selector.task2) == 11)
    #expect(machine.execute([0xCF], at: 0x1_1000) == nil)
    #expect(machine.state.pointee.rip == Address.code + 7)
    #expect(machine.cpu[.rax] == 0x1111)
    #expect(machine.cpu.rflags == [.alwaysOne])
    #expect(type(machine, Selector.task2) == 9)
    #expect(machine.load(other + 0x20, as: UInt32.self) == 0x1_1001)
  }

  @Test func aJumpDoesNotNest() throws {
    let machine = try machine()
    #expect(machine.execute([0xEA, 0, 0, 0, 0, 0x80, 0]) == nil)
    #expect(type(machine, Selector.task) == 9)
    #expect(machine.cpu.rflags == [.alwaysOne])
    #expect(machine.execute([0xEA, 0, 0, 0, 0, 0x80, 0]) == Raised(13, 0x80))
  }

  @Test func anExceptionThroughATaskGatePushesItsCode() throws {
    let machine = try machine()
    machine.store(UInt64(0x0000_8500_0080_0000), at: Address.protectedIDT + 13 * 8)
    machine.cpu[.rcx] = 0x1234_5678
    #expect(machine.execute([0x0F, 0x32]) == Raised(13, 0))
    #expect(machine.state.pointee.rip == 0x1_1000)
    #expect(machine.cpu[.rsp] == 0x2_8000 - 4)
    #expect(machine.load(0x2_8000 - 4, as: UInt32.self) == 0)
    #expect(machine.load(Address.tss + 0x20, as: UInt32.self) == UInt32(Address.code))
    #expect(machine.load(Address.tss + 0x24, as: UInt32.self) == 0x1_0002)
  }

  @Test func aBadSegmentIsAnExceptionOfTheNewTask() throws {
    let machine = try machine()
    machine.store(UInt32(Selector.absentData), at: other + 0x54)
    #expect(machine.execute([0xEA, 0, 0, 0, 0, 0x80, 0]) == Raised(11, 0x48))
    #expect(machine.processor.recorder.deliveries.first?.rip == 0x1_1000)
    #expect(machine.cpu[.tr].selector == Selector.task2)
    machine.setDescriptor(Selector.task, attributes: 0x89, base: Address.tss, limit: 0x66)
    #expect(machine.execute([0xEA, 0, 0, 0, 0, 0x30, 0]) == Raised(10, 0x30))
  }
}
