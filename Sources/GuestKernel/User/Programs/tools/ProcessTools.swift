/// Programs about processes and the commands that start others.
import Apus

let processTools: [Tool] = [
  Tool(name: "ps", usage: "ps", summary: "processes and kernel threads") { _ in
    showProcesses()
    return 0
  },
  Tool(name: "top", usage: "top [-n ROUNDS] [-d SECONDS]", summary: "who uses the processors") {
    Top.run($0)
  },
  Tool(
    name: "kill", usage: "kill [-s SIGNAL | -SIGNAL] PID... | kill -l", summary: "sends a signal",
    run: kill),
  Tool(name: "sleep", usage: "sleep SECONDS", summary: "waits") { arguments in
    guard arguments.count == 2, let nanoseconds = arguments[1].decimalNanoseconds else {
      fail("usage: sleep SECONDS", code: 2)
    }
    Time.sleep(nanoseconds: nanoseconds)
    return 0
  },
  Tool(
    name: "env", usage: "env [-i] [-u NAME] [NAME=VALUE...] [COMMAND...]",
    summary: "shows or changes the environment", run: env),
  Tool(
    name: "xargs", usage: "xargs [-0rt] [-n COUNT] [-I TEXT] [COMMAND...]",
    summary: "its input as arguments",
    run: xargs),
  Tool(name: "time", usage: "time COMMAND...", summary: "how long a command takes") { arguments in
    let options = Options(arguments, known: "", operands: 1...Int.max, stopsAtOperand: true)
    let begin = Time.sinceBoot
    let code = runAndWait(options.operands)
    let milliseconds = (Time.sinceBoot - begin) / 1_000_000
    var line: TextLine = "\(milliseconds / 1000)."
    line.append(decimal: milliseconds % 1000, width: 3, fill: 0x30)
    complain("\(line) s")
    return code
  },
  Tool(name: "nice", usage: "nice [-n N] COMMAND...", summary: "with another weight", run: nice),
]

func showProcesses() {
  say("  PID PARENT STATE    TICKS PREEMPTED  CALLS  MEMORY NAME\n")
  for record in System.processes() {
    let open: StaticString = record.isUser == 0 ? "(" : ""
    let close: StaticString = record.isUser == 0 ? ")" : ""
    say(
      "\(record.pid, width: 5) \(record.parent, width: 6) \(stateName(record), padded: 8)\(record.ticks, width: 6) \(record.preemptions, width: 9) \(record.systemCalls, width: 6) \(record.memory >> 10, width: 4) KiB \(open)\(text: record.name.bytes)\(close)\n"
    )
  }
}

private func stateName(_ record: ProcessRecord) -> StaticString {
  switch ProcessRecord.State(rawValue: record.state) {
  case .ready: "ready"
  case .running: "running"
  case .waiting: "waiting"
  case .sleeping: "sleeping"
  case .ended, nil: "ended"
  }
}

/// Ticks of each thread between two looks, as a share of all.
enum Top {
  static func run(_ arguments: [[UInt8]]) -> Int32 {
    let options = Options(arguments, known: "n:d:")
    let pause = options.value("d")?.decimalNanoseconds ?? 1_000_000_000
    var before = System.processes()
    for _ in 0..<max(1, options.number("n") ?? 1) {
      Time.sleep(nanoseconds: pause)
      let now = System.processes()
      show(before, now)
      before = now
    }
    return 0
  }

  private static func show(_ before: [ProcessRecord], _ now: [ProcessRecord]) {
    var rows: [(ticks: UInt64, record: ProcessRecord)] = []
    var total: UInt64 = 0
    for record in now {
      var used = record.ticks
      for old in before where old.pid == record.pid { used -= min(used, old.ticks) }
      total += used
      rows.append((used, record))
    }
    rows.sort { $0.ticks != $1.ticks ? $0.ticks > $1.ticks : $0.record.pid < $1.record.pid }
    say("  PID   CPU%  MEMORY STATE    NAME\n")
    for row in rows.prefix(15) {
      let permille = total == 0 ? 0 : row.ticks * 1000 / total
      say(
        "\(row.record.pid, width: 5) \(permille / 10, width: 4).\(permille % 10) \(row.record.memory >> 10, width: 4) KiB \(stateName(row.record), padded: 8) \(text: row.record.name.bytes)\n"
      )
    }
  }
}

