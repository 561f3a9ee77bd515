import Debugger
import Emulator

/// One test of a guest: the machine, what is typed and expected, how it ends.
public struct GuestTest: Equatable, Sendable {
  /// An option of the machine, under the name that `emu boot` gives it.
  public struct Option: Equatable, Sendable {
    /// The name, without dashes.
    public let name: String
    /// The argument, nil for a flag.
    public let argument: String?
    /// The line of the manifest.
    public let line: Int
  }

  /// What is looked for in the console's output.
  public enum Pattern: Equatable, Sendable {
    /// A text, anywhere.
    case text(String)
    /// A line in which this expression in POSIX extended syntax matches.
    case line(String)

    /// The pattern, for one run.
    func compiled() throws(HostError) -> ConsolePattern {
      switch self {
      case .text(let text): .text(text)
      case .line(let expression): try .line(posix: expression)
      }
    }
  }

  /// What is done next.
  public enum Action: Equatable, Sendable {
    /// The machine runs until the console shows it.
    case expect(Pattern)
    /// Text is typed.
    case type(String)
  }

  /// A part of a test that stands on a line of its own.
  public struct Line<Content: Equatable & Sendable>: Equatable, Sendable {
    /// What stands there.
    public let content: Content
    /// The line's number, from 1 on.
    public let line: Int
  }

  /// A golden trace.
  public struct Golden: Equatable, Sendable {
    /// Its file, as the manifest names it.
    public let path: String
    /// How it is written the first time; once it is there, it says so itself.
    public let mode: TraceMode
  }

  /// Which of the machine's consoles is looked at and typed on.
  public enum Console: String, CaseIterable, Sendable {
    case com1
    case com2
    /// The virtio console, which `hvc` attaches.
    case hvc
    /// Port E9h, which takes no input.
    case debug
  }

  /// The name, which no other test of the manifest has.
  public let name: String
  /// The line on which the test begins.
  public let line: Int
  /// What the machine is made of.
  public internal(set) var options: [Option] = []
  /// The console.
  public internal(set) var console = Console.com1
  /// What happens, in order.
  public internal(set) var steps: [Line<Action>] = []
  /// What the console must never show.
  public internal(set) var forbidden: [Line<Pattern>] = []
  /// How the machine has to end; nil leaves it behind the last step.
  public internal(set) var end: Line<StopReason>?
  /// How long everything may take.
  public internal(set) var limit = RunLimit.usual
  /// How often it runs; every run has to be the same.
  public internal(set) var repetitions = 1
  /// The digest of the machine's state at the end.
  public internal(set) var digest: Line<UInt64>?
  /// The trace that the run has to be the same as.
  public internal(set) var golden: Line<Golden>?

  /// Makes an empty test.
  init(name: String, line: Int) {
    self.name = name
    self.line = line
  }

  /// The same test, to be run so often.
  public func repeated(_ count: Int) -> GuestTest {
    var test = self
    test.repetitions = count
    return test
  }

  /// The same machine and limits under another name.
  func named(_ name: String, line: Int) -> GuestTest {
    var test = GuestTest(name: name, line: line)
    test.options = options
    test.console = console
    test.forbidden = forbidden
    test.end = end
    test.limit = limit
    test.repetitions = repetitions
    return test
  }
}
