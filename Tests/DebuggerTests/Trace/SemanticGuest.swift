import Debugger
import TestImages

/// A kernel with three functions: it loads an IDT, works, and raises an exception that ends it.
struct SemanticGuest {
  let guest: Guest

  /// The kernel at an address, with NOPs before each function's work.
  init(base: UInt64, padding: Int, rounds: UInt8 = 5) {
    let nops = [UInt8](repeating: 0x90, count: padding)
    let workAt = 0x100
    let handlerAt = 0x180
    let tableAt = 0x200
    // The gate of vector 6 in an IDT that begins behind the code, and its pseudo-descriptor.
    let handler = base + UInt64(handlerAt)
    var gate = Self.number(handler & 0xFFFF, 2) + Self.number(8, 2) + [0, 0x8E]
    gate += Self.number(handler >> 16 & 0xFFFF, 2) + Self.number(handler >> 32, 4)
    gate += Self.number(0, 4)
    let descriptor = Self.number(0x6F, 2) + Self.number(base + UInt64(tableAt), 8)
    // The selector of the present code segment goes into the gate: mov ax, cs; mov [gate+2], ax.
    let start: [UInt8] =
      nops + [0x8C, 0xC8]
      + [0x66, 0x89, 0x04, 0x25] + Self.number(base + UInt64(tableAt) + 6 * 16 + 2, 4)
      + [0x0F, 0x01, 0x1C, 0x25] + Self.number(base + UInt64(tableAt) + 0x80, 4)
    var code = start
    code += [0xE8] + Self.number(UInt64(workAt - start.count - 5), 4) + [0x0F, 0x0B]
    code += [UInt8](repeating: 0xCC, count: workAt - code.count)
    // mov ecx, rounds; mov al, 'A'; out 0E9h, al; loop -4; ret
    code +=
      nops + [0xB9] + Self.number(UInt64(rounds), 4) + [0xB0, 0x41, 0xE6, 0xE9, 0xE2, 0xFC, 0xC3]
    code += [UInt8](repeating: 0xCC, count: handlerAt - code.count)
    code += nops + TestCode.powerOff
    code += [UInt8](repeating: 0, count: tableAt + 6 * 16 - code.count) + gate
    code += [UInt8](repeating: 0, count: tableAt + 0x80 - code.count) + descriptor
    guest = Guest.bare(
      code, at: base,
      symbols: [
        ("start", base, UInt64(workAt)), ("work", base + UInt64(workAt), 0x80),
        ("handler", base + UInt64(handlerAt), 0x80), ("idt", base + UInt64(tableAt), 0x80),
      ])
  }

  private static func number(_ value: UInt64, _ size: Int) -> [UInt8] {
    (0..<size).map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
  }
}
