/// The two 8259 interrupt controllers of the PC: silent where there is an IOAPIC.
import KernelArch

enum LegacyPIC {
  private static let command: UInt16 = 0x20
  private static let mask: UInt16 = 0x21
  private static let secondCommand: UInt16 = 0xa0
  private static let secondMask: UInt16 = 0xa1
  static let firstVector: UInt8 = 0x20
  static let lineCount = 16
  /// A bit for each input that is let through; the second chip hangs on input 2.
  ///
  /// Lock: that of the lines, one at a time at boot.
  nonisolated(unsafe) private static var enabled: UInt16 = 0

  /// Moves them off the exceptions' vectors: even masked, one may raise a spurious interrupt.
  static func silence() {
    outb(command, 0x11)  // ICW1: edge triggered, cascaded, ICW4 follows
    outb(secondCommand, 0x11)
    outb(mask, firstVector)  // ICW2: the first vector
    outb(secondMask, firstVector + 8)
    outb(mask, 0x04)  // ICW3: the second one is at input 2
    outb(secondMask, 0x02)
    outb(mask, 0x01)  // ICW4: 8086 mode
    outb(secondMask, 0x01)
    outb(mask, 0xff)
    outb(secondMask, 0xff)
  }

  static func setMasked(_ line: Int, _ isMasked: Bool) {
    let bit = UInt16(1) << UInt16(line)
    if isMasked { enabled &= ~bit } else { enabled |= bit }
    let open = enabled & 0xff00 != 0 ? enabled | 0x04 : enabled
    outb(mask, ~UInt8(truncatingIfNeeded: open))
    outb(secondMask, ~UInt8(truncatingIfNeeded: open >> 8))
  }

  static func endOfInterrupt(_ line: Int) {
    if line >= 8 { outb(secondCommand, 0x20) }
    outb(command, 0x20)
  }

  /// An input that has gone away before it was acknowledged shows as the last one of its chip, without
  /// being in service.
  static func isSpurious(_ line: Int) -> Bool {
    guard line == 7 || line == 15 else { return false }
    let port = line == 7 ? command : secondCommand
    outb(port, 0x0b)  // the next read shows what is in service
    if inb(port) & 0x80 != 0 { return false }
    if line == 15 { outb(command, 0x20) }  // the first chip did see an interrupt
    return true
  }
}
