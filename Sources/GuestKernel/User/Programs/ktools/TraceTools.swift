/// trace, kprobe, perf.
import Apus

enum TraceTools {
  static func trace(_ arguments: [[UInt8]]) throws(SystemError) -> Int32 {
    guard let word = arguments.first else {
      try show("/proc/trace")
      return 0
    }
    let rest = Array(arguments.dropFirst())
    if word.equals("on") {
      let events = rest.isEmpty ? try names() : rest
      try control("/proc/tracing/events", Array(events.joined(separator: [0x20])))
      if rest.isEmpty {
        say("all \(events.count) events are on; trace shows them, trace off ends it\n")
      }
    } else if word.equals("off") {
      try control("/proc/tracing/events", path("none"))
    } else if word.equals("clear") {
      try control("/proc/trace", path("clear"))
    } else if word.equals("run"), !rest.isEmpty {
      // Without a choice made before it, everything is of interest.
      if try !isOn() {
        try control("/proc/tracing/events", Array(try names().joined(separator: [0x20])))
      }
      _ = try Process.run(rest)
      try control("/proc/tracing/events", path("none"))
      try show("/proc/trace")
    } else {
      return 2
    }
    return 0
  }

  /// Each line of the file is an event's name, and whether it is on.
  private static func lines() throws(SystemError) -> [[[UInt8]]] {
    let text = try FileTree.contents(of: path("/proc/tracing/events"))
    return text.split(separator: 0x0a).map { Words.split(Array($0)) }
  }

  private static func names() throws(SystemError) -> [[UInt8]] {
    try lines().compactMap { $0.first }
  }

  private static func isOn() throws(SystemError) -> Bool {
    try lines().contains { $0.count > 1 && $0[1].equals("on") }
  }

  static func probe(_ arguments: [[UInt8]]) throws(SystemError) -> Int32 {
    for word in arguments { try control("/proc/tracing/kprobes", word) }
    if arguments.isEmpty { try show("/proc/tracing/kprobes") }
    return 0
  }

  static func sample(_ arguments: [[UInt8]]) throws(SystemError) -> Int32 {
    // "record" as on Linux, where it is one of several commands.
    let isNamed = arguments.first?.equals("record") ?? false
    let command = Array(arguments.dropFirst(isNamed ? 1 : 0))
    guard !command.isEmpty else { return 2 }
    try control("/proc/perf", path("on"))
    _ = try Process.run(command)
    try control("/proc/perf", path("off"))
    try show("/proc/perf")
    return 0
  }
}
