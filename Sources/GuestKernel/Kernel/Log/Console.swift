/// The terminal on COM1: output from everyone, input for the process in the foreground.
///
/// Input and output have a spinlock each, that of the output under the log's.
enum Console {
  /// The process group that reads the console and that Ctrl-C interrupts.
  nonisolated(unsafe) static var foreground = 0

  static func start() {
    SerialPort.com1.start()
  }

  private static let output = SpinLock("console output")

  static func write(_ line: TextLine) { line.withBytes { write($0[...]) } }

  static func write(_ bytes: [UInt8]) { bytes.withUnsafeBufferPointer { write($0[...]) } }

  static func write(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) {
    guard Power.options.debug.debuggerPort != 1 else { return }  // it belongs to the debugger
    output.withLockIRQ { SerialPort.com1.write(UnsafeBufferPointer(rebasing: bytes)) }
  }

  static func write(_ bytes: UnsafeBufferPointer<UInt8>) { write(bytes[...]) }

  /// From now on input arrives.
  static func listen() {
    let handler = IRQ.request(Int(SerialPort.com1Interrupt), "ttyS0") {
      while let key = receive() { MagicKeys.serve(key) }
      return true
    }
    if handler == nil { log("irq", "COM1's interrupt cannot be had") }
    SerialPort.com1.enableReceiveInterrupt()
  }

  /// The line's interrupt may go to another processor: what arrives stays in its order.
  private static let input = SpinLock("console input", usesReserve: true)

  /// Takes what has arrived, up to a magic key, which is returned; called for the UART's interrupt.
  private static func receive() -> UInt8? {
    input.withLockIRQ {
      while let (byte, isBreak) = SerialPort.com1.receive() {
        if Configuration.MAGIC_KEYS {
          if MagicKeys.isAnnounced(byBreak: isBreak) { return byte }
        }
        if !isBreak { Terminal.console.receive(byte) }
      }
      return nil
    }
  }

  /// Ctrl-C and the like; false when it is a byte like any other for the process in the foreground.
  static func signalForeground(_ signal: LineDiscipline.Signal) -> Bool {
    let sent: Signal =
      switch signal {
      case .interrupt: .interrupt
      case .quit: .quit
      case .stop: .terminalStop
      }
    return Signals.send(sent, toGroup: foreground)
  }

  /// Only the foreground reads what is typed; others are stopped, unless nobody could continue them.
  static func checkForeground() throws(SystemFailure) {
    let process = Process.current
    guard process.group != foreground else { return }
    let isOrphaned = Processes.lock.withLockIRQ { () -> Bool in
      let action = process.actions[Int(Signal.terminalInput.number)].handler
      return action == SignalAction.ignore || JobControl.isOrphaned(process.group)
    }
    if isOrphaned { throw SystemFailure(.inputOutput) }
    Signals.send(.terminalInput, toGroup: process.group)
    throw SystemFailure(.interrupted)  // the call is made again when the group goes on
  }
}
