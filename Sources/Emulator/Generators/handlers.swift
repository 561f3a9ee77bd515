// Writes Sources/Emulator/CPU/Engine/Handlers/HandlerList.swift: one line a handler, each a
// specialisation of generic plumbing, and the table that finds them by form. Run by `make
// handlers`; CI checks that the output is the one checked in.

struct Line {
  var name: String
  var body: String
  var slot: String
}

let widths = [(8, "UInt8"), (16, "UInt16"), (32, "UInt32"), (64, "UInt64")]
var lines: [Line] = []

func emit(
  _ mnemonic: String, _ form: String, _ width: Int, _ call: String, condition: Int? = nil
) {
  let suffix = condition.map { "_cc\($0)" } ?? ""
  let name = "h_\(mnemonic)_\(form)_\(width)\(suffix)"
  let extra = condition.map { ", condition: \($0)" } ?? ""
  lines.append(
    Line(
      name: name, body: call, slot: ".\(mnemonic), .\(form), \(width)\(extra)"))
}

for (width, type) in widths {
  for name in ["add", "or", "and", "sub", "xor", "cmp", "test"] {
    for form in ["RR", "RI", "RM", "MR", "MI"] where name != "test" || form != "RM" {
      emit(
        name, form.lowercased(), width,
        "binary\(form)(\(name.uppercased()).self, \(type).self, s, o)")
    }
  }
  for name in ["adc", "sbb"] {
    for form in ["RR", "RI"] {
      emit(
        name, form.lowercased(), width,
        "carry\(form)(\(name.uppercased()).self, \(type).self, s, o)")
    }
  }
  for name in ["inc", "dec"] {
    emit(name, "r", width, "stepR(\(name.uppercased()).self, \(type).self, s, o)")
    emit(name, "m", width, "stepM(\(name.uppercased()).self, \(type).self, s, o)")
  }
  emit("not", "r", width, "notR(\(type).self, s, o)")
  emit("neg", "r", width, "negR(SUB.self, \(type).self, s, o)")
  for name in ["shl", "shr", "sar"] {
    emit(name, "ri", width, "shiftRI(\(name.uppercased()).self, \(type).self, s, o)")
    emit(name, "rc", width, "shiftRC(\(name.uppercased()).self, \(type).self, s, o)")
  }
  for name in ["rol", "ror"] {
    emit(name, "ri", width, "rotateRI(\(name.uppercased()).self, \(type).self, s, o)")
    emit(name, "rc", width, "rotateRC(\(name.uppercased()).self, \(type).self, s, o)")
  }
  for form in ["RR", "RI", "RM", "MR", "MI"] {
    emit("mov", form.lowercased(), width, "mov\(form)(\(type).self, s, o)")
  }
  emit("xchg", "rr", width, "xchgRR(\(type).self, s, o)")
}
for (width, type) in widths where width >= 16 {
  emit("lea", "rm", width, "lea(\(type).self, s, o)")
  emit("loop", "none", width, "loopRegister(\(type).self, s, o)")
  emit("jrcxz", "none", width, "jumpIfZero(\(type).self, s, o)")
}
// Stacks outside 64-bit mode, told apart as `StackKind` says.
for (width, type) in [(16, "UInt16"), (32, "UInt32")] {
  emit("jmp", "r", width, "narrowJmpR(\(type).self, s, o)")
  emit("jmp", "m", width, "narrowJmpM(\(type).self, s, o)")
  let stacks = ["FlatStack", "SegmentedStack<UInt32>", "SegmentedStack<UInt16>"]
  for (kind, stack) in stacks.enumerated() {
    for (name, form, body) in [
      ("push", "r", "PushR"), ("push", "i", "PushI"), ("pop", "r", "PopR"),
      ("leave", "none", "Leave"), ("call", "i", "Call"), ("call", "r", "CallR"),
      ("call", "m", "CallM"), ("ret", "none", "Ret"),
    ] {
      emit(
        name, form, width, "narrow\(body)(\(stack).self, \(type).self, s, o)", condition: kind)
    }
  }
}
for (width, type) in widths where width >= 32 {
  for form in ["RR", "RI", "MI"] {
    emit("bt", form.lowercased(), width, "bitTest\(form)(\(type).self, s, o)")
  }
  emit("bswap", "r", width, "bswapR(\(type).self, s, o)")
  emit("imul", "rr", width, "imulRR(\(type).self, s, o)")
  emit("imul", "rm", width, "imulRM(\(type).self, s, o)")
  emit("imul", "rri", width, "imulRRI(\(type).self, s, o)")
  emit("imul", "r", width, "multiplyR(\(type).self, s, o, signed: true)")
  emit("mul", "r", width, "multiplyR(\(type).self, s, o, signed: false)")
  let half = width == 64 ? "Int32" : "Int16"
  let whole = width == 64 ? "Int64" : "Int32"
  emit("cbw", "r", width, "extendAccumulator(\(type).self, \(half).self, s, o)")
  emit("cwd", "r", width, "spreadSign(\(type).self, \(whole).self, s, o)")
  for (source, bits) in [("8", 8), ("16", 16)] {
    let form = bits == 8 ? "Byte" : "Word"
    emit("movzx", "rr\(form)", width, "extendRR(\(type).self, UInt\(source).self, s, o)")
    emit("movzx", "rm\(form)", width, "extendRM(\(type).self, UInt\(source).self, s, o)")
    emit("movsx", "rr\(form)", width, "extendRR(\(type).self, Int\(source).self, s, o)")
    emit("movsx", "rm\(form)", width, "extendRM(\(type).self, Int\(source).self, s, o)")
  }
  for code in 0..<16 {
    for form in ["RR", "RM"] {
      emit(
        "cmovcc", form.lowercased(), width,
        "cmov\(form)(Condition<\(code)>.self, \(type).self, s, o)", condition: code)
    }
  }
}
emit("movsxd", "rr", 64, "extendRR(UInt64.self, Int32.self, s, o)")
emit("movsxd", "rm", 64, "extendRM(UInt64.self, Int32.self, s, o)")
for code in 0..<16 {
  emit("setcc", "r", 8, "setccR(Condition<\(code)>.self, s, o)", condition: code)
  emit("jcc", "none", 64, "jcc(Condition<\(code)>.self, s, o)", condition: code)
}
// CMP or TEST and Jcc as one operation, for the conditions that compilers use.
for code in [2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14, 15] {
  for (width, type) in widths where width != 16 {
    for form in ["RR", "RI", "RM", "MR", "MI"] {
      emit(
        "cmp", "\(form.lowercased())Branch", width,
        "compareBranch\(form)(Condition<\(code)>.self, \(type).self, s, o)", condition: code)
    }
    if ![2, 3, 6, 7].contains(code) {
      for form in ["RR", "RI", "MR", "MI"] {
        emit(
          "test", "\(form.lowercased())Branch", width,
          "testBranch\(form)(Condition<\(code)>.self, \(type).self, s, o)", condition: code)
      }
    }
  }
}

