import Foundation

/// A pseudo-terminal with the command at one end and the test at the other.
final class TerminalRun {
  /// TIOCSPTLCK and TIOCGPTN, which the C functions for pseudo-terminals are made of.
  private static let lockRequest: UInt = 0x4004_5431
  private static let numberRequest: UInt = 0x8004_5430

  let master: Int32
  private let slave: Int32
  let process = Process()
  private(set) var text = ""

  init(_ arguments: [String]) throws {
    master = open("/dev/ptmx", O_RDWR | O_NOCTTY)
    var isLocked: Int32 = 0
    var number: Int32 = 0
    guard master >= 0, ioctl(master, Self.lockRequest, &isLocked) == 0,
      ioctl(master, Self.numberRequest, &number) == 0
    else { throw POSIXError(.ENXIO) }
    slave = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
    let handle = FileHandle(fileDescriptor: slave)
    process.executableURL = URL(fileURLWithPath: Command.executable)
    process.arguments = arguments
    process.standardInput = handle
    process.standardOutput = handle
    process.standardError = handle
  }

  deinit {
    close(master)
    close(slave)
  }

  /// The terminal's local modes: line editing, echo, signals.
  var localModes: tcflag_t {
    var mode = termios()
    tcgetattr(slave, &mode)
    return mode.c_lflag
  }

  func type(_ text: String) { _ = text.withCString { write(master, $0, strlen($0)) } }

  /// Reads until `wanted` was shown.
  func wait(for wanted: String, seconds: Double = 60) -> Bool {
    let end = Date().addingTimeInterval(seconds)
    var buffer = [UInt8](repeating: 0, count: 4096)
    while !text.contains(wanted), Date() < end {
      var request = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
      guard poll(&request, 1, 100) > 0 else { continue }
      let count = read(master, &buffer, buffer.count)
      guard count > 0 else { break }
      text += String(decoding: buffer.prefix(count), as: UTF8.self)
    }
    return text.contains(wanted)
  }
}
