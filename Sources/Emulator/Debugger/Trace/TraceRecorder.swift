import Emulator

extension Trace {
  /// Runs a machine from its beginning and records it.
  public static func record(
    _ description: MachineDescription, input: InputLog = InputLog(),
    options: TraceOptions = TraceOptions(), source: FileSource = FileSource()
  ) throws -> Trace {
    try record(description, input: input, options: options) { try description.makeMachine(source) }
  }

  /// Runs a machine that `make` makes and records it.
  public static func record(
    _ description: MachineDescription, input: InputLog = InputLog(),
    options: TraceOptions = TraceOptions(), make: @escaping () throws -> Machine
  ) throws -> Trace {
    let recorder = Recorder()
    let run = TraceRun(options: options, make: make)
    let (machine, end, flow, deltas) = try run(input: input, for: recorder)
    var trace = Trace(machine: description)
    trace.input = input
    trace.options = options
    trace.end = end
    trace.slide = ImageSlide.find(in: machine)
    trace.digests = recorder.digests
    trace.events = recorder.writer.bytes
    trace.eventCount = recorder.count
    trace.flow = flow
    trace.deltas = deltas
    return trace
  }
}

/// Keeps what it hears.
private final class Recorder: TraceListener {
  private var coder = EventCoder()
  private(set) var writer = ByteWriter()
  private(set) var digests: [UInt64] = []
  private(set) var count = 0
  var isSatisfied: Bool { false }
  var wantsInstructions: Bool { false }

  func event(_ event: ExecutionEvent) {
    coder.write(event, to: &writer)
    count += 1
  }

  func digest(_ digest: UInt64, at position: UInt64) { digests.append(digest) }
  func delta(_ delta: InstructionDelta, at position: UInt64) {}
  func flow(_ run: FlowRun, at position: UInt64) {}
}
