/// The terminal on COM1: output from everyone, input for the process in the foreground.
///
/// Lock of the input: interrupts off. Output has a spinlock of its own, under the log's.
enum Console {
  /// The process that reads the console and that Ctrl-C kills.
  nonisolated(unsafe) static var foreground = 0
  nonisolated(unsafe) private static var input = ByteQueue(capacity: 0)
  private static let inputArrived = WaitQueue()

  static func start() {
    SerialPort.com1.start()
    input = ByteQueue(capacity: 256)
  }

  private static let output = SpinLock("console output")

  static func write(_ line: TextLine) { line.withBytes { write($0[...]) } }

  static func write(_ bytes: [UInt8]) { bytes.withUnsafeBufferPointer { write($0[...]) } }

  static func write(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) {
    guard Power.options.debug.debuggerPort != 1 else { return }  // it belongs to the debugger
    output.withLockIRQ { SerialPort.com1.write(UnsafeBufferPointer(rebasing: bytes)) }
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
    while let byte = SerialPort.com1.read() {
      let controlC: UInt8 = 0x03
      if byte == controlC, interruptForeground() { continue }
      if input.push(byte) { inputArrived.wakeAll() }
    }
  }

  /// Ctrl-C; false when it is a byte like any other for the process in the foreground.
  private static func interruptForeground() -> Bool {
    guard let process = Processes.find(foreground) else { return false }
    if process.keepsInterrupts {
      guard Processes.interruptWaiting(process) else { return false }
    } else {
      Processes.end(process, .killed)
    }
    write("^C\n")
    input.removeAll()
    return true
  }

  /// Waits for input and takes up to `limit` bytes; empty when the caller is being killed.
  static func read(limit: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    withInterruptsOff {
      while bytes.isEmpty {
        while bytes.count < limit, let byte = input.pop() { bytes.append(byte) }
        if !bytes.isEmpty || inputArrived.wait({ input.count > 0 }) != .done { break }
      }
    }
    return bytes
  }
}
