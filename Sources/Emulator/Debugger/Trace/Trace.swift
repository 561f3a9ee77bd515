import Emulator

/// A recorded run: what it was of, and the tracks that were asked for.
public struct Trace: Equatable, Sendable {
  /// Instructions between two digests.
  public static let digestInterval: UInt64 = 65_536
  /// The version of the format.
  static let version = 1

  /// How the run ended.
  public struct End: Equatable, Sendable {
    /// Why, as `TraceEnd` words it.
    public var reason: String
    /// Instructions that had retired.
    public var instructionCount: UInt64
    /// Virtual nanoseconds.
    public var time: UInt64
    /// The digest of everything.
    public var digest: UInt64

    init(_ machine: Machine, reason: String) {
      self.reason = reason
      instructionCount = machine.instructionCount
      time = machine.now
      digest = machine.stateDigest()
    }

    init(reason: String, instructionCount: UInt64, time: UInt64, digest: UInt64) {
      self.reason = reason
      self.instructionCount = instructionCount
      self.time = time
      self.digest = digest
    }
  }

  /// What the machine was made of.
  public var machine: MachineDescription
  /// What came from outside.
  public var input = InputLog()
  /// What is recorded.
  public var options = TraceOptions()
  /// Where the kernel went, if it has moved itself.
  public var slide: ImageSlide?
  /// How it ended; nil in a trace that is being made.
  public var end: End?
  /// The digest of every processor's registers at each multiple of the interval.
  public var digests: [UInt64] = []
  /// The events, in the form that `EventCoder` reads.
  public var events: [UInt8] = []
  /// The number of events.
  public var eventCount = 0
  /// The lines of a text; nil in a binary trace, whose lines follow from its events.
  public var text: [String]?
  /// Control flow, as `FlowCoder` reads it.
  public var flow: [UInt8] = []
  /// Changes of registers and memory, as `DeltaCoder` reads them.
  public var deltas: [UInt8] = []
  /// Contents of files, by digest.
  public var embedded: [String: [UInt8]] = [:]
  /// A snapshot of the machine on its way, where a replay can begin.
  public var checkpoint: Checkpoint?

  /// A trace of a machine that has not run yet.
  public init(machine: MachineDescription) { self.machine = machine }

  /// The events, as far as they can be read.
  public func decodedEvents() -> [ExecutionEvent] {
    var coder = EventCoder()
    var reader = ByteReader(events)
    var result: [ExecutionEvent] = []
    while !reader.isAtEnd, let event = coder.read(&reader) { result.append(event) }
    return result
  }

  /// The symbols of the kernel, if its file is still to be had.
  public func symbols(_ source: FileSource = FileSource()) -> SymbolTable {
    guard let file = machine.files.first(where: { $0.role == .image }) else {
      return SymbolTable(nil as ELFImage?)
    }
    let bytes = embedded[file.digest] ?? (try? source.content(of: file))
    guard let bytes, SHA256.hex(bytes) == file.digest,
      let image = try? KernelImage(bytes, name: file.path)
    else { return SymbolTable(nil as ELFImage?) }
    var symbols = SymbolTable(image)
    symbols.slide = slide
    return symbols
  }

  /// The lines of the text form: those of the file, or made of the events.
  public func lines(_ mode: TraceMode? = nil, symbols: SymbolTable? = nil) -> [TraceLine] {
    if let text {
      return text.map { TraceLine(position: Self.position(of: $0, options.mode), text: $0) }
    }
    let mode = mode ?? options.mode
    var symbols = symbols ?? self.symbols()
    symbols.slide = slide
    var formatter = EventText(mode: mode, symbols: symbols, processors: machine.processors)
    var lines = decodedEvents().flatMap { formatter.lines($0) }
    lines += formatter.rest()
    return mode == .semantic ? Repetitions.collapse(lines) : lines
  }

  private static func position(of line: String, _ mode: TraceMode) -> UInt64 {
    mode == .exact ? UInt64(line.prefix { $0 != " " }) ?? 0 : 0
  }
}

/// What a trace has, and when.
public struct TraceOptions: Equatable, Sendable {
  /// Where recording begins or ends.
  public enum Moment: Equatable, Sendable {
    /// This many instructions have retired.
    case count(UInt64)
    /// The function of this name is about to be executed.
    case symbol(String)

    /// The moment that a text names: a number or a symbol.
    public init(_ text: String) { self = UInt64(text).map(Moment.count) ?? .symbol(text) }

    /// The text.
    public var text: String {
      switch self {
      case .count(let count): "\(count)"
      case .symbol(let name): name
      }
    }
  }

  /// Which events.
  public var kinds: EventKinds
  /// How their text is written.
  public var mode: TraceMode
  /// Whether control flow is recorded.
  public var recordsFlow = false
  /// Whether changes of registers and memory are recorded.
  public var recordsDeltas = false
  /// Where events, flow and changes begin, nil for the beginning.
  public var start: Moment?
  /// Where the run ends, nil for its own end.
  public var stop: Moment?
  /// How many instructions may retire.
  public var limit: UInt64?
  /// The virtual time to wait for at the end, where a run ended while the guest was idle.
  public var endTime: UInt64?

  /// The usual of a mode.
  public init(_ mode: TraceMode = .exact) {
    self.mode = mode
    kinds = mode == .exact ? .usual : .semantic
  }
}

extension MachineDescription {
  /// How many processors there are.
  var processors: Int {
    let count = settings.first { $0.name == "cpus" }.flatMap { Int($0.value) } ?? 1
    return min(max(count, 1), MachineConfiguration.mostProcessors)
  }
}

/// Words for how a run ended.
public enum TraceEnd {
  /// The words for a stop.
  public static func text(_ stop: StopReason) -> String {
    switch stop {
    case .poweredOff: "powered off"
    case .debugExit(let value): "debug exit \(value)"
    case .reset: "reset"
    case .shutdown: "triple fault"
    case .haltedForever, .idle: "halted for ever"
    case .instructionLimit: "instruction limit"
    default: "stopped"
    }
  }
}
