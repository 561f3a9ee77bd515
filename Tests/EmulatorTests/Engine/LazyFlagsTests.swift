import Emulator
import Testing

/// The flags that the engine leaves for later are the ones that the operation defines.
@Suite struct LazyFlagsTests {
  /// Compares both definitions for every pair of bytes.
  private func compare<Operation: BinaryOperation>(
    _: Operation.Type, _ lazy: LazyFlags.Operation, carry: UInt64 = 0
  ) {
    for a in UInt8.min...UInt8.max {
      for b in UInt8.min...UInt8.max {
        let (result, expected) = Operation.apply(a, b, flags: carry)
        let status = LazyFlags.status(
          kind: LazyFlags.kind(lazy, UInt8.self), result: UInt64(result), source: UInt64(a),
          flags: 0)
        if status != expected { Issue.record("\(Operation.self) \(a), \(b)") }
      }
    }
  }

  @Test func carryChains() {
    compare(ADD.self, .add)
    compare(ADC.self, .add, carry: 0)
    compare(ADC.self, .adc, carry: 1)
    compare(SUB.self, .sub)
    compare(SBB.self, .sub, carry: 0)
    compare(SBB.self, .sbb, carry: 1)
    compare(CMP.self, .sub)
  }

  @Test func logic() {
    compare(AND.self, .logic)
    compare(OR.self, .logic)
    compare(XOR.self, .logic)
    compare(TEST.self, .logic)
  }

  @Test(arguments: [UInt64(0), 1]) func steps(carry: UInt64) {
    for a in UInt16.min...UInt16.max {
      let up = INC.apply(a, flags: carry)
      let down = DEC.apply(a, flags: carry)
      let kinds: [(LazyFlags.Operation, (UInt16, UInt64))] = [(.inc, up), (.dec, down)]
      for (kind, (result, expected)) in kinds {
        let status = LazyFlags.status(
          kind: LazyFlags.kind(kind, UInt16.self), result: UInt64(result), source: UInt64(a),
          flags: carry)
        if status != expected { Issue.record("\(kind) \(a)") }
      }
    }
  }

  @Test func shifts() {
    compareShift(SHL.self, .shl)
    compareShift(SHR.self, .shr)
    compareShift(SAR.self, .sar)
  }

  private func compareShift<Operation: ShiftOperation>(
    _: Operation.Type, _ lazy: LazyFlags.Operation
  ) {
    for a in UInt8.min...UInt8.max {
      for count in UInt8(1)...31 {
        let (result, expected) = Operation.apply(a, count: count, flags: 0)
        let previous = Operation.apply(a, count: count - 1, flags: 0).0
        let status = LazyFlags.status(
          kind: LazyFlags.kind(lazy, UInt8.self), result: UInt64(result),
          source: UInt64(count == 1 ? a : previous), flags: 0)
        if status != expected { Issue.record("\(Operation.self) \(a), \(count)") }
      }
    }
  }
}