// Vector instructions: by map, prefix, opcode, form and encoding.
let encodings = [("legacy", "LegacyVector"), ("narrow", "NarrowVector"), ("wide", "WideVector")]
let prefixNames = ["none": "", "operandSize": "66", "rep": "F3", "repne": "F2"]

func emitVector(
  _ prefix: String, _ opcode: Int, _ form: String, map: Int = 1, quadword: Bool = false,
  scalar: Bool = false, only: Set<String>? = nil, _ call: (String) -> String
) {
  for (name, type) in encodings {
    if scalar && name == "wide" || only?.contains(name) == false { continue }
    let hex = String(opcode, radix: 16, uppercase: true)
    let key = "\(map)\(prefixNames[prefix] ?? "")_\(hex)\(quadword ? "w" : "")"
    let extra = quadword ? ", isQuadword: true" : ""
    lines.append(
      Line(
        name: "h_v\(key)_\(form)_\(name)", body: call("\(type).self"),
        slot: "map: \(map), .\(prefix), 0x\(hex), .\(form), .\(name)\(extra)"))
  }
}

// Those that need more registers than a handler may use without saving any have no wide form.
let narrowOnly: Set = ["legacy", "narrow"]

func emitPacked(
  _ prefix: String, _ opcode: Int, map: Int = 1, only: Set<String>? = nil, _ operation: String
) {
  emitVector(prefix, opcode, "rr", map: map, only: only) {
    "vectorRR(\(operation).self, \($0), s, o)"
  }
  emitVector(prefix, opcode, "rm", map: map, only: only) {
    "vectorRM(\(operation).self, \($0), s, o)"
  }
}

