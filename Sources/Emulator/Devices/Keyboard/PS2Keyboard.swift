/// A PS/2 keyboard: what it answers to commands and what its keys send.
///
/// IBM Personal System/2 Hardware Interface Technical Reference, "Keyboard". Quirk: scan-code-set-3.
/// Scan code sets 1 and 2
/// are offered.
public struct PS2Keyboard: Codable, Equatable, Sendable {
  private enum Reply {
    static let acknowledge: UInt8 = 0xFA
    static let resend: UInt8 = 0xFE
    static let selfTestPassed: UInt8 = 0xAA
    static let echo: UInt8 = 0xEE
  }

  /// Bytes of key presses the keyboard holds before it drops keys.
  private static let capacity = 16

  /// Bytes on their way to the controller.
  package var output = ByteQueue()
  package var isScanning = true
  package var indicators: UInt8 = 0
  package var typematicRate: UInt8 = 0x2B
  var scanCodeSet = ScanCodeSet.two
  /// The command whose argument is the next byte.
  private var pendingCommand: UInt8?
  private var lastSent: UInt8 = 0

  init() {}

  mutating func takeOutput() -> UInt8? {
    guard let byte = output.popFirst() else { return nil }
    if byte != Reply.resend { lastSent = byte }
    return byte
  }

  mutating func key(_ key: Key, isPressed: Bool) {
    let bytes = scanCodeSet.bytes(key, isPressed: isPressed)
    guard isScanning, output.count + bytes.count <= Self.capacity else { return }
    for byte in bytes { output.append(byte) }
  }

  /// Takes a command or an argument from the controller.
  mutating func write(_ byte: UInt8) {
    if let command = pendingCommand {
      pendingCommand = nil
      if byte < 0x80 { return runArgument(byte, of: command) }
      // Anything that cannot be an argument is a new command.
    }
    switch byte {
    case 0xED, 0xF0, 0xF3, 0xFB...0xFD:
      pendingCommand = byte
      reply(Reply.acknowledge)
    case 0xEE: reply(Reply.echo)
    case 0xF2: reply(Reply.acknowledge, 0xAB, 0x83)
    case 0xF4:
      output.removeAll()
      isScanning = true
      reply(Reply.acknowledge)
    case 0xF5: resetToDefaults(isScanning: false)
    case 0xF6: resetToDefaults(isScanning: true)
    case 0xF7...0xFA: reply(Reply.acknowledge)
    case 0xFE: reply(lastSent)
    case 0xFF:
      self = PS2Keyboard()
      reply(Reply.acknowledge, Reply.selfTestPassed)
    default: reply(Reply.resend)
    }
  }

  private mutating func resetToDefaults(isScanning: Bool) {
    self = PS2Keyboard()
    self.isScanning = isScanning
    reply(Reply.acknowledge)
  }

  private mutating func runArgument(_ argument: UInt8, of command: UInt8) {
    switch command {
    case 0xED: indicators = argument & 7
    case 0xF3: typematicRate = argument
    case 0xF0 where argument == 0:
      return reply(Reply.acknowledge, scanCodeSet.rawValue)
    case 0xF0:
      guard let set = ScanCodeSet(rawValue: argument) else { return reply(Reply.resend) }
      scanCodeSet = set
    default: break
    }
    reply(Reply.acknowledge)
  }

  private mutating func reply(_ bytes: UInt8...) {
    for byte in bytes { output.append(byte) }
  }
}
