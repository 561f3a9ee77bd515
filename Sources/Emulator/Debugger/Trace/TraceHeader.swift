import Emulator

/// The part of a trace that is text in both forms: lines up to the first empty one.
enum TraceHeader {
  static let binaryName = "emu-trace"
  static let textName = "emu-golden"

  /// The header's lines.
  static func lines(_ trace: Trace, name: String) -> [String] {
    var lines = ["\(name) \(Trace.version)"]
    lines += trace.machine.lines
    lines.append("mode \(trace.options.mode.rawValue)")
    lines.append("events \(trace.options.kinds.text)")
    if trace.options.recordsFlow { lines.append("flow on") }
    if trace.options.recordsDeltas { lines.append("deltas on") }
    if let start = trace.options.start { lines.append("from \(Quoting.quote(start.text))") }
    if let stop = trace.options.stop { lines.append("to \(Quoting.quote(stop.text))") }
    if let limit = trace.options.limit { lines.append("limit \(limit)") }
    if let time = trace.options.endTime { lines.append("until-time \(time)") }
    for entry in trace.input.entries {
      lines.append(
        "input \(entry.instructionCount) \(entry.time) \(entry.port) \(Quoting.quote(entry.bytes))")
    }
    if let slide = trace.slide {
      lines.append(
        "moved \(slide.range.lowerBound.hex) \(slide.range.upperBound.hex) \(slide.distance.hex)")
    }
    if let end = trace.end {
      lines.append(
        "end \(Quoting.quote(end.reason)) instructions=\(end.instructionCount) "
          + "nanoseconds=\(end.time) digest=\(end.digest.hex)")
    }
    return lines
  }

  /// Reads a header's lines.
  static func read(_ lines: [String], _ file: String, name: String) throws(TraceError) -> Trace {
    guard let first = lines.first, first.hasPrefix(name + " ") else {
      throw TraceError(file, "this is no trace: it does not begin with \"\(name)\"")
    }
    guard first == "\(name) \(Trace.version)" else {
      throw TraceError(file, "this trace is of another version: \"\(first.prefix(40))\"")
    }
    var trace = Trace(machine: MachineDescription(files: [], settings: []))
    for (number, line) in lines.enumerated().dropFirst() where !line.hasPrefix("#") {
      guard let words = Quoting.splitBytes(line), take(words, line: line, &trace) else {
        throw TraceError("\(file):\(number + 1)", "this line of the header makes no sense")
      }
    }
    return trace
  }

  private static func take(_ words: [[UInt8]], line: String, _ trace: inout Trace) -> Bool {
    let texts = words.map { String(decoding: $0, as: UTF8.self) }
    switch (texts.first, texts.count) {
    case ("mode", 2):
      guard let mode = TraceMode(rawValue: texts[1]) else { return false }
      trace.options.mode = mode
    case ("events", 1): trace.options.kinds = []
    case ("events", 2):
      guard case .success(let kinds) = EventKinds.parse(texts[1]) else { return false }
      trace.options.kinds = kinds
    case ("flow", 2): trace.options.recordsFlow = texts[1] == "on"
    case ("deltas", 2): trace.options.recordsDeltas = texts[1] == "on"
    case ("from", 2): trace.options.start = TraceOptions.Moment(texts[1])
    case ("to", 2): trace.options.stop = TraceOptions.Moment(texts[1])
    case ("limit", 2):
      guard let limit = UInt64(texts[1]) else { return false }
      trace.options.limit = limit
    case ("until-time", 2):
      guard let time = UInt64(texts[1]) else { return false }
      trace.options.endTime = time
    case ("moved", 4): return takeMove(texts, &trace)
    case ("input", 5): return takeInput(words, texts, &trace)
    case ("end", 5): return takeEnd(texts, &trace)
    default: return trace.machine.take(texts, line: line)
    }
    return true
  }

  private static func takeInput(
    _ words: [[UInt8]], _ texts: [String], _ trace: inout Trace
  ) -> Bool {
    guard let count = UInt64(texts[1]), let time = UInt64(texts[2]), let port = Int(texts[3]),
      (0..<0x1_0000).contains(port), time >= trace.input.entries.last?.time ?? 0
    else { return false }
    trace.input.append(
      InputLog.Entry(instructionCount: count, time: time, port: port, bytes: words[4]))
    return true
  }

  private static func takeMove(_ texts: [String], _ trace: inout Trace) -> Bool {
    let numbers = texts.dropFirst().compactMap { text in
      text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : nil
    }
    guard numbers.count == 3, numbers[0] < numbers[1] else { return false }
    trace.slide = ImageSlide(range: numbers[0]..<numbers[1], distance: numbers[2])
    return true
  }

  private static func takeEnd(_ texts: [String], _ trace: inout Trace) -> Bool {
    func value(_ index: Int, _ name: String) -> UInt64? {
      guard texts[index].hasPrefix(name + "=") else { return nil }
      let digits = texts[index].dropFirst(name.count + 1)
      return digits.hasPrefix("0x") ? UInt64(digits.dropFirst(2), radix: 16) : UInt64(digits)
    }
    guard let count = value(2, "instructions"), let time = value(3, "nanoseconds"),
      let digest = value(4, "digest")
    else { return false }
    trace.end = Trace.End(
      reason: texts[1], instructionCount: count, time: time, digest: digest)
    return true
  }
}
