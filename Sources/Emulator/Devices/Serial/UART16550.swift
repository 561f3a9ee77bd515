/// A 16550A UART with a terminal at the other end.
///
/// PC16550D data sheet (National Semiconductor).
///
/// Quirk: fast-transmitter. Two things are faster than the wire: a byte
/// written to the THR is transmitted at once, and the THRE interrupt comes with it, since polling
/// guests would spend most of their instructions waiting for a wire that does not exist. Received
/// bytes do keep the programmed rate, so that a driver's buffers are filled no faster than they
/// would be by a real line, and those that find the FIFO full wait outside: nothing is lost.
public final class UART16550: ByteDevice, StatefulDevice {
  /// The crystal of a PC's serial port, divided by 16 for each bit.
  static let crystal: UInt64 = 1_843_200

  static let fifoDepth = 16

  /// So many questions in a row are not about the transmitter, which is always ready.
  static let patientPolls: UInt8 = 16

  let line: InterruptLine
  let clock: VirtualClock
  let transmit: (UInt8) -> Void
  private let receiveTimer: VirtualTimer
  private let timeoutTimer: VirtualTimer
  var registers = State()

  /// Makes a UART that interrupts on `line` and gives what it sends to `transmit`.
  public init(clock: VirtualClock, line: InterruptLine, transmit: @escaping (UInt8) -> Void) {
    self.clock = clock
    self.line = line
    self.transmit = transmit
    receiveTimer = VirtualTimer(clock, name: "UART receive")
    timeoutTimer = VirtualTimer(clock, name: "UART character timeout")
    receiveTimer.handler = { [weak self] _ in self?.receiveWaiting() }
    timeoutTimer.handler = { [weak self] _ in self?.characterTimeout() }
  }

  /// Whether somebody waits for input.
  public var isListening: Bool { registers.isListening }

  /// Everything the UART remembers.
  public var state: State {
    get { registers }
    set {
      registers = newValue
      line.restore(level: interruptOutput)
      armReceiveTimer()
      timeoutTimer.arm(at: registers.timeoutDeadline)
    }
  }

  /// The state after the MR pin: no interrupts, no FIFOs.
  ///
  /// Input still waiting on the wire stays.
  public func reset() {
    let waiting = registers.waiting
    registers = State()
    registers.waiting = waiting
    timeoutTimer.disarm()
    armReceiveTimer()
    updateLine()
  }

  // MARK: The wire

  /// Whether a byte given to `receive` would reach the guest without waiting for others.
  public var canReceive: Bool {
    registers.waiting.isEmpty && registers.received.count < registers.receiveCapacity
  }

  /// Takes a byte from the other end of the line; it waits there until the receiver has room.
  public func receive(_ byte: UInt8) {
    registers.waiting.append(byte)
    if registers.waiting.count == 1 { armReceiveTimer() }
    receiveWaiting()
  }

  /// Moves the next waiting byte into the receiver once the line has had time to carry it.
  private func receiveWaiting() {
    // In loopback the receiver is disconnected from the line.
    guard !registers.isLoopback, registers.received.count < registers.receiveCapacity,
      clock.now >= registers.nextArrival, let byte = registers.waiting.popFirst()
    else { return }
    registers.nextArrival = clock.now &+ registers.characterTime
    pushReceived(ReceivedCharacter(byte: byte))
    armReceiveTimer()
  }

  func armReceiveTimer() {
    guard !registers.waiting.isEmpty, !registers.isLoopback,
      registers.received.count < registers.receiveCapacity
    else { return receiveTimer.disarm() }
    receiveTimer.arm(at: registers.nextArrival)
  }

  /// Puts a character into the receiver FIFO, or over the last one when there is no room.
  func pushReceived(_ character: ReceivedCharacter) {
    if registers.received.count < registers.receiveCapacity {
      registers.received.append(character)
    } else {
      registers.hasOverrun = true
      // Without FIFOs the receive buffer is overwritten; with them the new character is lost.
      if !registers.isFIFOEnabled { registers.received = [character] }
    }
    restartTimeout()
    updateLine()
  }

  func popReceived() -> UInt8 {
    guard let first = registers.received.first else { return registers.lastReceived }
    registers.received.removeFirst()
    registers.lastReceived = first.byte
    restartTimeout()
    updateLine()
    armReceiveTimer()
    return first.byte
  }

  // MARK: Interrupts

  /// Starts the four character times after which a FIFO below its trigger level interrupts.
  func restartTimeout() {
    registers.isTimedOut = false
    let runs = registers.isFIFOEnabled && !registers.received.isEmpty
    registers.timeoutDeadline = runs ? clock.now &+ 4 &* registers.characterTime : .max
    timeoutTimer.arm(at: registers.timeoutDeadline)
  }

  private func characterTimeout() {
    registers.timeoutDeadline = .max
    registers.isTimedOut = registers.isFIFOEnabled && !registers.received.isEmpty
    updateLine()
  }

  /// OUT2 gates the interrupt onto the bus of a PC.
  private var interruptOutput: Bool {
    registers.interruptIdentification != .none && registers.modemControl & ModemControl.out2 != 0
  }

  func updateLine() {
    line.set(interruptOutput)
  }
}
