import Glibc
import Synchronization

/// The terminal at standard input, in raw mode while a guest has it.
///
/// The mode is the terminal's, not the process's, so whatever ends the process must put it back:
/// `restore` in the normal course, a handler for signals that mean a crash, and one for `exit`.
public final class Terminal {
  /// What the terminal was before; read by signal handlers, written before they are installed.
  // SAFETY: the one process-wide thing, since the terminal is one; set once, under `isRaw`.
  private nonisolated(unsafe) static let saved = UnsafeMutablePointer<termios>.allocate(capacity: 1)
  private static let isRaw = Atomic(false)

  /// The terminal at standard input, nil if that is something else.
  public init?() {
    guard isatty(STDIN_FILENO) == 1, tcgetattr(STDIN_FILENO, Self.saved) == 0 else { return nil }
    atexit { Terminal.putBack() }
    var unblocked = sigset_t()
    sigemptyset(&unblocked)
    for number in [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP] {
      sigaddset(&unblocked, number)
      signal(number) { number in
        Terminal.putBack()
        signal(number, SIG_DFL)
        raise(number)
      }
    }
    // Whoever started the process may have left them blocked.
    sigprocmask(SIG_UNBLOCK, &unblocked, nil)
  }

  deinit { restore() }

  /// Lets every key through, as it is pressed and without an echo.
  ///
  /// Output is still processed, so that a guest's line feed begins a new line.
  public func enterRawMode() {
    var mode = Self.saved.pointee
    mode.c_iflag &= ~tcflag_t(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON)
    mode.c_lflag &= ~tcflag_t(ECHO | ECHONL | ICANON | IEXTEN | ISIG)
    mode.c_cflag &= ~tcflag_t(CSIZE | PARENB)
    mode.c_cflag |= tcflag_t(CS8)
    Self.isRaw.store(true, ordering: .sequentiallyConsistent)
    tcsetattr(STDIN_FILENO, TCSANOW, &mode)
  }

  /// Puts the terminal back to what it was.
  public func restore() { Self.putBack() }

  private static func putBack() {
    guard isRaw.exchange(false, ordering: .sequentiallyConsistent) else { return }
    tcsetattr(STDIN_FILENO, TCSADRAIN, saved)
  }
}
