import Emulator
import Testing

/// Decimal adjustment against the Operation sections of the manual.
@Suite("Decimal adjustment")
struct DecimalTests {
  /// AX with CF and AF, before and after.
  private struct Digits: Equatable {
    var ax: UInt16
    var carry: Bool
    var auxiliary: Bool
    var al: UInt8 {
      get { UInt8(truncatingIfNeeded: ax) }
      set { ax = ax & 0xFF00 | UInt16(newValue) }
    }
  }

  /// Compares every AL and every CF and AF.
  private func check(_ opcode: UInt8, _ reference: (inout Digits) -> Void) throws {
    let machine = try #require(ProtectedModeProcessor())
    let cpu = machine.cpu
    for al in UInt8.min...UInt8.max {
      for flags: UInt64 in [0, 1, 0x10, 0x11] {
        let start = Digits(
          ax: 0x3700 | UInt16(al), carry: flags & 1 != 0, auxiliary: flags & 0x10 != 0)
        var expected = start
        reference(&expected)
        cpu[.rax] = 0xDEAD_0000 | UInt64(start.ax)
        #expect(machine.run([opcode], flags: flags | 2) == .halted)
        let status = cpu.rflags
        let got = Digits(
          ax: UInt16(truncatingIfNeeded: cpu[.rax]), carry: status.contains(.carry),
          auxiliary: status.contains(.auxiliaryCarry))
        #expect(got == expected, "\(start)")
        #expect(cpu[.rax] >> 16 == 0xDEAD)
      }
    }
  }

  @Test("DAA and DAS")
  func decimal() throws {
    try check(0x27) { digits in
      let (old, carry) = (digits.al, digits.carry)
      digits.auxiliary = old & 15 > 9 || digits.auxiliary
      if digits.auxiliary { digits.al &+= 6 }
      digits.carry = old > 0x99 || carry
      if digits.carry { digits.al &+= 0x60 }
    }
    try check(0x2F) { digits in
      let (old, carry) = (digits.al, digits.carry)
      digits.carry = false
      digits.auxiliary = old & 15 > 9 || digits.auxiliary
      if digits.auxiliary {
        digits.carry = carry || old < 6
        digits.al &-= 6
      }
      if old > 0x99 || carry {
        digits.al &-= 0x60
        digits.carry = true
      }
    }
  }

  @Test("AAA and AAS")
  func ascii() throws {
    try check(0x37) { digits in
      digits.auxiliary = digits.al & 15 > 9 || digits.auxiliary
      digits.carry = digits.auxiliary
      if digits.auxiliary { digits.ax &+= 0x106 }
      digits.al &= 15
    }
    try check(0x3F) { digits in
      digits.auxiliary = digits.al & 15 > 9 || digits.auxiliary
      digits.carry = digits.auxiliary
      if digits.auxiliary {
        digits.ax &-= 6
        digits.ax &-= 0x100
      }
      digits.al &= 15
    }
  }
}
