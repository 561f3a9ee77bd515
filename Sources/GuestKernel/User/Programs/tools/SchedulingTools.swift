/// Programs about who runs when: policies, affinities, and how late a sleeper wakes.
import Apus

let schedulingTools: [Tool] = [
  Tool(
    name: "cyclictest", usage: "cyclictest [-l LOOPS] [-i MICROSECONDS] [-p PRIORITY] [-h]",
    summary: "how late a sleeper wakes", run: CyclicTest.run),
  Tool(
    name: "chrt", usage: "chrt [-f|-r|-o|-b|-i] PRIORITY COMMAND...",
    summary: "with another scheduling policy", run: chrt),
  Tool(
    name: "taskset", usage: "taskset MASK COMMAND...", summary: "on some processors only",
    run: taskset),
]

/// Sleeps until fixed points in time and measures how much later it runs: the latency that matters to
/// anybody who has to be on time.
enum CyclicTest {
  static func run(_ arguments: [[UInt8]]) -> Int32 {
    let options = Options(
      arguments, known: "l:i:p:h")
    let loops = max(1, options.number("l") ?? 100)
    let interval = UInt64(max(10, options.number("i") ?? 1000)) * 1000
    if let priority = options.number("p"), priority > 0 {
      if let error = setPolicy(1, Int32(truncatingIfNeeded: priority)).error {
        complain("FIFO \(priority): \(error.name)")
        return 1
      }
    }
    var latencies: [UInt64] = []
    var next = Time.sinceBoot + interval
    for _ in 0..<loops {
      sleep(until: next)
      let now = Time.sinceBoot
      latencies.append(now > next ? now - next : 0)
      next += interval
    }
    report(latencies, interval)
    if options.has("h") { histogram(latencies) }
    return 0
  }

  private static func sleep(until time: UInt64) {
    var span = TimeSpan(nanoseconds: time)
    let absolute: UInt64 = 1
    let outcome = withUnsafeBytes(of: &span) {
      Call.clock_nanosleep(1, absolute, $0.baseAddress, nil)
    }
    if outcome.error == .noSuchCall {
      let now = Time.sinceBoot
      if now < time { Time.sleep(nanoseconds: time - now) }
    }
  }

  private static func report(_ latencies: [UInt64], _ interval: UInt64) {
    var sum: UInt64 = 0
    var least = UInt64.max
    var most: UInt64 = 0
    for latency in latencies {
      sum += latency
      least = min(least, latency)
      most = max(most, latency)
    }
    let average = sum / UInt64(latencies.count)
    say("\(latencies.count) loops of \(interval / 1000) us; latency in ns: ")
    say("min \(least) avg \(average) max \(most)\n")
  }

  /// A row for each power of two.
  private static func histogram(_ latencies: [UInt64]) {
    var counts = [Int](repeating: 0, count: 65)
    for latency in latencies { counts[64 - latency.leadingZeroBitCount] += 1 }
    for (bits, count) in counts.enumerated() where count > 0 {
      let bound = bits >= 64 ? UInt64.max : 1 << UInt64(bits)
      say("  below \(bound, width: 12) ns: \(count)\n")
    }
  }
}

private func setPolicy(_ policy: Int32, _ priority: Int32) -> Outcome {
  var priority = priority
  return withUnsafeBytes(of: &priority) { Call.sched_setscheduler(0, policy, $0.baseAddress) }
}

private func chrt(_ arguments: [[UInt8]]) -> Int32 {
  var words = Array(arguments.dropFirst())
  var policy: Int32 = 2
  let policies: [(StaticString, Int32)] = [("-o", 0), ("-f", 1), ("-r", 2), ("-b", 3), ("-i", 5)]
  if let first = words.first {
    for (flag, number) in policies where first.equals(flag) {
      policy = number
      words.removeFirst()
    }
  }
  guard words.count > 1, let priority = words[0].decimal else {
    fail("usage: chrt [-f|-r|-o|-b|-i] PRIORITY COMMAND...", code: 2)
  }
  if let error = setPolicy(policy, Int32(truncatingIfNeeded: priority)).error {
    complain("\(error.name)")
    return 1
  }
  return become(Array(words.dropFirst()))
}

private func taskset(_ arguments: [[UInt8]]) -> Int32 {
  guard arguments.count > 2, var mask = arguments[1].hexadecimal else {
    fail("usage: taskset MASK COMMAND...", code: 2)
  }
  let outcome = withUnsafeBytes(of: &mask) { Call.sched_setaffinity(0, 8, $0.baseAddress) }
  if let error = outcome.error {
    complain("\(error.name)")
    return 1
  }
  return become(Array(arguments.dropFirst(2)))
}

private func become(_ words: [[UInt8]]) -> Int32 {
  let error = Process.executeFromPath(words)
  complain("\(text: words[0]): \(error.name)")
  return error == .notFound ? 127 : 126
}

extension [UInt8] {
  /// A hexadecimal number, with 0x or without.
  var hexadecimal: UInt64? {
    let digits = starts(with: "0x") ? dropFirst(2) : self[...]
    guard !digits.isEmpty, digits.count <= 16 else { return nil }
    var value: UInt64 = 0
    for byte in digits {
      switch byte {
      case 0x30...0x39: value = value << 4 | UInt64(byte - 0x30)
      case 0x61...0x66: value = value << 4 | UInt64(byte - 0x57)
      case 0x41...0x46: value = value << 4 | UInt64(byte - 0x37)
      default: return nil
      }
    }
    return value
  }
}
