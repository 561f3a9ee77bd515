import Emulator

/// Events as a timeline: the JSON that Perfetto and Chrome's tracing read.
///
/// Each processor has three rows: who is being served (interrupts, exceptions and system calls,
/// nested), the privilege level, and the address space. What happens in a moment is a mark. If the guest
/// says so (`GuestAnnouncements`), address spaces and system calls have their names, each processor has a
/// row of the threads that it runs besides, and each thread one that says where it runs.
public struct ChromeTrace {
  private enum Row: Int {
    case service
    case privilege
    case space
    case thread

    /// Those that every processor has.
    static let usual: [Row] = [.service, .privilege, .space]

    var name: String {
      switch self {
      case .service: "interrupts and system calls"
      case .privilege: "privilege"
      case .space: "address space"
      case .thread: "threads"
      }
    }
  }

  private var entries: [String] = []
  private var text: EventText
  private let symbols: SymbolTable
  /// Open slices of services by processor.
  private var open: [[String]]
  private var levels: [(name: String, since: UInt64)?]
  /// The values of CR3.
  private var spaces: [(root: UInt64, since: UInt64)?]
  private var announced = GuestAnnouncements()
  /// Who runs on each processor.
  private var running: [(thread: UInt64, since: UInt64)?]
  private var last: UInt64 = 0

  /// The timeline of some events.
  public init(_ events: [ExecutionEvent], symbols: SymbolTable, processors: Int) {
    self.symbols = symbols
    text = EventText(mode: .exact, symbols: symbols, processors: processors)
    open = [[String]](repeating: [], count: processors)
    levels = [(name: String, since: UInt64)?](repeating: nil, count: processors)
    spaces = [(root: UInt64, since: UInt64)?](repeating: nil, count: processors)
    running = [(thread: UInt64, since: UInt64)?](repeating: nil, count: processors)
    for processor in 0..<processors {
      for row in Row.usual { name(row, processor) }
    }
    for event in events where event.processor < processors { add(event) }
    close()
    nameThreads()
  }

  /// The file.
  public var json: String {
    "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n" + entries.joined(separator: ",\n") + "\n]}\n"
  }

  private static func thread(_ processor: Int, _ row: Row) -> Int { processor * 10 + row.rawValue }

