/// The terminal on COM1: output from everyone, input for the process in the foreground.
///
/// Lock: interrupts off.
enum Console {
  /// The process that reads the console and that Ctrl-C kills.
  nonisolated(unsafe) static var foreground = 0

  static func start() {
    SerialPort.com1.start()
  }

  static func write(_ line: TextLine) {
    withInterruptsOff { line.withBytes { SerialPort.com1.write($0) } }
  }

  static func write(_ bytes: [UInt8]) { bytes.withUnsafeBufferPointer { write($0) } }

  static func write(_ bytes: UnsafeBufferPointer<UInt8>) {
    withInterruptsOff { SerialPort.com1.write(bytes) }
  }

  /// From now on input arrives.
  static func listen() {
    let handler = IRQ.request(Int(SerialPort.com1Interrupt), "ttyS0") {
      withInterruptsOff { receive() }
      return true
    }
    if handler == nil { log("irq", "COM1's interrupt cannot be had") }
    SerialPort.com1.enableReceiveInterrupt()
  }

  /// Takes what has arrived; called for the UART's interrupt.
  private static func receive() {
    while let byte = SerialPort.com1.read() { Terminal.console.receive(byte) }
  }

  /// Ctrl-C and the like; false when it is a byte like any other for the process in the foreground.
  static func signalForeground(_ signal: LineDiscipline.Signal) -> Bool {
    withInterruptsOff {
      guard signal == .interrupt, let process = Processes.find(foreground) else { return false }
      if process.keepsInterrupts {
        guard Processes.interruptWaiting(process) else { return false }
      } else {
        Processes.end(process, .killed)
      }
      if Terminal.console.settings.echoes == 0 { write([0x5e, 0x43, 0x0a]) }
      return true
    }
  }

  /// Only the foreground reads what is typed.
  static func checkForeground() throws(SystemFailure) {
    if Process.current.pid != foreground { throw SystemFailure(.inputOutput) }
  }
}
