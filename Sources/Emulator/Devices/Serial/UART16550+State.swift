/// A character in the receiver with the errors it arrived with.
public struct ReceivedCharacter: Codable, Equatable, Sendable {
  package var byte: UInt8
  /// Bits 4:2 of the LSR: break, framing error, parity error.
  package var errors: UInt8 = 0
}

extension UART16550 {
  /// Everything the UART remembers.
  public struct State: Codable, Equatable, Sendable {
    package var received: [ReceivedCharacter] = []
    package var lastReceived: UInt8 = 0
    /// Bytes on the wire that the receiver has not taken.
    package var waiting = ByteQueue()
    /// When the line can have carried the next byte.
    package var nextArrival: UInt64 = 0
    package var timeoutDeadline = UInt64.max
    package var isTimedOut = false
    package var hasOverrun = false
    package var interruptEnable: UInt8 = 0
    package var fifoControl: UInt8 = 0
    /// 8 data bits, no parity, 1 stop bit, as firmware leaves it.
    package var lineControl: UInt8 = 3
    package var modemControl: UInt8 = 0
    package var modemDeltas: UInt8 = 0
    package var scratch: UInt8 = 0
    package var divisor: UInt16 = 1
    /// The THRE interrupt: set when the THR becomes empty, cleared by reading the IIR.
    package var isTransmitterEmptyPending = false
    /// How often in a row the guest asked for a character that was not there.
    package var fruitlessPolls: UInt8 = 0
  }

  enum ModemControl {
    static let dtr: UInt8 = 1 << 0
    static let rts: UInt8 = 1 << 1
    static let out1: UInt8 = 1 << 2
    static let out2: UInt8 = 1 << 3
    static let loopback: UInt8 = 1 << 4
  }

  enum ModemStatus {
    static let trailingRing: UInt8 = 1 << 2
    static let cts: UInt8 = 1 << 4
    static let dsr: UInt8 = 1 << 5
    static let ring: UInt8 = 1 << 6
    static let dcd: UInt8 = 1 << 7
  }

  enum LineStatus {
    static let dataReady: UInt8 = 1 << 0
    static let overrun: UInt8 = 1 << 1
    static let breakInterrupt: UInt8 = 1 << 4
    static let transmitterEmpty: UInt8 = 3 << 5
    static let errorInFIFO: UInt8 = 1 << 7
  }

  enum LineControl {
    static let setBreak: UInt8 = 1 << 6
    static let divisorLatch: UInt8 = 1 << 7
  }

  enum InterruptEnable {
    static let received: UInt8 = 1 << 0
    static let transmitterEmpty: UInt8 = 1 << 1
    static let lineStatus: UInt8 = 1 << 2
    static let modemStatus: UInt8 = 1 << 3
  }

  /// Bits 3:0 of the IIR, the source with the highest priority.
  enum InterruptIdentification: UInt8 {
    case lineStatus = 0x6
    case received = 0x4
    case timeout = 0xC
    case transmitterEmpty = 0x2
    case modemStatus = 0x0
    case none = 0x1
  }
}

extension UART16550.State {
  var isFIFOEnabled: Bool { fifoControl & 1 != 0 }
  var isLoopback: Bool { modemControl & UART16550.ModemControl.loopback != 0 }

  /// Whether somebody waits for input: a driver whose receive interrupt gets through, or a guest
  /// that asks again and again.
  ///
  /// Before that, drivers throw away what the receiver holds.
  var isListening: Bool {
    if fruitlessPolls >= UART16550.patientPolls { return true }
    return interruptEnable & UART16550.InterruptEnable.received != 0
      && modemControl & UART16550.ModemControl.out2 != 0 && !isLoopback
  }

  var receiveCapacity: Int { isFIFOEnabled ? UART16550.fifoDepth : 1 }

  private var triggerLevel: Int {
    guard isFIFOEnabled else { return 1 }
    return switch fifoControl >> 6 {
    case 0: 1
    case 1: 4
    case 2: 8
    default: 14
    }
  }

  /// The nanoseconds one character takes: start, data, parity and stop bits at the line's rate.
  var characterTime: UInt64 {
    let dataBits = UInt64(lineControl & 3) + 5
    let parityBits: UInt64 = lineControl & 1 << 3 != 0 ? 1 : 0
    let stopBits: UInt64 = lineControl & 1 << 2 != 0 ? 2 : 1
    let bits = 1 + dataBits + parityBits + stopBits
    // A divisor of zero stops a real UART; here it is the slowest rate.
    let divisor = divisor == 0 ? 0x1_0000 : UInt64(divisor)
    return bits * 16 * divisor * 1_000_000_000 / UART16550.crystal
  }

  /// The modem's lines: a terminal that is always there, or our own outputs in loopback.
  var modemLines: UInt8 {
    typealias Control = UART16550.ModemControl
    typealias Status = UART16550.ModemStatus
    guard isLoopback else { return Status.cts | Status.dsr | Status.dcd }
    return (modemControl & Control.rts != 0 ? Status.cts : 0)
      | (modemControl & Control.dtr != 0 ? Status.dsr : 0)
      | (modemControl & Control.out1 != 0 ? Status.ring : 0)
      | (modemControl & Control.out2 != 0 ? Status.dcd : 0)
  }

  /// The LSR; the errors are those of the character at the head of the FIFO.
  var lineStatus: UInt8 {
    typealias Status = UART16550.LineStatus
    var status = Status.transmitterEmpty
    if let first = received.first { status |= Status.dataReady | first.errors }
    if hasOverrun { status |= Status.overrun }
    if isFIFOEnabled, received.contains(where: { $0.errors != 0 }) { status |= Status.errorInFIFO }
    return status
  }

  var interruptIdentification: UART16550.InterruptIdentification {
    typealias Enable = UART16550.InterruptEnable
    if interruptEnable & Enable.lineStatus != 0, lineStatus & 0x1E != 0 { return .lineStatus }
    if interruptEnable & Enable.received != 0 {
      if received.count >= triggerLevel { return .received }
      if isTimedOut { return .timeout }
    }
    if interruptEnable & Enable.transmitterEmpty != 0, isTransmitterEmptyPending {
      return .transmitterEmpty
    }
    if interruptEnable & Enable.modemStatus != 0, modemDeltas != 0 { return .modemStatus }
    return .none
  }
}
