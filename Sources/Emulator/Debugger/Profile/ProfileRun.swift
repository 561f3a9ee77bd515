import Emulator

/// A run that was measured: who executed how many instructions.
public struct ProfileRun {
  /// Functions by their callers.
  public let tree: CallTree
  /// Executions of every instruction.
  public let counts: [CodeLocation: ExecutionCounters.Count]
  /// The kernel, nil for firmware.
  public let image: KernelImage?
  /// Where it went, if it has moved itself.
  public let slide: ImageSlide?
  /// The kernel's file.
  public let name: String
  /// How many instructions retired.
  public let instructionCount: UInt64

  /// Runs a machine from its beginning.
  public init(
    _ description: MachineDescription, input: InputLog = InputLog(),
    options: TraceOptions = TraceOptions(), _ source: FileSource = FileSource()
  ) throws {
    var options = options
    options.kinds = EventKinds(EventKinds.names.map(\.kinds))
    let machine = try description.makeMachine(source)
    machine.replay(input)
    let profiler = CallProfiler(machine)
    machine.observer = { profiler.add($0) }
    machine.weave([.calls, .counters])
    _ = machine.run(limit: options.limit ?? .max)
    if let time = options.endTime, time > machine.now {
      _ = machine.run(limit: 1, timeLimit: time - machine.now)
    }
    profiler.finish()
    machine.observer = nil
    tree = profiler.tree
    counts = machine.executionCounts
    image = machine.image
    slide = ImageSlide.find(in: machine)
    name = machine.image?.name ?? "firmware"
    instructionCount = machine.instructionCount
  }
}
