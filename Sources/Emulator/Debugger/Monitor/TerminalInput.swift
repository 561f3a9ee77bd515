import CEdit
import Emulator
import Glibc
import Synchronization

/// The monitor at standard input and output: with line editing by libedit at a terminal, plainly
/// from a pipe or a file.
public final class TerminalInput: MonitorInput {
  // SAFETY: libedit is one for the process, and used from the one thread that has the terminal.
  private nonisolated(unsafe) static var completions: (String) -> [String] = { _ in [] }
  private nonisolated(unsafe) static var candidates: [String] = []
  private static let wasInterrupted = Atomic(false)
  // SAFETY: written before the handler that reads it is installed.
  private nonisolated(unsafe) static let usualMode = UnsafeMutablePointer<termios>.allocate(
    capacity: 1)

  private let isTerminal = isatty(STDIN_FILENO) == 1
  private var waiting: [UInt8] = []

  /// Takes standard input and output.
  public init() {
    guard isTerminal else { return }
    edit_set_completion { text, _, _ in
      TerminalInput.candidates = TerminalInput.completions(String(cString: edit_line()))
      edit_end_completion()
      guard !TerminalInput.candidates.isEmpty else { return nil }
      return rl_completion_matches(text) { _, state in
        let index = Int(state)
        guard TerminalInput.candidates.indices.contains(index) else { return nil }
        return strdup(TerminalInput.candidates[index])
      }
    }
  }

  /// True.
  public var usesTerminal: Bool { isTerminal }

  /// What completes a line.
  public var completions: (String) -> [String] {
    get { Self.completions }
    set { Self.completions = newValue }
  }

  /// Reads a line; Ctrl-C gives an empty one.
  public func readLine(prompt: String) -> String? {
    guard isTerminal else { return readPlainLine() }
    _ = takeInterruption()
    guard let line = readline(prompt) else {
      if takeInterruption() {
        write("\n")
        return ""
      }
      write("\n")
      return nil
    }
    defer { free(line) }
    _ = takeInterruption()
    if line.pointee != 0 { add_history(line) }
    return String(cString: line)
  }

  private func readPlainLine() -> String? {
    while true {
      if let end = waiting.firstIndex(of: 10) {
        let line = waiting[..<end]
        waiting.removeFirst(end + 1)
        return String(decoding: line, as: UTF8.self)
      }
      var buffer = [UInt8](repeating: 0, count: 4096)
      let count = read(STDIN_FILENO, &buffer, buffer.count)
      if count < 0, errno == EINTR, !Self.wasInterrupted.load(ordering: .relaxed) { continue }
      guard count > 0 else {
        guard !waiting.isEmpty else { return nil }
        defer { waiting = [] }
        return String(decoding: waiting, as: UTF8.self)
      }
      waiting += buffer[..<count]
    }
  }

  /// Shows text on standard output.
  public func write(_ text: String) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
      guard count > 0 else { return }
      bytes = bytes.dropFirst(count)
    }
  }

  /// Whether Ctrl-C was pressed.
  public func takeInterruption() -> Bool {
    Self.wasInterrupted.exchange(false, ordering: .relaxed)
  }

  /// Does something while Ctrl-C is the monitor's, and signals that mean the end are obeyed at once.
  public static func withInterruptions<Value>(_ body: () -> Value) -> Value {
    let hasTerminal = tcgetattr(STDIN_FILENO, usualMode) == 0
    var interrupt = sigaction()
    interrupt.__sigaction_handler.sa_handler = { _ in
      TerminalInput.wasInterrupted.store(true, ordering: .relaxed)
    }
    var end = sigaction()
    end.__sigaction_handler.sa_handler = { number in
      tcsetattr(STDIN_FILENO, TCSADRAIN, TerminalInput.usualMode)
      signal(number, SIG_DFL)
      raise(number)
    }
    if !hasTerminal { end.__sigaction_handler.sa_handler = SIG_DFL }
    var actions: [(Int32, sigaction)] = [(SIGINT, interrupt)]
    for number in [SIGTERM, SIGHUP, SIGQUIT] { actions.append((number, end)) }
    var old: [(Int32, sigaction)] = []
    for (number, action) in actions {
      var action = action
      var before = sigaction()
      sigaction(number, &action, &before)
      old.append((number, before))
    }
    defer {
      for (number, action) in old {
        var action = action
        sigaction(number, &action, nil)
      }
    }
    return body()
  }
}
