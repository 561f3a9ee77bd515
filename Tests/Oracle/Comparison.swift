/// One thing in which two outcomes differ.
package struct Difference: CustomStringConvertible {
  package var what: String
  package var expected: String
  package var actual: String

  package var description: String {
    "\(what): expected \(expected), got \(actual)"
  }
}

/// Compares outcomes of the same case, but for what the manual leaves undefined.
package enum Comparison {
  /// Where `actual` differs from `expected`; empty also where a case cannot be judged.
  package static func differences(
    _ item: Case, expected: Outcome, actual: Outcome, masks: Masks
  ) -> [Difference] {
    if expected.ending == .unrunnable || expected.ending == .timeout { return [] }
    if expected.ending == actual.ending && expected.changes == actual.changes
      && expected.after.isIdentical(to: actual.after)
    {
      return []
    }
    var found: [Difference] = []
    compareEnding(expected.ending, actual.ending, &found)
    let undefined = masks.flags(at: expected.after.rip, start: item.before.rip)
    compareRegisters(expected.after, actual.after, undefined: undefined, &found)
    let conditions = masks.conditions(at: expected.after.rip, start: item.before.rip)
    compareX87(expected.after, actual.after, undefined: conditions, &found)
    compareSSE(expected.after, actual.after, &found)
    compareMemory(expected.changes, actual.changes, ignoring: masks.memory, &found)
    return found
  }

  private static func compareEnding(
    _ expected: Ending, _ actual: Ending, _ found: inout [Difference]
  ) {
    if expected == actual { return }
    if case .exception(let vector, let code, let address) = expected,
      case .exception(let otherVector, let otherCode, let otherAddress) = actual,
      vector == otherVector, vector == 14, address == otherAddress
    {
      // Linux tells programs that pages from its last one on are present.
      let mask: UInt64 = address >= 0x7FFF_FFFF_F000 ? 0x16 : 0x17
      if code & mask == otherCode & mask { return }
    }
    found.append(Difference(what: "ending", expected: expected.text, actual: actual.text))
  }

  private static func compareRegisters(
    _ expected: UserState, _ actual: UserState, undefined: UInt64, _ found: inout [Difference]
  ) {
    for index in 0..<16 where expected.registers[index] != actual.registers[index] {
      found.append(
        Difference(
          what: UserState.registerNames[index], expected: hex(expected.registers[index]),
          actual: hex(actual.registers[index])))
    }
    let pairs = [
      ("rip", expected.rip, actual.rip), ("fsbase", expected.fsBase, actual.fsBase),
      ("gsbase", expected.gsBase, actual.gsBase),
    ]
    for (name, old, new) in pairs where old != new {
      found.append(Difference(what: name, expected: hex(old), actual: hex(new)))
    }
    for index in 0..<6 where expected.segments[index] != actual.segments[index] {
      found.append(
        Difference(
          what: UserState.segmentNames[index], expected: hex(UInt64(expected.segments[index])),
          actual: hex(UInt64(actual.segments[index]))))
    }
    let old = expected.rflags & ~undefined
    let new = actual.rflags & ~undefined
    if old != new {
      found.append(
        Difference(what: "flags", expected: FlagBits.text(old), actual: FlagBits.text(new)))
    }
  }

  private static func compareX87(
    _ expected: UserState, _ actual: UserState, undefined: UInt16, _ found: inout [Difference]
  ) {
    let words = [
      ("fcw", UInt64(expected.fcw), UInt64(actual.fcw)),
      ("fsw", UInt64(expected.fsw & ~undefined), UInt64(actual.fsw & ~undefined)),
      ("ftw", UInt64(expected.ftw), UInt64(actual.ftw)),
    ]
    for (name, old, new) in words where old != new {
      found.append(Difference(what: name, expected: hex(old), actual: hex(new)))
    }
    for index in 0..<8 where expected[st: index] != actual[st: index] {
      found.append(
        Difference(
          what: "st\(index)", expected: expected[st: index].text, actual: actual[st: index].text))
    }
  }

  private static func compareSSE(
    _ expected: UserState, _ actual: UserState, _ found: inout [Difference]
  ) {
    if expected.mxcsr != actual.mxcsr {
      found.append(
        Difference(
          what: "mxcsr", expected: hex(UInt64(expected.mxcsr)), actual: hex(UInt64(actual.mxcsr))))
    }
    for index in 0..<16 where expected[xmm: index] != actual[xmm: index] {
      found.append(
        Difference(
          what: "xmm\(index)", expected: wideHex(expected[xmm: index]),
          actual: wideHex(actual[xmm: index])))
    }
    for index in 0..<16 where expected[ymmHigh: index] != actual[ymmHigh: index] {
      found.append(
        Difference(
          what: "ymm\(index) bits 255:128", expected: wideHex(expected[ymmHigh: index]),
          actual: wideHex(actual[ymmHigh: index])))
    }
  }

  private static func compareMemory(
    _ expected: [MemoryChange], _ actual: [MemoryChange], ignoring: [Range<Int>],
    _ found: inout [Difference]
  ) {
    if expected == actual { return }
    let old = Dictionary(uniqueKeysWithValues: expected.map { ($0.offset, $0.value) })
    let new = Dictionary(uniqueKeysWithValues: actual.map { ($0.offset, $0.value) })
    for offset in Set(old.keys).union(new.keys).sorted() {
      var mask = UInt64.max
      for byte in 0..<8 where ignoring.contains(where: { $0.contains(offset + byte) }) {
        mask &= ~(0xFF << UInt64(8 * byte))
      }
      let left = old[offset].map { $0 & mask }
      let right = new[offset].map { $0 & mask }
      if mask == 0 || left == right { continue }
      if mask != .max && (left == nil || right == nil) { continue }
      found.append(
        Difference(
          what: "[\(hex(DataImage.address &+ UInt64(offset)))]",
          expected: left.map(hex) ?? "unchanged", actual: right.map(hex) ?? "unchanged"))
    }
  }
}