let packedOperations: [(String, [Int])] = [
  ("PackedLogic", [0xDB, 0xDF, 0xEB, 0xEF]),
  ("PackedSum", [0xFC, 0xFD, 0xFE, 0xD4, 0xED, 0xDD]),
  ("PackedDifference", [0xF8, 0xF9, 0xFA, 0xFB, 0xE9, 0xD9]),
  ("PackedComparison", [0x64, 0x65, 0x66, 0x74, 0x75, 0x76]),
  ("PackedSelection", [0xDA, 0xDE, 0xEA, 0xEE, 0xE0, 0xE3]),
  ("PackedProduct", [0xD5, 0xE4, 0xE5, 0xF4, 0xF5]),
  ("PackedNarrowing", [0x63, 0x67, 0x6B]),
  ("PackedInterleaving", [0x60, 0x61, 0x62, 0x68, 0x69, 0x6A, 0x6C, 0x6D]),
]
for (name, opcodes) in packedOperations {
  for opcode in opcodes {
    let isLarge = [0x60, 0x61, 0x68, 0x69].contains(opcode)
    emitPacked("operandSize", opcode, only: isLarge ? narrowOnly : nil, "\(name)<\(opcode)>")
  }
}
for (opcode, logic) in [(0x54, 0xDB), (0x55, 0xDF), (0x56, 0xEB), (0x57, 0xEF)] {
  for prefix in ["none", "operandSize"] { emitPacked(prefix, opcode, "PackedLogic<\(logic)>") }
}
emitPacked("none", 0x14, "PackedInterleaving<\(0x62)>")
emitPacked("operandSize", 0x14, "PackedInterleaving<\(0x6C)>")
emitPacked("operandSize", 0x15, "PackedInterleaving<\(0x6D)>")
emitPacked("operandSize", 0x00, map: 2, only: narrowOnly, "ByteShuffle")
for opcode in [0x29, 0x37, 0x39, 0x3A, 0x3B, 0x3D, 0x3F, 0x40] {
  emitPacked("operandSize", opcode, map: 2, "PackedWide<\(opcode)>")
}
for opcode in [0xD1, 0xD2, 0xD3, 0xE1, 0xE2, 0xF1, 0xF2, 0xF3] {
  emitVector("operandSize", opcode, "ri") { "vectorRRI(PackedShift<\(opcode)>.self, \($0), s, o)" }
}
for (prefix, opcode, form, map, operation) in [
  ("operandSize", 0x73, "ri", 1, "ByteShiftRight"), ("operandSize", 0x77, "ri", 1, "ByteShiftLeft"),
  ("operandSize", 0x70, "rr", 1, "DoublewordShuffle"), ("none", 0xC6, "rr", 1, "SingleShuffle"),
  ("operandSize", 0x0F, "rr", 3, "ByteAlignment"),
] {
  emitVector(prefix, opcode, form, map: map, only: map == 3 ? narrowOnly : nil) {
    "vectorRRI(\(operation).self, \($0), s, o)"
  }
}

