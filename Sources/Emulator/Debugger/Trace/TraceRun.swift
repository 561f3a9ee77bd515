import Emulator

/// Hears what a run that is traced does, as it does it; answers false to end it.
protocol TraceListener: AnyObject {
  /// An event of a kind that is recorded.
  func event(_ event: ExecutionEvent)
  /// The digest at a multiple of the interval.
  func digest(_ digest: UInt64, at position: UInt64)
  /// An instruction, where deltas are recorded.
  func delta(_ delta: InstructionDelta, at position: UInt64)
  /// A run of instructions, where flow is recorded.
  func flow(_ run: FlowRun, at position: UInt64)
  /// Whether it wants deltas and flow as they come.
  var wantsInstructions: Bool { get }
  /// Whether the run may end.
  var isSatisfied: Bool { get }
}

/// Runs a machine from its beginning with the tracks that options ask for.
struct TraceRun {
  let options: TraceOptions
  let make: () throws -> Machine

  /// Runs the machine for a listener.
  ///
  /// - Returns: The machine at the end, how it ended, and the tracks of instructions.
  func callAsFunction(
    input: InputLog, for listener: some TraceListener
  ) throws -> (machine: Machine, end: Trace.End, flow: [UInt8], deltas: [UInt8]) {
    let start = try count(of: options.start, input: input) ?? 0
    let stop = min(try count(of: options.stop, input: input) ?? .max, options.limit ?? .max)
    let machine = try make()
    machine.replay(input)
    let kinds = options.kinds
    var isRecording = start == 0
    machine.observer = { event in
      guard isRecording, kinds.contains(EventKinds(event.kind)) else { return }
      listener.event(event)
    }
    let weaving: Weaving = kinds.contains(.call) ? .calls : []
    var tracks: InstructionTracks?
    func begin() {
      isRecording = true
      guard options.recordsFlow || options.recordsDeltas else { return machine.weave(weaving) }
      let made = InstructionTracks(machine, options: options)
      if listener.wantsInstructions {
        made.deltaAdded = { listener.delta($0, at: $1) }
        made.runAdded = { listener.flow($0, at: $1) }
      }
      made.start(weaving: weaving)
      tracks = made
    }
    if isRecording { begin() }
    var reason: StopReason?
    while reason == nil, !listener.isSatisfied {
      let count = machine.instructionCount
      if !isRecording, count >= start { begin() }
      guard count < stop else { break }
      let boundary = (count / Trace.digestInterval + 1) * Trace.digestInterval
      let next = min(boundary, stop, isRecording ? .max : start)
      let result = machine.run(limit: next - count)
      if machine.instructionCount == boundary {
        listener.digest(machine.processorDigest(), at: boundary)
      }
      if result != .instructionLimit { reason = result }
    }
    if reason == nil, let time = options.endTime, time > machine.now, !listener.isSatisfied {
      // The guest waits: only time passes.
      _ = machine.run(limit: 1, timeLimit: time - machine.now)
    }
    machine.observer = nil
    let bytes = tracks?.finish() ?? ([], [])
    let end = Trace.End(
      machine, reason: reason.map(TraceEnd.text) ?? TraceEnd.text(.instructionLimit))
    return (machine, end, bytes.0, bytes.1)
  }

  /// The instruction count of a moment; a symbol's is that at which execution arrives there by a
  /// call, a return or an event.
  private func count(of moment: TraceOptions.Moment?, input: InputLog) throws -> UInt64? {
    guard let moment else { return nil }
    guard case .symbol(let name) = moment else {
      if case .count(let count) = moment { return count }
      return nil
    }
    let machine = try make()
    machine.replay(input)
    let symbols = SymbolTable(machine.image?.elf)
    let addresses: Set<UInt64>
    do throws(SymbolTable.NameError) {
      addresses = Set(try symbols.meaning(of: name).addresses)
    } catch {
      throw TraceError(error.description)
    }
    var found: UInt64?
    machine.observer = { event in
      if found == nil, addresses.contains(event.target.address) { found = event.position }
    }
    machine.weave(.calls)
    let limit = options.limit ?? .max
    var stop = StopReason.instructionLimit
    while found == nil, stop == .instructionLimit, machine.instructionCount < limit {
      stop = machine.run(limit: min(Trace.digestInterval, limit - machine.instructionCount))
    }
    guard let found else {
      throw TraceError("the run ends before it comes to \"\(name)\" (\(TraceEnd.text(stop)))")
    }
    return found
  }
}
