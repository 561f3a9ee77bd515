/// The console as a terminal: a serial port, a line discipline, and a process group in the foreground
/// that reads it and gets its signals.
import KernelArch

final class Terminal {
  static let console = Terminal()

  private let lock = SpinLock("terminal", usesReserve: true)
  /// Lock for these: `lock`, also from interrupts.
  private var discipline = LineDiscipline()
  /// Rows, and columns above 16 bits: a serial line does not know them until somebody says them.
  private var windowSize: UInt64 = 24 | 80 << 16
  let input = Readiness()

  private init() {}

  /// What was typed, from the interrupt handler.
  func receive(_ byte: UInt8) {
    let (effect, echo) = lock.withLockIRQ {
      let effect = discipline.receive(byte)
      let echo = discipline.echo
      discipline.echo = []
      return (effect, echo)
    }
    if !echo.isEmpty { Console.write(echo) }
    switch effect {
    case .none: break
    case .readable: input.notify()
    case .signal(let signal):
      if Console.signalForeground(signal) { break }
      lock.withLockIRQ { discipline.receiveRaw(byte) }
      input.notify()
    }
  }

  var settings: TerminalSettings {
    get { lock.withLockIRQ { discipline.settings } }
    set {
      lock.withLockIRQ { discipline.set(newValue) }
      input.notify()
    }
  }

  /// A new size; programs in the foreground hear of it.
  fileprivate var window: UInt64 {
    get { lock.withLockIRQ { windowSize } }
    set {
      let isNew = lock.withLockIRQ {
        defer { windowSize = newValue }
        return windowSize != newValue
      }
      if isNew { _ = Signals.send(.windowChange, toGroup: Console.foreground) }
    }
  }

  /// An open file for programs that the kernel starts itself.
  func open(_ flags: OpenFlags) -> OpenFile { TerminalFile(self, nil, flags, nil) }

  fileprivate var isReadable: Bool { lock.withLockIRQ { discipline.isReadable } }
  fileprivate var readableCount: Int { lock.withLockIRQ { discipline.readableCount } }

  /// Waits for a line, or for any bytes in raw mode; empty at an end of file.
  func read(limit: Int, _ isNonBlocking: Bool) throws(SystemFailure) -> [UInt8] {
    while true {
      let bytes: [UInt8]? = lock.withLockIRQ {
        discipline.isReadable ? discipline.read(limit: limit) : nil
      }
      if let bytes { return bytes }
      if isNonBlocking { throw SystemFailure(.tryAgain) }
      try input.wait { isReadable }
    }
  }
}

/// The driver behind /dev/console, /dev/tty and /dev/ttyS0.
final class TerminalDevice: CharacterDevice {
  static func start() {
    let device = TerminalDevice("tty")
    _ = CharacterDevices.register(device, major: 5, minors: 0..<2)
    _ = CharacterDevices.register(device, major: 4, minors: 64..<65)
    DeviceNodes.announce(
      "tty", .characterDevice, DeviceNumber(5, 0), permissions: 0o666, className: "tty")
    DeviceNodes.announce(
      "console", .characterDevice, DeviceNumber(5, 1), permissions: 0o600, className: "tty")
    DeviceNodes.announce(
      "ttyS0", .characterDevice, DeviceNumber(4, 64), permissions: 0o600, className: "tty")
  }

  func file(_ inode: Inode, _ flags: OpenFlags, _ path: Path?) -> OpenFile {
    TerminalFile(Terminal.console, inode, flags, path)
  }
}

private final class TerminalFile: OpenFile {
  private let terminal: Terminal

  init(_ terminal: Terminal, _ inode: Inode?, _ flags: OpenFlags, _ path: Path?) {
    self.terminal = terminal
    super.init(inode, flags, path)
  }

  override var title: [UInt8] { [UInt8](text: "/dev/console") }

  override func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemFailure) -> Int {
    try Console.checkForeground()
    let bytes = try terminal.read(limit: buffer.count, isNonBlocking)
    bytes.withUnsafeBytes { buffer.copyMemory(from: $0) }
    return bytes.count
  }

  override func write(_ buffer: UnsafeRawBufferPointer) throws(SystemFailure) -> Int {
    Console.write(UnsafeBufferPointer(rebasing: buffer.bindMemory(to: UInt8.self)[...]))
    return buffer.count
  }

  override func poll(_ poller: Poller?) -> PollEvents {
    terminal.input.add(poller)
    return terminal.isReadable ? [.readable, .writable] : .writable
  }

  override func control(_ request: UInt64, _ argument: UInt64) throws(SystemFailure) -> UInt64 {
    switch request {
    case DeviceRequest.getTerminal:
      try UserMemory.put(terminal.settings, at: argument)
    case DeviceRequest.setTerminal:
      terminal.settings = try UserMemory.get(TerminalSettings(), at: argument)
    case DeviceRequest.getForeground:
      try UserMemory.put(UInt32(truncatingIfNeeded: Console.foreground), at: argument)
    case DeviceRequest.setForeground:
      Console.foreground = Int(try UserMemory.get(UInt32(0), at: argument))
    case DeviceRequest.bytesReadable:
      try UserMemory.put(UInt32(truncatingIfNeeded: terminal.readableCount), at: argument)
    case DeviceRequest.getWindowSize:
      try UserMemory.put(terminal.window, at: argument)
    case DeviceRequest.setWindowSize:
      terminal.window = try UserMemory.get(UInt64(0), at: argument)
    default:
      throw SystemFailure(.notTerminal)
    }
    return 0
  }

  override func sync() throws(SystemFailure) { throw SystemFailure(.invalidArgument) }
  override func flagsChanged() {
    terminal.input.setListening(self, flags.contains(.asynchronous))
  }
  override func release() { terminal.input.setListening(self, false) }
}