private func kill(_ arguments: [[UInt8]]) -> Int32 {
  var words = Array(arguments.dropFirst())
  guard let (signal, isList) = Signal.option(&words) else { return 2 }
  if isList { return Signal.list(words) }
  guard !words.isEmpty else { Usage.refuse("a process is missing") }
  return forEachOperand(words) { (text) throws(SystemError) in
    guard let pid = text.signedDecimal else { throw .invalidArgument }
    try Process.send(signal, to: Int32(truncatingIfNeeded: pid))
  }
}

/// Starts a command, waits, and returns what `$?` would be.
func runAndWait(_ words: [[UInt8]]) -> Int32 {
  guard !words.isEmpty else { return 0 }
  do throws(SystemError) {
    return try Process.run(words).shellCode
  } catch {
    complain("\(text: words[0]): \(error.name)")
    return 126
  }
}

/// -i: only what is said here; -u NAME: without that.
private func env(_ arguments: [[UInt8]]) -> Int32 {
  let options = Options(arguments, known: "iu:", stopsAtOperand: true)
  var words = options.operands
  if words.first?.equals("-") ?? false { words.removeFirst() }
  if options.has("i") { Environment.strings = [] }
  for name in options.values("u") { Environment.set(name, to: nil) }
  while let word = words.first, let sign = word.firstIndex(of: 0x3d) {
    Environment.set(Array(word[..<sign]), to: Array(word[(sign + 1)...]))
    words.removeFirst()
  }
  guard !words.isEmpty else {
    for string in Environment.strings { say(bytes: string + [0x0a]) }
    return 0
  }
  let error = Process.executeFromPath(words)
  complain("\(text: words[0]): \(error.name)")
  return error == .notFound ? 127 : 126
}

/// -n N: at most so many at once; -I TEXT: one line each, in place of that text; -0: words end with a NUL;
/// -r: nothing for nothing.
private func xargs(_ arguments: [[UInt8]]) -> Int32 {
  let options = Options(arguments, known: "0rtn:I:", stopsAtOperand: true)
  let limit = options.number("n") ?? 64
  guard limit > 0 else { Usage.refuse("-n wants a number from 1 on") }
  let command = options.operands.isEmpty ? [[UInt8](text: "echo")] : options.operands
  var code: Int32 = 0
  func run(_ words: [[UInt8]]) {
    if options.has("t") { complain("\(text: Array(words.joined(separator: [0x20])))") }
    if runAndWait(words) != 0 { code = 123 }
  }
  var input = Input(.input)
  var words: [[UInt8]] = []
  if options.has("0") {
    var all: [UInt8] = []
    while true {
      let part = input.part()
      if part.isEmpty { break }
      all += part
    }
    words = all.split(separator: 0).map { Array($0) }
  } else {
    while let line = input.line() { words += options.has("I") ? [line] : Words.split(line) }
  }
  if let mark = options.value("I") {
    for word in words {
      run(
        command.map { part in
          part.position(of: mark).map { place in
            Array(part[..<place]) + word + Array(part[(place + mark.count)...])
          } ?? part
        })
    }
    return code
  }
  var rest = words[...]
  var isFirst = true
  while !rest.isEmpty || (isFirst && !options.has("r") && words.isEmpty) {
    run(command + rest.prefix(limit))
    rest = rest.dropFirst(limit)
    isFirst = false
  }
  return code
}

private func nice(_ arguments: [[UInt8]]) -> Int32 {
  let options = Options(arguments, known: "n:", operands: 1...Int.max, stopsAtOperand: true)
  let value = options.number("n") ?? 10
  if let error = Call.setpriority(0, 0, Int32(truncatingIfNeeded: value)).error {
    complain("\(error.name)")
    return 1
  }
  let words = options.operands
  let error = Process.executeFromPath(words)
  complain("\(text: words[0]): \(error.name)")
  return error == .notFound ? 127 : 126
}

extension [UInt8] {
  /// Seconds with a decimal point, in nanoseconds.
  var decimalNanoseconds: UInt64? {
    let parts = split(separator: 0x2e, omittingEmptySubsequences: false)
    guard parts.count <= 2, let first = parts.first, let seconds = Array(first).decimal,
      seconds < 1 << 32
    else { return nil }
    var nanoseconds = seconds * 1_000_000_000
    guard parts.count == 2 else { return nanoseconds }
    var unit: UInt64 = 100_000_000
    for byte in parts[1] {
      guard byte.isDigit else { return nil }
      nanoseconds += UInt64(byte - 0x30) * unit
      unit /= 10
    }
    return nanoseconds
  }
}
