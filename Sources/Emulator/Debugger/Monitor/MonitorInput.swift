import Emulator

/// Where a monitor's lines come from, and where its answers go.
public protocol MonitorInput: AnyObject {
  /// Whether it is the terminal, which the guest has while it runs.
  var usesTerminal: Bool { get }

  /// The next line without its end; nil when there will be none.
  func readLine(prompt: String) -> String?

  /// Shows text.
  func write(_ text: String)

  /// Whether the user wants a command that runs for long to stop; asking forgets it.
  func takeInterruption() -> Bool

  /// What completes a line to words that replace its last one.
  var completions: (String) -> [String] { get set }
}
