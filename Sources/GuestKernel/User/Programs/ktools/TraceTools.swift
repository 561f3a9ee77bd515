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
      try control("/proc/tracing/events", Array(rest.joined(separator: [0x20])))
    } else if word.equals("off") {
      try control("/proc/tracing/events", path("none"))
    } else if word.equals("clear") {
      try control("/proc/trace", path("clear"))
    } else if word.equals("run"), !rest.isEmpty {
      _ = try Process.run(rest)
      try control("/proc/tracing/events", path("none"))
      try show("/proc/trace")
    } else {
      return 2
    }
    return 0
  }

  static func probe(_ arguments: [[UInt8]]) throws(SystemError) -> Int32 {
    for word in arguments { try control("/proc/tracing/kprobes", word) }
    if arguments.isEmpty { try show("/proc/tracing/kprobes") }
    return 0
  }

  static func sample(_ arguments: [[UInt8]]) throws(SystemError) -> Int32 {
    guard !arguments.isEmpty else { return 2 }
    try control("/proc/perf", path("on"))
    _ = try Process.run(arguments)
    try control("/proc/perf", path("off"))
    try show("/proc/perf")
    return 0
  }
}
