import ArgumentParser
import Emulator
import Glibc

/// What the command's exit status says.
enum ExitStatus {
  static let success: Int32 = 0
  static let hostFailure: Int32 = 1
  static let testsFailed: Int32 = 1
  static let usage: Int32 = 2
  static let unusableFile: Int32 = 3
  static let shutdown: Int32 = 4
  static let instructionLimit: Int32 = 5
  static let timeout: Int32 = 6
  static let diverged: Int32 = 7
  static let haltedForever: Int32 = 8
  static let findings: Int32 = 9

  static let help = """
    Exit status: 0 the guest powered off, --exit-on matched or Ctrl-A x; (value << 1) | 1 a write \
    to the debug-exit port 0xF4; 1 the host failed (a full disk, say); 2 usage; 3 an unusable \
    image or file; 4 triple fault; 5 the instruction limit; 6 the timeout; 7 a run differs from its \
    trace; 8 the guest halted for ever; 9 a check (--check) found something. A signal that ends the \
    command ends it as if it were not caught.
    """

  /// Shows a line that is not the guest's.
  static func say(_ text: String) {
    var bytes = Array("emu: \(text)\n".utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
      guard count > 0 else { return }
      bytes = bytes.dropFirst(count)
    }
  }

  /// Says what went wrong, and ends the process with the status for it.
  static func leave(for error: any Error) -> Never {
    switch error {
    case let failure as Failure:
      say(failure.description)
      exit(failure.status)
    case let code as ExitCode:
      exit(code.rawValue)
    default:
      let text = Emu.fullMessage(for: error)
      if Emu.exitCode(for: error) == .success {
        print(text)
        exit(success)
      }
      say(text.hasPrefix("Error: ") ? String(text.dropFirst(7)) : text)
      exit(usage)
    }
  }

  /// Ends the process as `signal` would have.
  static func leave(bySignal number: Int32) -> Never {
    signal(number, SIG_DFL)
    raise(number)
    exit(128 + number)
  }
}

/// Why the command cannot go on: one sentence and the exit status for it.
struct Failure: Error, CustomStringConvertible {
  let description: String
  let status: Int32

  init(_ error: some CustomStringConvertible, status: Int32) {
    description = error.description
    self.status = status
  }
}
