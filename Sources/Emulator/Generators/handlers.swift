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
  emit("neg", "r", width, "negR(\(type).self, s, o)")
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
    emit(
      "cmovcc", "rr", width, "cmovRR(Condition<\(code)>.self, \(type).self, s, o)",
      condition: code)
    emit(
      "cmovcc", "rm", width, "cmovRM(Condition<\(code)>.self, \(type).self, s, o)",
      condition: code)
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
    for form in ["RR", "RI", "RM", "MI"] {
      emit(
        "cmp", "\(form.lowercased())Branch", width,
        "compareBranch\(form)(Condition<\(code)>.self, \(type).self, s, o)", condition: code)
    }
    if ![2, 3, 6, 7].contains(code) {
      for form in ["RR", "RI"] {
        emit(
          "test", "\(form.lowercased())Branch", width,
          "testBranch\(form)(Condition<\(code)>.self, \(type).self, s, o)", condition: code)
      }
    }
  }
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
