/// The 8042 keyboard controller of a PS/2 machine, with a keyboard and a mouse.
///
/// IBM Personal System/2 Hardware Interface Technical Reference, "Keyboard and Auxiliary Device
/// Controller". Offset 0 is the data port (60h), offset 1 the command and status port (64h).
public final class I8042: ByteDevice, StatefulDevice {
  /// A byte in the output buffer or on its way there.
  public struct Output: Codable, Equatable, Sendable {
    package var byte: UInt8
    package var isFromMouse: Bool
  }

  /// The controller and the devices behind it.
  public struct State: Codable, Equatable, Sendable {
    /// The controller's own memory; its first byte is the command byte.
    package var memory: [UInt8]
    package var outputPort: UInt8 = 0xCF
    package var buffer: Output?
    package var lastByte: UInt8 = 0
    package var replies: [Output] = []
    package var pendingCommand: UInt8?
    package var isCommandLast = false
    /// A break prefix of set 2 was taken and waits for its code.
    package var translatesBreak = false
    package var keyboard = PS2Keyboard()
    package var mouse = PS2Mouse()

    init() {
      memory = [UInt8](repeating: 0, count: 32)
      // As firmware leaves it: translation, keyboard interrupt, mouse off.
      memory[0] =
        CommandByte.translates | CommandByte.mouseDisabled | CommandByte.system
        | CommandByte.keyboardInterrupt
    }
  }

  /// Bits of the command byte.
  enum CommandByte {
    static let keyboardInterrupt: UInt8 = 1 << 0
    static let mouseInterrupt: UInt8 = 1 << 1
    static let system: UInt8 = 1 << 2
    static let keyboardDisabled: UInt8 = 1 << 4
    static let mouseDisabled: UInt8 = 1 << 5
    static let translates: UInt8 = 1 << 6
  }

  var registers = State()
  private let keyboardLine: InterruptLine
  private let mouseLine: InterruptLine
  let setA20: (Bool) -> Void
  let resetRequested: () -> Void

  /// Makes a controller that interrupts on two lines.
  ///
  /// - Parameters:
  ///   - keyboardLine: IRQ 1 of a PC.
  ///   - mouseLine: IRQ 12 of a PC.
  ///   - setA20: Is told bit 1 of the output port when it changes; A20 is on at reset.
  ///   - resetRequested: Runs when bit 0 of the output port goes low.
  public init(
    keyboardLine: InterruptLine, mouseLine: InterruptLine, setA20: @escaping (Bool) -> Void,
    resetRequested: @escaping () -> Void
  ) {
    self.keyboardLine = keyboardLine
    self.mouseLine = mouseLine
    self.setA20 = setA20
    self.resetRequested = resetRequested
  }

  /// The controller and the devices behind it.
  public var state: State {
    get { registers }
    set {
      registers = newValue
      keyboardLine.restore(level: isKeyboardInterrupting)
      mouseLine.restore(level: isMouseInterrupting)
    }
  }

  /// The state firmware leaves.
  public func reset() {
    registers = State()
    driveLines()
  }

  // MARK: The host's hands

  /// Presses a key.
  public func press(_ key: Key) {
    registers.keyboard.key(key, isPressed: true)
    fillBuffer()
  }

  /// Releases a key.
  public func release(_ key: Key) {
    registers.keyboard.key(key, isPressed: false)
    fillBuffer()
  }

  /// Moves the mouse right and up, with the buttons held: bit 0 left, 1 right, 2 middle.
  public func moveMouse(x: Int, y: Int, buttons: UInt8) {
    registers.mouse.move(x: x, y: y, buttons: buttons)
    fillBuffer()
  }

  // MARK: The output buffer

  var commandByte: UInt8 {
    get { registers.memory[0] }
    set { registers.memory[0] = newValue }
  }

  func reply(_ byte: UInt8, isFromMouse: Bool = false) {
    registers.replies.append(Output(byte: byte, isFromMouse: isFromMouse))
  }

  func takeBuffer() -> UInt8 {
    if let output = registers.buffer {
      registers.lastByte = output.byte
      registers.buffer = nil
      // The lines drop before the next byte raises one again: each byte is an edge of its own.
      driveLines()
      fillBuffer()
    }
    return registers.lastByte
  }

  /// Puts the next byte into the output buffer: replies first, then the keyboard, then the mouse.
  func fillBuffer() {
    if registers.buffer == nil { registers.buffer = nextOutput() }
    driveLines()
  }

  private func nextOutput() -> Output? {
    if !registers.replies.isEmpty { return registers.replies.removeFirst() }
    if commandByte & CommandByte.keyboardDisabled == 0 {
      while let byte = registers.keyboard.takeOutput() {
        if let translated = translate(byte) {
          return Output(byte: translated, isFromMouse: false)
        }
      }
    }
    guard commandByte & CommandByte.mouseDisabled == 0 else { return nil }
    return registers.mouse.takeOutput().map { Output(byte: $0, isFromMouse: true) }
  }

  /// Set 2 becomes set 1 when the command byte says so; the break prefix becomes bit 7.
  private func translate(_ byte: UInt8) -> UInt8? {
    guard commandByte & CommandByte.translates != 0 else { return byte }
    if byte == 0xF0 {
      registers.translatesBreak = true
      return nil
    }
    let code = ScanCodeSet.translate(byte) | (registers.translatesBreak ? 0x80 : 0)
    registers.translatesBreak = false
    return code
  }

  // MARK: Interrupts

  private var isKeyboardInterrupting: Bool {
    commandByte & CommandByte.keyboardInterrupt != 0 && registers.buffer?.isFromMouse == false
  }

  private var isMouseInterrupting: Bool {
    commandByte & CommandByte.mouseInterrupt != 0 && registers.buffer?.isFromMouse == true
  }

  func driveLines() {
    keyboardLine.set(isKeyboardInterrupting)
    mouseLine.set(isMouseInterrupting)
  }
}