// Moves.
for (prefix, opcode, aligned) in [
  ("none", 0x10, false), ("operandSize", 0x10, false), ("none", 0x28, true),
  ("operandSize", 0x28, true), ("operandSize", 0x6F, true), ("rep", 0x6F, false),
] {
  emitVector(prefix, opcode, "rm") { "vectorLoad(\($0), aligned: \(aligned), s, o)" }
  emitVector(prefix, opcode, "rr") { "vectorMove(\($0), s, o)" }
}
emitVector("repne", 0xF0, "rm") { "vectorLoad(\($0), aligned: false, s, o)" }
for (prefix, opcode, aligned) in [
  ("none", 0x11, false), ("operandSize", 0x11, false), ("none", 0x29, true),
  ("operandSize", 0x29, true), ("operandSize", 0x7F, true), ("rep", 0x7F, false),
] {
  emitVector(prefix, opcode, "rm") { "vectorStore(\($0), aligned: \(aligned), s, o)" }
  emitVector(prefix, opcode, "rr") { "vectorMove(\($0), s, o)" }
}
for (prefix, opcode) in [("none", 0x2B), ("operandSize", 0x2B), ("operandSize", 0xE7)] {
  emitVector(prefix, opcode, "rm") { "vectorStore(\($0), aligned: true, s, o)" }
}
for (prefix, type) in [("rep", "UInt32"), ("repne", "UInt64")] {
  emitVector(prefix, 0x10, "rm", scalar: true) { "scalarLoad(\(type).self, \($0), s, o)" }
  emitVector(prefix, 0x11, "rm", scalar: true) { "scalarStore(\(type).self, \($0), s, o)" }
  for opcode in [0x10, 0x11] {
    emitVector(prefix, opcode, "rr", scalar: true) { "scalarMove(\(type).self, \($0), s, o)" }
  }
}
for (quadword, type) in [(false, "UInt32"), (true, "UInt64")] {
  emitVector("operandSize", 0x6E, "rm", quadword: quadword, scalar: true) {
    "scalarLoad(\(type).self, \($0), s, o)"
  }
  emitVector("operandSize", 0x7E, "rm", quadword: quadword, scalar: true) {
    "scalarStore(\(type).self, \($0), s, o)"
  }
  emitVector("operandSize", 0x6E, "rr", quadword: quadword, scalar: true) {
    "vectorFromGeneral(\(type).self, \($0), s, o)"
  }
  emitVector("operandSize", 0x7E, "rr", quadword: quadword, scalar: true) {
    "generalFromVector(\(type).self, \($0), s, o)"
  }
  emitVector("rep", 0x7E, "rm", quadword: quadword, scalar: true) {
    "scalarLoad(UInt64.self, \($0), s, o)"
  }
  emitVector("rep", 0x7E, "rr", quadword: quadword, scalar: true) { "quadwordMove(\($0), s, o)" }
}
emitVector("operandSize", 0xD6, "rm", scalar: true) { "scalarStore(UInt64.self, \($0), s, o)" }
for prefix in ["none", "operandSize"] {
  for (opcode, isHigh) in [(0x12, false), (0x16, true)] {
    emitVector(prefix, opcode, "rm", scalar: true) { "halfLoad(\($0), isHigh: \(isHigh), s, o)" }
  }
  emitVector(prefix, 0x13, "rm", scalar: true) { "scalarStore(UInt64.self, \($0), s, o)" }
  emitVector(prefix, 0x17, "rm", scalar: true) { "highStore(\($0), s, o)" }
}
emitVector("operandSize", 0xD7, "rr") { "signMask(\($0), s, o)" }
emitVector("none", 0x77, "rr", only: ["narrow"]) { _ in "zeroUpper(s, o)" }

