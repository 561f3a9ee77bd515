/// Tracing: what the kernel did, in the order of time, at the price of one test per tracepoint when off.
///
/// A tracepoint is a line like `Trace.record(.schedSwitch, old.id, next.id)`. Events are turned on by
/// name (/proc/tracing/events, `trace=` on the command line), each processor writes into a ring of its
/// own, and /proc/trace merges them.
import KernelArch

enum Trace {
  private static let recordsPerCPU = Configuration.TRACE_RECORDS
  /// The events that are on, as bits; read without a lock by every tracepoint.
  nonisolated(unsafe) private(set) static var enabled: UInt64 = 0
  /// Made when the first event is turned on.
  nonisolated(unsafe) private static var rings: [TraceRing] = []
  /// A program that decides, per event, whether a record is kept.
  nonisolated(unsafe) private(set) static var filter: (event: TraceEvent, program: ScriptProgram)?
  private static let lock = Mutex("trace control")

  /// A tracepoint.
  @inline(__always)
  static func record(_ event: TraceEvent, _ a: UInt64 = 0, _ b: UInt64 = 0, _ c: UInt64 = 0) {
    if Configuration.TRACING, enabled & event.bit != 0 { write(event, a, b, c) }
  }

  @inline(__always)
  static func record(_ event: TraceEvent, _ a: Int, _ b: Int = 0) {
    if Configuration.TRACING, enabled & event.bit != 0 {
      write(event, UInt64(a), UInt64(b), 0)
    }
  }

  @inline(never)
  private static func write(_ event: TraceEvent, _ a: UInt64, _ b: UInt64, _ c: UInt64) {
    Interrupts.off {
      let cpu = Int(percpu_index())
      guard cpu < rings.count else { return }
      let thread = UInt32(truncatingIfNeeded: Scheduler.running?.id ?? 0)
      if let filter, filter.event == event {
        let context: ScriptContext = [
          UInt64(event.rawValue), UInt64(thread), UInt64(cpu), a, b, c, 0, 0,
        ]
        guard filter.program.run(context) != 0 else { return }
      }
      rings[cpu].append(
        TraceRecord(
          time: Clock.nanoseconds, event: event.rawValue, cpu: UInt8(truncatingIfNeeded: cpu),
          thread: thread, a: a, b: b, c: c))
    }
  }

  static func enable(_ events: UInt64) {
    lock.withLock {
      if rings.isEmpty {
        var made: [TraceRing] = []
        for _ in 0..<CPU.count { made.append(TraceRing(capacity: recordsPerCPU)) }
        rings = made
      }
      enabled |= events
    }
  }

  static func disable(_ events: UInt64) { lock.withLock { enabled &= ~events } }

  static func clear() {
    pausing { for ring in rings { ring.clear() } }
  }

  static func setFilter(_ new: (event: TraceEvent, program: ScriptProgram)?) {
    pausing { filter = new }
  }

  /// Runs `body` while nobody writes.
  private static func pausing(_ body: () -> Void) {
    lock.withLock {
      let wanted = enabled
      enabled = 0
      // Writers have interrupts off: once every processor has taken one, none is inside.
      if CPU.count > 1, Interrupts.areOn { CPU.callOthers {} }
      body()
      enabled = wanted
    }
  }
}

// MARK: Reading

extension Trace {
  /// Visits the records in the order of time.
  static func visit(_ body: (TraceRecord) -> Void) {
    pausing { TraceRing.merge(rings, body) }
  }

  /// How often an event is recorded now.
  static func count(of event: TraceEvent) -> Int {
    var count = 0
    visit { if $0.event == event.rawValue { count += 1 } }
    return count
  }

  static func line(_ record: TraceRecord) -> TextLine {
    guard let event = TraceEvent(rawValue: record.event) else { return "?" }
    var line: TextLine = "[\(record.cpu, width: 2)] \(record.time / 1_000_000_000, width: 5)."
    line.append(decimal: record.time / 1000 % 1_000_000, width: 6, fill: 0x30)
    line.append(line: " \(record.thread, width: 5) ")
    line.append(line: "\(event.name): \(event.details(record))")
    return line
  }
}

// MARK: What programs see

extension Trace {
  static func start() {
    ProcFS.add(
      "trace",
      write: { _ in
        clear()
        return nil
      }
    ) { text in
      var lost = 0
      for ring in rings { lost += ring.lost }
      text.append("# cpu      time thread event: details (\(lost) older ones lost)\n")
      visit { text.append("\(line($0))\n") }
    }
    ProcFS.add("tracing/events", write: { control($0) }) { text in
      for event in TraceEvent.allCases {
        let isOn = enabled & event.bit != 0
        text.append("\(event.name) \(isOn ? "on" as StaticString : "off")\n")
      }
    }
    ScheduleTrace.observer = { kind, _, thread, other in
      switch kind {
      case .switched: Trace.record(.schedSwitch, other, thread)
      case .woken: Trace.record(.schedWakeup, thread, other)
      case .migrated: Trace.record(.schedMigrate, thread, other)
      }
    }
    Modules.observe { event, module in
      if case .live = event { record(.moduleLoad, module.base, module.size) }
      if case .gone = event { record(.moduleUnload, module.base, module.size) }
    }
  }

  /// Turns on what the command line asks for, when there are threads that can.
  static func enableAtBoot() {
    for name in Power.options.debug.events where control(name) != nil {
      log(.warning, "trace", "there is no event \(text: name)")
    }
  }

  /// Words: `NAME` or `+NAME` turns an event on, `-NAME` off, `all` and `none` all of them.
  static func control(_ text: [UInt8]) -> SystemError? {
    for word in text.split(whereSeparator: { $0 == 0x20 || $0 == 0x0a || $0 == 0x2c }) {
      var word = Array(word)
      if word.equals("all") {
        enable((1 << UInt64(TraceEvent.allCases.count)) - 1)
      } else if word.equals("none") {
        disable(.max)
      } else {
        let turnsOff = word.first == 0x2d
        if turnsOff || word.first == 0x2b { word.removeFirst() }
        guard let event = TraceEvent(name: word) else { return .invalidArgument }
        if turnsOff { disable(event.bit) } else { enable(event.bit) }
      }
    }
    return nil
  }
}
