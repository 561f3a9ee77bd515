/// A 16550A UART: the kernel's console.
import KernelArch

struct SerialPort {
  static let com1 = SerialPort(base: 0x3f8)
  static let com1Interrupt: UInt8 = 4

  let base: UInt16

  private let breakInterrupt: UInt8 = 0x10
  /// Who writes has seen a BREAK: reading the line status clears its bit, and the byte of zeroes is still to come.
  ///
  /// Changed by atomic operations.
  nonisolated(unsafe) private static var breaks: UInt32 = 0

  private var interruptEnable: UInt16 { base + 1 }
  private var fifoControl: UInt16 { base + 2 }
  private var lineControl: UInt16 { base + 3 }
  private var modemControl: UInt16 { base + 4 }
  private var lineStatus: UInt16 { base + 5 }

  /// 115200 baud, 8 data bits, no parity, FIFOs on.
  func start() {
    outb(interruptEnable, 0)
    outb(lineControl, 0x80)  // DLAB: the next two bytes are the divisor
    outb(base, 1)
    outb(interruptEnable, 0)
    outb(lineControl, 0x03)
    outb(fifoControl, 0x07)
    outb(modemControl, 0x0b)  // DTR, RTS, OUT2: OUT2 lets the interrupt line through
  }

  /// Asks for an interrupt for every byte received.
  func enableReceiveInterrupt() { outb(interruptEnable, 0x01) }

  /// Writes bytes, a transmit FIFO at a time: an empty holding register means 16 free places.
  func write(_ bytes: UnsafeBufferPointer<UInt8>) {
    var room = 0
    for byte in bytes {
      if byte == 0x0a { put(0x0d, &room) }
      put(byte, &room)
    }
  }

  func write(_ bytes: [UInt8]) {
    var room = 0
    for byte in bytes { put(byte, &room) }
  }

  private func put(_ byte: UInt8, _ room: inout Int) {
    if room == 0 {
      while true {
        let status = inb(lineStatus)
        if status & breakInterrupt != 0 { atomic_store32(&SerialPort.breaks, 1) }
        if status & 0x20 != 0 { break }
      }
      room = 16
    }
    outb(base, byte)
    room -= 1
  }

  /// The next received byte, if there is one.
  func read() -> UInt8? {
    while let (byte, isBreak) = receive() { if !isBreak { return byte } }
    return nil
  }

  /// What has arrived next: a byte, or a BREAK, the line held low for longer than any byte, which the chip
  /// shows as a byte of zeroes with bit 4 of the line status.
  func receive() -> (byte: UInt8, isBreak: Bool)? {
    let status = inb(lineStatus)
    guard status & 0x01 != 0 else { return nil }
    let byte = inb(base)
    let wasSeen = byte == 0 && atomic_replace32(&SerialPort.breaks, 1, 0)
    return (byte, status & breakInterrupt != 0 || wasSeen)
  }
}