// Floating point.
let arithmetic = [
  (0x58, "Sum"), (0x59, "Product"), (0x5C, "Difference"),
  (0x5D, "Minimum"), (0x5E, "Quotient"), (0x5F, "Maximum"),
]
for (opcode, operation) in arithmetic {
  for (prefix, type) in [("rep", "Float"), ("repne", "Double")] {
    for form in ["RR", "RM"] {
      let isLarge = prefix == "repne" && form == "RM"
      emitVector(
        prefix, opcode, form.lowercased(), scalar: true, only: isLarge ? ["legacy"] : nil
      ) {
        "scalar\(form)(\(operation).self, \(type).self, \($0), s, o)"
      }
    }
  }
  guard ["Sum", "Product", "Difference", "Quotient"].contains(operation) else { continue }
  for form in ["RR", "RM"] {
    emitVector("none", opcode, form.lowercased(), only: narrowOnly) {
      "packedArithmetic\(form)(\(operation).self, Float.self, SIMD4<UInt32>.self, \($0), s, o)"
    }
  }
}
for (prefix, type) in [("none", "Float"), ("operandSize", "Double")] {
  for opcode in [0x2E, 0x2F] {
    for form in ["RR", "RM"] {
      emitVector(prefix, opcode, form.lowercased(), scalar: true) {
        "compare\(form)(\(type).self, \($0), s, o)"
      }
    }
  }
}
for (prefix, type) in [("rep", "Float"), ("repne", "Double")] {
  for (quadword, bits) in [(false, "32"), (true, "64")] {
    emitVector(prefix, 0x2A, "rr", quadword: quadword, scalar: true) {
      "fromIntegerR(Int\(bits).self, \(type).self, \($0), s, o)"
    }
    emitVector(prefix, 0x2C, "rr", quadword: quadword, scalar: true) {
      "toIntegerRR(UInt\(bits).self, \(type).self, \($0), s, o)"
    }
  }
}
emitVector("rep", 0x5A, "rr", scalar: true) { "widenRR(\($0), s, o)" }

// An operation and a Jcc that looks at its result alone.
for code in [4, 5, 8, 9] {
  for (width, type) in widths where width >= 32 {
    let condition = "Condition<\(code)>.self, \(type).self, s, o"
    for name in ["add", "and", "sub"] {
      for form in ["RR", "RI"] {
        emit(
          name, "\(form.lowercased())Branch", width,
          "resultBranch\(form)(\(name.uppercased()).self, \(condition))", condition: code)
      }
    }
    for name in ["inc", "dec"] {
      emit(
        name, "rBranch", width, "stepBranchR(\(name.uppercased()).self, \(condition))",
        condition: code)
    }
  }
}
// Where the flags are overwritten before anybody can look: "condition" 1 of mnemonics without one.
for (width, type) in widths where width >= 32 {
  func quiet(_ mnemonic: String, _ form: String, _ call: String) {
    emit(mnemonic, form, width, call, condition: 1)
  }
  for name in ["add", "or", "and", "sub", "xor"] {
    for form in ["RR", "RI", "RM", "MR", "MI"] {
      quiet(
        name, form.lowercased(),
        "binary\(form)(Quiet<\(name.uppercased())>.self, \(type).self, s, o)")
    }
  }
  for name in ["inc", "dec"] {
    for form in ["R", "M"] {
      quiet(
        name, form.lowercased(),
        "step\(form)(QuietStep<\(name.uppercased())>.self, \(type).self, s, o)")
    }
  }
  quiet("neg", "r", "negR(Quiet<SUB>.self, \(type).self, s, o)")
  for name in ["shl", "shr", "sar", "rol", "ror"] {
    for form in ["RI", "RC"] {
      quiet(
        name, form.lowercased(),
        "shift\(form)(QuietShift<\(name.uppercased())>.self, \(type).self, s, o)")
    }
  }
  for form in ["RR", "RM", "RRI"] {
    quiet("imul", form.lowercased(), "quietImul\(form)(\(type).self, s, o)")
  }
  quiet("imul", "r", "multiplyR(\(type).self, s, o, signed: true, quiet: true)")
  quiet("mul", "r", "multiplyR(\(type).self, s, o, signed: false, quiet: true)")
}

print("// Generated by Sources/Emulator/Generators/handlers.swift: do not edit.")
print("// swift-format-ignore-file\n")
for line in lines {
  print("@c func \(line.name)(_ s: StatePointer, _ o: UnsafeRawPointer) { \(line.body) }")
}
print("\nextension HandlerTable {")
let chunk = 100
let pieces = (lines.count + chunk - 1) / chunk
print("  func installAll() {")
for piece in 0..<pieces { print("    install\(piece)()") }
print("  }")
for piece in 0..<pieces {
  print("  private func install\(piece)() {")
  for line in lines[(piece * chunk)..<min((piece + 1) * chunk, lines.count)] {
    print("    install(\(line.slot), \(line.name))")
  }
  print("  }")
}
print("}")
