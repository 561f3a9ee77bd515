import Emulator

/// Words for exceptions.
///
/// SDM Vol. 3A, "Exception and Interrupt Reference".
package enum ExceptionNames {
  private static let names: [UInt8: String] = [
    0: "#DE divide error", 1: "#DB debug exception", 2: "NMI", 3: "#BP breakpoint",
    4: "#OF overflow", 5: "#BR BOUND range exceeded", 6: "#UD invalid opcode",
    7: "#NM device not available", 8: "#DF double fault", 10: "#TS invalid TSS",
    11: "#NP segment not present", 12: "#SS stack-segment fault", 13: "#GP general protection",
    14: "#PF page fault", 16: "#MF x87 floating-point error", 17: "#AC alignment check",
    18: "#MC machine check", 19: "#XM SIMD floating-point exception",
  ]

  /// The name of a vector.
  package static func name(_ vector: UInt8) -> String {
    names[vector] ?? "interrupt \(UInt64(vector).hex)"
  }

  /// The vector of a name, as `#PF`.
  static func vector(named name: String) -> UInt8? {
    guard name.hasPrefix("#") || name == "NMI" else { return nil }
    return names.first { $0.value.prefix { $0 != " " } == name.uppercased() }?.key
  }

  /// What an error code says.
  static func describe(errorCode: UInt32, vector: UInt8) -> String {
    let value = "error code \(UInt64(errorCode).hex)"
    if vector == 14 { return "\(value) (\(describe(PageFaultErrorCode(rawValue: errorCode))))" }
    guard vector != 8, vector != 17, errorCode != 0 else { return value }
    let index = UInt64(errorCode >> 3 & 0x1FFF)
    let place: String
    if errorCode & 2 != 0 {
      place = "IDT entry \(index.hex)"
    } else {
      place =
        "selector \(UInt64(errorCode & 0xFFFC).hex) in the \(errorCode & 4 != 0 ? "LDT" : "GDT")"
    }
    return "\(value) (\(place)\(errorCode & 1 != 0 ? ", met while delivering an event" : ""))"
  }

  private static func describe(_ code: PageFaultErrorCode) -> String {
    var words = [
      code.contains(.user) ? "user" : "supervisor",
      code.contains(.instructionFetch) ? "fetch" : code.contains(.write) ? "write" : "read",
    ]
    words.append(
      code.contains(.reservedBit)
        ? "of a page with a reserved bit set"
        : code.contains(.protection) ? "against the page's rights" : "of a page that is not present"
    )
    return words.joined(separator: " ")
  }

  /// Which check of a delivery failed.
  static func describe(_ failure: DeliveryFailure) -> String {
    switch failure {
    case .gateBeyondLimit(let vector, let limit):
      "the gate of vector \(vector) lies beyond the IDT's limit \(UInt64(limit).hex)"
    case .gateBadType(let vector, let type):
      "the gate of vector \(vector) has type \(UInt64(type).hex), no interrupt or trap gate"
    case .gatePrivilege(let vector, let dpl):
      "the gate of vector \(vector) has DPL \(dpl), below the CPL"
    case .gateNotPresent(let vector): "the gate of vector \(vector) is not present (P is clear)"
    case .badCodeSelector(let selector, let reason):
      "the gate's code selector \(UInt64(selector).hex) \(describe(reason))"
    case .badStackSelector(let selector, let reason):
      "the stack selector \(UInt64(selector).hex) \(describe(reason))"
    case .tssTooSmall(let offset, let limit):
      "the TSS with limit \(UInt64(limit).hex) does not hold the stack pointer at \(offset.hex)"
    case .nonCanonicalStack(let rsp): "the TSS gave the stack pointer \(rsp.hex), not canonical"
    case .badTarget(let offset): "the handler's address \(offset.hex) cannot be executed"
    case .push(let rsp): "the exception frame cannot be pushed at stack pointer \(rsp.hex)"
    }
  }

  private static func describe(_ reason: DeliveryFailure.SelectorReason) -> String {
    switch reason {
    case .null: "is null"
    case .beyondLimit: "lies beyond its table's limit"
    case .type: "names a descriptor of the wrong type"
    case .privilege: "does not fit the privilege levels"
    case .notLong: "is no 64-bit code segment (L set, D clear)"
    case .notPresent: "names a segment that is not present"
    }
  }
}
