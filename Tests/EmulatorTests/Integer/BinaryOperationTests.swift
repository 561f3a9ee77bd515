import Emulator
import Testing

/// Every pair of bytes, with CF clear and set, against sums of wide integers.
@Suite("Operations of two sources")
struct BinaryOperationTests {
  private typealias Apply = (UInt8, UInt8, UInt64) -> (UInt8, UInt64)

  /// The first pair that an operation gets wrong.
  private func firstMistake(
    of apply: Apply, reference: (Int, Int, Int) -> (UInt8, UInt64)
  ) -> String? {
    for a in 0...255 {
      for b in 0...255 {
        for carry in 0...1 {
          let expected = reference(a, b, carry)
          let got = apply(UInt8(a), UInt8(b), UInt64(carry) | 0x8D4)
          if got != expected { return "\(a), \(b), CF \(carry): \(got), expected \(expected)" }
        }
      }
    }
    return nil
  }

  private func sum(_ a: Int, _ b: Int, _ carry: Int) -> (UInt8, UInt64) {
    let signed = Int(Int8(truncatingIfNeeded: a)) + Int(Int8(truncatingIfNeeded: b)) + carry
    let result = UInt8(truncatingIfNeeded: a + b + carry)
    let flags = FlagsReference(
      carry: a + b + carry > 255, auxiliaryCarry: a % 16 + b % 16 + carry > 15,
      overflow: signed < -128 || signed > 127)
    return (result, flags.image(of: result))
  }

  private func difference(_ a: Int, _ b: Int, _ carry: Int) -> (UInt8, UInt64) {
    let signed = Int(Int8(truncatingIfNeeded: a)) - Int(Int8(truncatingIfNeeded: b)) - carry
    let result = UInt8(truncatingIfNeeded: a - b - carry)
    let flags = FlagsReference(
      carry: a - b - carry < 0, auxiliaryCarry: a % 16 - b % 16 - carry < 0,
      overflow: signed < -128 || signed > 127)
    return (result, flags.image(of: result))
  }

  private func logic(_ result: Int) -> (UInt8, UInt64) {
    (UInt8(result), FlagsReference().image(of: UInt8(result)))
  }

  @Test("ADD and ADC add")
  func sums() {
    #expect(firstMistake(of: ADD.apply) { a, b, _ in sum(a, b, 0) } == nil)
    #expect(firstMistake(of: ADC.apply) { a, b, c in sum(a, b, c) } == nil)
  }

  @Test("SUB, SBB and CMP subtract")
  func differences() {
    #expect(firstMistake(of: SUB.apply) { a, b, _ in difference(a, b, 0) } == nil)
    #expect(firstMistake(of: CMP.apply) { a, b, _ in difference(a, b, 0) } == nil)
    #expect(firstMistake(of: SBB.apply) { a, b, c in difference(a, b, c) } == nil)
  }

  @Test("AND, OR, XOR and TEST clear CF and OF")
  func logic() {
    #expect(firstMistake(of: AND.apply) { a, b, _ in logic(a & b) } == nil)
    #expect(firstMistake(of: TEST.apply) { a, b, _ in logic(a & b) } == nil)
    #expect(firstMistake(of: OR.apply) { a, b, _ in logic(a | b) } == nil)
    #expect(firstMistake(of: XOR.apply) { a, b, _ in logic(a ^ b) } == nil)
  }

  @Test("INC, DEC and NEG are sums and differences; INC and DEC keep CF, NOT keeps all")
  func unary() {
    for a in 0...255 {
      for carry in 0...1 {
        let byte = UInt8(a)
        let flags = UInt64(carry) | 0x8D4
        let (up, upFlags) = sum(a, 1, 0)
        #expect(INC.apply(byte, flags: flags) == (up, upFlags & ~1 | UInt64(carry)))
        let (down, downFlags) = difference(a, 1, 0)
        #expect(DEC.apply(byte, flags: flags) == (down, downFlags & ~1 | UInt64(carry)))
        #expect(NEG.apply(byte, flags: flags) == difference(0, a, 0))
        #expect(NOT.apply(byte, flags: flags | 0x200) == (UInt8(255 - a), flags))
      }
    }
  }

  @Test("Wide operands carry out of their own top bit")
  func widths() {
    #expect(ADD.apply(UInt64.max, 1, flags: 0) == (0, 0x55))
    #expect(ADD.apply(UInt32(0x7FFF_FFFF), 1, flags: 0) == (0x8000_0000, 0x894))
    #expect(SBB.apply(UInt16(0), 0xFFFF, flags: 1) == (0, 0x55))
    #expect(ADC.apply(UInt64.max, .max, flags: 1) == (.max, 0x95))
    #expect(SUB.apply(UInt64(1) << 63, 1, flags: 0) == (UInt64.max >> 1, 0x814))
    #expect(!CMP.writesDestination && !TEST.writesDestination && SUB.writesDestination)
  }
}
