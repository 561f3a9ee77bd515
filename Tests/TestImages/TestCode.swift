/// Machine code that means the same in 32-bit and in 64-bit mode.
public enum TestCode {
  /// MOV DX, 604h; MOV AX, 3400h; OUT DX, AX; HLT: ACPI soft-off.
  public static let powerOff: [UInt8] = [
    0x66, 0xBA, 0x04, 0x06, 0x66, 0xB8, 0x00, 0x34, 0x66, 0xEF, 0xF4,
  ]

  /// MOV AL, value; OUT F4h, AL; JMP $.
  public static func debugExit(_ value: UInt8) -> [UInt8] { [0xB0, value, 0xE6, 0xF4] + loop }

  /// JMP $.
  public static let loop: [UInt8] = [0xEB, 0xFE]

  /// UD2, without an IDT.
  public static let undefined: [UInt8] = [0x0F, 0x0B]

  /// CLI; HLT.
  public static let halt: [UInt8] = [0xFA, 0xF4]

  /// MOV DX, CF9h; MOV AL, 6; OUT DX, AL; JMP $: reset.
  public static let reset: [UInt8] = [0x66, 0xBA, 0xF9, 0x0C, 0xB0, 0x06, 0xEE] + loop

  /// Sends `text` to COM1, then goes on behind itself; for code at `address`.
  public static func print(_ text: String, at address: UInt64) -> [UInt8] {
    // MOV EDX, 3F8h; MOV ESI, text; next: LODSB; TEST AL, AL; JZ end; OUT DX, AL; JMP next
    let head: [UInt8] = [0xBA, 0xF8, 0x03, 0, 0, 0xBE]
    let tail: [UInt8] = [0xAC, 0x84, 0xC0, 0x74, 0x03, 0xEE, 0xEB, 0xF8]
    let textBytes = Array(text.utf8) + [0]
    // A jump over the text stands before it.
    let jump: [UInt8] = [0xE9] + ELFBuilder.number(UInt64(textBytes.count), 4)
    let textAt = address + UInt64(head.count + 4 + tail.count + jump.count)
    return head + ELFBuilder.number(textAt, 4) + tail + jump + textBytes
  }

  /// Sends back what COM1 receives; `q` ends with debug exit 10h.
  public static let echo: [UInt8] = [
    0xBA, 0xFD, 0x03, 0, 0,  // start: MOV EDX, 3FDh
    0xEC, 0xA8, 0x01, 0x74, 0xFB,  // wait: IN AL, DX; TEST AL, 1; JZ wait
    0xBA, 0xF8, 0x03, 0, 0,  // MOV EDX, 3F8h
    0xEC, 0xEE, 0x3C, 0x71,  // IN AL, DX; OUT DX, AL; CMP AL, 'q'
    0x75, 0xEB,  // JNE start
    0xB0, 0x10, 0xE6, 0xF4, 0xEB, 0xFE,  // MOV AL, 10h; OUT F4h, AL; JMP $
  ]
}