  private mutating func name(_ row: Row, _ processor: Int) {
    entries.append(
      #"{"ph":"M","pid":1,"tid":\#(Self.thread(processor, row)),"name":"thread_name","#
        + #""args":{"name":"cpu \#(processor): \#(row.name)"}}"#)
  }

  /// Virtual time in microseconds.
  private static func stamp(_ time: UInt64) -> String {
    let rest = "\(time % 1000)"
    return "\(time / 1000)." + String(repeating: "0", count: 3 - rest.count) + rest
  }

  private mutating func add(_ event: ExecutionEvent) {
    let number = event.processor
    last = max(last, event.time)
    if let said = announced.take(event) {
      if case .running(let thread) = said { run(thread, on: number, at: event.time) }
      return
    }
    switch event.kind {
    case .delivery(let delivery) where delivery.failure == nil:
      begin(name(event), number, event)
    case .systemCall(.syscall, let rax), .systemCall(.sysenter, let rax):
      begin(announced.calls[rax] ?? "system call \(rax)", number, event)
    case .interruptReturn, .systemCall:
      end(number, event.time, all: event.target.cpl == 3)
    case .controlRegister(3, let value):
      changeSpace(to: value, number, at: event.time)
    case .output: return
    default: mark(event)
    }
    let level = "ring \(event.target.cpl) \(event.target.mode.rawValue)"
    levels[number] = change(levels[number], to: level, .privilege, number, at: event.time)
  }

  private mutating func name(_ event: ExecutionEvent) -> String {
    let words = (text.lines(event).first?.text ?? "").split(separator: " ")
    let what = words.dropFirst(2).first.map(String.init) ?? ""
    let argument = words.count > 4 ? String(words[4]) : ""
    let handler = symbols.describe(event.target.address).map { " \($0)" } ?? ""
    return "\(what) \(argument)\(handler)"
  }

  private mutating func begin(_ name: String, _ number: Int, _ event: ExecutionEvent) {
    open[number].append(name)
    let from = symbols.describe(event.source.address) ?? event.source.address.hex
    entries.append(
      #"{"ph":"B","pid":1,"tid":\#(Self.thread(number, .service)),"ts":\#(Self.stamp(event.time)),"#
        + #""name":\#(JSON.quote(name)),"args":{"from":\#(JSON.quote(from)),"#
        + #""instruction":\#(event.position)}}"#)
  }

  /// Ends the innermost service, or all on the way back to an application.
  private mutating func end(_ number: Int, _ time: UInt64, all: Bool) {
    repeat {
      guard open[number].popLast() != nil else { return }
      entries.append(
        #"{"ph":"E","pid":1,"tid":\#(Self.thread(number, .service)),"ts":\#(Self.stamp(time))}"#)
    } while all
  }

  /// Ends a slice where another one begins.
  private mutating func change(
    _ current: (name: String, since: UInt64)?, to name: String, _ row: Row, _ number: Int,
    at time: UInt64
  ) -> (name: String, since: UInt64) {
    if let current, current.name == name { return current }
    if let current { slice(current, row, number, until: time) }
    return (name, time)
  }

  /// Ends the slice of an address space, unless the other tables are the same one's.
  private mutating func changeSpace(to root: UInt64, _ number: Int, at time: UInt64) {
    guard let current = spaces[number] else {
      spaces[number] = (root, time)
      return
    }
    guard spaceName(current.root) != spaceName(root) else { return }
    slice((spaceName(current.root), current.since), .space, number, until: time)
    spaces[number] = (root, time)
  }

  /// What an address space is called, or the value of CR3.
  private func spaceName(_ root: UInt64) -> String {
    announced.name(ofSpace: (root & PageTableEntry.addressMask) >> 12) ?? root.hex
  }

  private mutating func slice(
    _ slice: (name: String, since: UInt64), _ row: Row, _ number: Int, until time: UInt64
  ) {
    entries.append(
      #"{"ph":"X","pid":1,"tid":\#(Self.thread(number, row)),"ts":\#(Self.stamp(slice.since)),"#
        + #""dur":\#(Self.stamp(time - min(slice.since, time))),"name":\#(JSON.quote(slice.name))}"#
    )
  }

  // MARK: Threads

  /// A processor's turn goes to a thread, or to nobody if it is 0.
  private mutating func run(_ thread: UInt64, on number: Int, at time: UInt64) {
    if let current = running[number], current.thread != 0 {
      let name = announced.name(ofThread: current.thread)
      slice((name, current.since), .thread, number, until: time)
      entries.append(
        #"{"ph":"X","pid":2,"tid":\#(current.thread),"ts":\#(Self.stamp(current.since)),"#
          + #""dur":\#(Self.stamp(time - min(current.since, time))),"name":"cpu \#(number)"}"#)
    }
    running[number] = (thread, time)
  }

  /// Names the rows of threads, if there are any.
  private mutating func nameThreads() {
    guard running.contains(where: { $0 != nil }) else { return }
    for processor in running.indices { name(.thread, processor) }
    for (number, title) in [(1, "processors"), (2, "threads")] {
      entries.append(
        #"{"ph":"M","pid":\#(number),"name":"process_name","args":{"name":"\#(title)"}}"#)
    }
    for (thread, name) in announced.threads.sorted(by: { $0.key < $1.key }) where thread != 0 {
      entries.append(
        #"{"ph":"M","pid":2,"tid":\#(thread),"name":"thread_name","#
          + #""args":{"name":\#(JSON.quote("\(name) (\(thread))"))}}"#)
    }
  }

  private mutating func mark(_ event: ExecutionEvent) {
    for line in text.lines(event) {
      let words = line.text.split(separator: " ", maxSplits: 2)
      entries.append(
        #"{"ph":"i","s":"t","pid":1,"tid":\#(Self.thread(event.processor, .service)),"#
          + #""ts":\#(Self.stamp(event.time)),"name":\#(JSON.quote(String(words.last ?? "")))}"#)
    }
  }

  private mutating func close() {
    for number in open.indices {
      while !open[number].isEmpty { end(number, last, all: false) }
      if let level = levels[number] { slice(level, .privilege, number, until: last) }
      if let (root, since) = spaces[number] {
        slice((spaceName(root), since), .space, number, until: last)
      }
      if running[number] != nil { run(0, on: number, at: last) }
    }
  }
}
