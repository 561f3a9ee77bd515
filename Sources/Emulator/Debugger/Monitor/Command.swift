/// A command of the monitor, as a value.
struct Command: Sendable {
  /// What the help lists it under.
  enum Topic: String, CaseIterable, Sendable {
    case running = "Running"
    case stopping = "Stopping"
    case looking = "Looking"
    case memory = "Address space"
    case tables = "Processor and devices"
    case time = "Time"
    case session = "Session"
  }

  /// What its arguments are completed with.
  enum Completion: Sendable {
    case none
    case symbols
    case registers
    case commands
    case files
    case words([String])
  }

  /// The name.
  let name: String
  /// Other names.
  var aliases: [String] = []
  /// What follows the name, for the help.
  var arguments = ""
  let topic: Topic
  /// One paragraph, the first sentence of which stands in the list.
  let help: String
  var completion = Completion.none
  /// Whether an empty line does it again.
  var isRepeatable = false
  /// Does it: the text it prints.
  let run: @Sendable (Monitor, String) throws(MonitorError) -> String

  /// The first sentence of the help.
  var summary: String {
    guard let end = help.firstRange(of: ". ") else { return help }
    return String(help[..<end.lowerBound]) + "."
  }
}
