/// dmesg: what the kernel has logged since the log was cleared, and what of it appears on the console.
import Apus

enum LogTool {
  // What `syslog` is asked for.
  private static let readAll: Int32 = 3
  private static let clear: Int32 = 5
  private static let consoleLevel: Int32 = 8
  private static let bufferSize: Int32 = 10

  private static let levels: [StaticString] = [
    "emerg", "alert", "crit", "err", "warn", "notice", "info", "debug",
  ]

  /// -n sets what goes to the console, -l shows the lines of one level, -r also levels and processors,
  /// -c clears the log after printing it, -C without; -w goes on with what comes.
  static func run(_ arguments: [[UInt8]]) -> Int32 {
    let options = Options(arguments, known: "cCrwn:l:", operands: 0...0)
    if let name = options.value("n") {
      // A name means itself and what is more urgent; a number is the kernel's own.
      guard let level = name.decimal ?? number(name).map({ $0 + 1 }), level >= 1, level <= 8 else {
        fail("\(text: name): no level", code: 2)
      }
      return ask(consoleLevel, Int32(level))
    }
    if options.has("C") { return ask(clear, 0) }
    var wanted: UInt64?
    if let name = options.value("l") {
      wanted = name.decimal ?? number(name)
      guard let wanted, wanted < 8 else { fail("\(text: name): no level", code: 2) }
    }
    do throws(SystemError) {
      if options.has("w") { try follow(wanted, isRaw: options.has("r")) }
      show(lines(try read())[...], wanted, isRaw: options.has("r"))
    } catch {
      fail("\(error.name)")
    }
    return options.has("c") ? ask(clear, 0) : 0
  }

  private static func number(_ name: [UInt8]) -> UInt64? {
    for (number, level) in levels.enumerated() where name.equals(level) { return UInt64(number) }
    return nil
  }

  private static func ask(_ action: Int32, _ value: Int32) -> Int32 {
    guard let error = Call.syslog(action, nil, value).error else { return 0 }
    complain("\(error.name)")
    return 1
  }

  private static func read() throws(SystemError) -> [UInt8] {
    let size = Int32(truncatingIfNeeded: try Call.syslog(bufferSize, nil, 0).get())
    var outcome = Outcome.success(0)
    let bytes = [UInt8](unsafeUninitializedCapacity: Int(size)) { buffer, count in
      outcome = Call.syslog(readAll, buffer.baseAddress, size)
      if case .success(let got) = outcome { count = Int(got) }
    }
    try outcome.check()
    return bytes
  }

  private static func lines(_ log: [UInt8]) -> [ArraySlice<UInt8>] { log.split(separator: 0x0a) }

  /// Looks again and again: the kernel logs with any lock held, and so wakes nobody.
  ///
  /// What is new stands behind the last line that was seen; no two are alike, because of their time.
  private static func follow(_ wanted: UInt64?, isRaw: Bool) throws(SystemError) -> Never {
    var last: ArraySlice<UInt8>?
    while true {
      let all = lines(try read())
      let seen = all.lastIndex { $0 == last }
      show(all[(seen.map { $0 + 1 } ?? 0)...], wanted, isRaw: isRaw)
      Output.flush()
      last = all.last ?? last
      Time.sleep(nanoseconds: 100_000_000)
    }
  }

  /// Each line is `<LEVEL,CPU>` and the text.
  private static func show(
    _ lines: ArraySlice<ArraySlice<UInt8>>, _ wanted: UInt64?, isRaw: Bool
  ) {
    for line in lines {
      let end = line.first == 0x3c ? line.firstIndex(of: 0x3e) : nil
      let level = line.dropFirst().first.map { UInt64($0 &- 0x30) }
      if let wanted, level != wanted { continue }
      let text = end.map { line[($0 + 1)...] } ?? line
      say(bytes: Array(isRaw ? line : text) + [0x0a])
    }
  }
}
