import Emulator
import Testing

/// Shifts and rotations against the loops of the manual's Operation sections, one bit a turn.
@Suite("Shifts and rotations")
struct ShiftOperationTests {
  private typealias Apply = (UInt8, UInt8, UInt64) -> (UInt8, UInt64)

  /// One turn of the loop, on a byte and CF.
  private typealias Turn = (inout UInt8, inout Bool) -> Void

  /// The first byte and count that an operation gets wrong.
  private func firstMistake(
    of apply: Apply, turns: (Int) -> Int = { $0 }, turn: Turn,
    flags image: (UInt8, UInt8, Bool, UInt64) -> UInt64
  ) -> String? {
    for a in 0...255 {
      for count in 0...255 {
        for flags: UInt64 in [0, 1, 0x8D4, 0x8D5] {
          var value = UInt8(a)
          var carry = flags & 1 != 0
          for _ in 0..<turns(count % 32) { turn(&value, &carry) }
          let status = count % 32 == 0 ? flags : image(UInt8(a), value, carry, flags)
          let got = apply(UInt8(a), UInt8(count), flags)
          if got != (value, status) {
            return "\(a) by \(count), flags \(flags): \(got), expected \((value, status))"
          }
        }
      }
    }
    return nil
  }

  private func top(_ value: UInt8) -> Bool { value & 0x80 != 0 }
  private func second(_ value: UInt8) -> Bool { value & 0x40 != 0 }

  @Test("SHL shifts zeros in from the right")
  func shiftLeft() {
    let mistake = firstMistake(of: SHL.apply) { value, carry in
      carry = value & 0x80 != 0
      value <<= 1
    } flags: { _, result, carry, _ in
      FlagsReference(carry: carry, auxiliaryCarry: true, overflow: top(result) != carry)
        .image(of: result)
    }
    #expect(mistake == nil)
  }

  @Test("SHR shifts zeros in from the left")
  func shiftRight() {
    let mistake = firstMistake(of: SHR.apply) { value, carry in
      carry = value & 1 != 0
      value >>= 1
    } flags: { _, result, carry, _ in
      FlagsReference(carry: carry, auxiliaryCarry: true, overflow: second(result))
        .image(of: result)
    }
    #expect(mistake == nil)
  }

  @Test("SAR shifts the sign in")
  func shiftArithmetic() {
    let mistake = firstMistake(of: SAR.apply) { value, carry in
      carry = value & 1 != 0
      value = value >> 1 | value & 0x80
    } flags: { _, result, carry, _ in
      FlagsReference(carry: carry, auxiliaryCarry: true, overflow: false).image(of: result)
    }
    #expect(mistake == nil)
  }

  @Test("ROL and ROR rotate the byte")
  func rotations() {
    let left = firstMistake(of: ROL.apply) { value, carry in
      carry = value & 0x80 != 0
      value = value << 1 | value >> 7
    } flags: { _, result, carry, flags in
      FlagsReference(carry: carry, overflow: top(result) != carry).image(keeping: flags)
    }
    #expect(left == nil)
    let right = firstMistake(of: ROR.apply) { value, carry in
      carry = value & 1 != 0
      value = value >> 1 | value << 7
    } flags: { _, result, carry, flags in
      FlagsReference(carry: carry, overflow: top(result) != second(result))
        .image(keeping: flags)
    }
    #expect(right == nil)
  }

  @Test("RCL and RCR rotate nine bits")
  func rotationsThroughCarry() {
    let left = firstMistake(of: RCL.apply, turns: { $0 % 9 }) { value, carry in
      let out = value & 0x80 != 0
      value = value << 1 | (carry ? 1 : 0)
      carry = out
    } flags: { _, result, carry, flags in
      FlagsReference(carry: carry, overflow: top(result) != carry).image(keeping: flags)
    }
    #expect(left == nil)
    let right = firstMistake(of: RCR.apply, turns: { $0 % 9 }) { value, carry in
      let out = value & 1 != 0
      value = value >> 1 | (carry ? 0x80 : 0)
      carry = out
    } flags: { _, result, carry, flags in
      FlagsReference(carry: carry, overflow: top(result) != second(result))
        .image(keeping: flags)
    }
    #expect(right == nil)
  }

  @Test("Quadwords mask the count to six bits, doublewords to five")
  func masks() {
    #expect(SHL.apply(UInt64(1), count: 63, flags: 0).0 == 1 << 63)
    #expect(SHL.apply(UInt64(5), count: 64, flags: 0x8D5) == (5, 0x8D5))
    #expect(SHL.apply(UInt32(5), count: 33, flags: 0).0 == 10)
    #expect(RCL.apply(UInt64(1) << 63, count: 1, flags: 0) == (0, 0x801))
    #expect(RCR.apply(UInt64(1), count: 63, flags: 1) == (6, 0))
    #expect(SAR.apply(UInt64(1) << 63, count: 63, flags: 0).0 == .max)
    #expect(ROR.apply(UInt32(1), count: 31, flags: 0).0 == 2)
  }

  @Test("SHLD and SHRD shift the two operands as one number")
  func doubleShifts() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<2000 {
      let a = UInt32.random(in: 0...UInt32.max, using: &generator)
      let b = UInt32.random(in: 0...UInt32.max, using: &generator)
      for count in 1..<32 {
        let left = UInt64(a) << 32 | UInt64(b)
        let (l, leftFlags) = SHLD.apply(a, b, count: UInt8(count), flags: 0)
        #expect(l == UInt32(truncatingIfNeeded: (left << UInt64(count)) >> 32))
        #expect(leftFlags & 1 == left >> UInt64(64 - count) & 1)
        let right = UInt64(b) << 32 | UInt64(a)
        let (r, rightFlags) = SHRD.apply(a, b, count: UInt8(count), flags: 0)
        #expect(r == UInt32(truncatingIfNeeded: right >> UInt64(count)))
        #expect(rightFlags & 1 == right >> UInt64(count - 1) & 1)
      }
      #expect(SHLD.apply(a, b, count: 32, flags: 0x8D5) == (a, 0x8D5))
    }
    #expect(SHLD.apply(UInt16(0x1234), 0x5678, count: 16, flags: 0).0 == 0x5678)
    #expect(SHRD.apply(UInt16(0x1234), 0x5678, count: 16, flags: 0).0 == 0x5678)
    #expect(SHLD.apply(UInt32(0x4000_0000), 0, count: 1, flags: 0) == (0x8000_0000, 0x894))
  }
}
