/// A PS/2 mouse with three buttons.
///
/// IBM Personal System/2 Hardware Interface Technical Reference, "Auxiliary Device".
public struct PS2Mouse: Codable, Equatable, Sendable {
  private static let acknowledge: UInt8 = 0xFA
  private static let resend: UInt8 = 0xFE
  /// Bytes of movement packets the mouse holds before it waits for the controller.
  private static let capacity = 48

  /// Bytes on their way to the controller.
  package var output = ByteQueue()
  package var isReporting = false
  package var isRemote = false
  package var isWrapping = false
  package var scalesTwoToOne = false
  package var resolution: UInt8 = 2
  package var sampleRate: UInt8 = 100
  package var buttons: UInt8 = 0
  private var movedX = 0
  private var movedY = 0
  private var pendingCommand: UInt8?
  private var lastSent: UInt8 = 0

  init() {}

  mutating func takeOutput() -> UInt8? {
    guard let byte = output.popFirst() else { return nil }
    if byte != Self.resend { lastSent = byte }
    return byte
  }

  /// Moves right and up by counts, with `buttons` held: bit 0 left, 1 right, 2 middle.
  mutating func move(x: Int, y: Int, buttons: UInt8) {
    movedX = max(-4096, min(movedX &+ max(-4096, min(x, 4096)), 4096))
    movedY = max(-4096, min(movedY &+ max(-4096, min(y, 4096)), 4096))
    self.buttons = buttons & 7
    if isReporting, !isRemote, output.count + 3 <= Self.capacity { sendPacket() }
  }

  private mutating func sendPacket() {
    let x = max(-256, min(movedX, 255))
    let y = max(-256, min(movedY, 255))
    movedX -= x
    movedY -= y
    output.append(buttons | 0x08 | (x < 0 ? 0x10 : 0) | (y < 0 ? 0x20 : 0))
    output.append(UInt8(truncatingIfNeeded: x))
    output.append(UInt8(truncatingIfNeeded: y))
  }

  /// Takes a command or an argument from the controller.
  mutating func write(_ byte: UInt8) {
    if isWrapping, byte != 0xEC, byte != 0xFF { return output.append(byte) }
    if let command = pendingCommand {
      pendingCommand = nil
      if command == 0xE8 { resolution = byte & 3 } else { sampleRate = byte }
      return output.append(Self.acknowledge)
    }
    guard byte >= 0xE6 else { return output.append(Self.resend) }
    if byte == 0xFE { return output.append(lastSent) }
    output.removeAll()
    output.append(Self.acknowledge)
    run(byte)
  }

  private mutating func run(_ command: UInt8) {
    switch command {
    case 0xE6: scalesTwoToOne = false
    case 0xE7: scalesTwoToOne = true
    case 0xE8, 0xF3: pendingCommand = command
    case 0xE9: sendStatus()
    case 0xEA: isRemote = false
    case 0xEB: sendPacket()
    case 0xEC: isWrapping = false
    case 0xEE: isWrapping = true
    case 0xF0: isRemote = true
    case 0xF2: output.append(0)
    case 0xF4: isReporting = true
    case 0xF5: isReporting = false
    case 0xF6: resetToDefaults()
    case 0xFF:
      resetToDefaults()
      output.append(0xAA)
      output.append(0)
    default:
      output.removeAll()
      output.append(Self.resend)
    }
  }

  private mutating func resetToDefaults() {
    let output = output
    let buttons = buttons
    self = PS2Mouse()
    self.buttons = buttons
    self.output = output
  }

  private mutating func sendStatus() {
    let left = (buttons & 1) << 2
    let right = buttons >> 1 & 1
    let middle = buttons >> 1 & 2
    let modes: UInt8 =
      (isRemote ? 0x40 : 0) | (isReporting ? 0x20 : 0) | (scalesTwoToOne ? 0x10 : 0)
    output.append(modes | left | middle | right)
    output.append(resolution)
    output.append(sampleRate)
  }
}