package func hex(_ value: UInt64) -> String {
  String(value, radix: 16)
}

/// The 128 bits of `value` as 32 digits, high half first.
package func wideHex(_ value: SIMD2<UInt64>) -> String {
  padded(value.y, 16) + padded(value.x, 16)
}

package func padded(_ value: UInt64, _ digits: Int) -> String {
  let text = String(value, radix: 16)
  return String(repeating: "0", count: max(0, digits - text.count)) + text
}

extension ExtendedBits {
  /// Sign and exponent, a dot, and the significand, in hexadecimal.
  package var text: String {
    padded(UInt64(signExponent), 4) + "." + padded(significand, 16)
  }
}

extension Ending {
  private static let names: [UInt8: String] = [
    0: "#DE", 1: "#DB", 3: "#BP", 4: "#OF", 5: "#BR", 6: "#UD", 7: "#NM", 8: "#DF", 10: "#TS",
    11: "#NP", 12: "#SS", 13: "#GP", 14: "#PF", 16: "#MF", 17: "#AC", 19: "#XM",
  ]

  /// The manual's name, then the error code where there is one, and the address of a page fault.
  package var text: String {
    switch self {
    case .timeout: return "timeout"
    case .unrunnable: return "unrunnable"
    case .exception(let vector, let errorCode, let cr2):
      let name = Ending.names[vector] ?? "#\(vector)"
      switch vector {
      case 14: return "\(name)(\(hex(errorCode)))@\(hex(cr2))"
      case 10, 11, 12, 13: return "\(name)(\(hex(errorCode)))"
      default: return name
      }
    }
  }

  /// The ending that `text` names.
  package init?(_ text: some StringProtocol) {
    let halves = text.split(separator: "@", maxSplits: 1)
    guard let head = halves.first else { return nil }
    let parts = head.split(whereSeparator: { $0 == "(" || $0 == ")" })
    guard let first = parts.first, let known = Ending.names.first(where: { $0.value == first })
    else {
      return nil
    }
    let code = parts.count > 1 ? UInt64(parts[1], radix: 16) ?? 0 : 0
    let address = halves.count > 1 ? UInt64(halves[1], radix: 16) ?? 0 : 0
    self = .exception(vector: known.key, errorCode: code, cr2: address)
  }
}
