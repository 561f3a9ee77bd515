import Emulator

/// What the machine is to do until the client hears of it again.
enum ResumePlan: Equatable {
  /// Run until something happens.
  case resume(Direction)
  /// Execute one instruction of a processor, or undo one.
  case step(Direction, processor: Int)
  /// Step as long as the instruction pointer stays in the range.
  case range(processor: Int, Range<UInt64>)
  /// Run until the handler of an interrupt that came while stepping in a range returns.
  case handler(processor: Int, Range<UInt64>, end: BreakpointNumber)

  /// The processor that is to be looked at when nothing else says one.
  var processor: Int? {
    switch self {
    case .resume: nil
    case .step(_, let processor), .range(let processor, _), .handler(let processor, _, _):
      processor
    }
  }
}

/// Reading what a client wants to happen.
extension GDBServer {
  /// bs and bc.
  func resumeBackwards(_ reader: PacketReader) {
    var reader = reader
    if reader.take("s") {
      plan = .step(.backward, processor: steppedProcessor ?? selectedProcessor)
    } else if reader.take("c") {
      plan = .resume(.backward)
    } else {
      reply("")
    }
  }

  /// c, s, C and S, with an address where to go on or not; signals mean nothing to a machine.
  func resume(_ kind: Character, _ reader: PacketReader) {
    var reader = reader
    if kind == "C" || kind == "S" {
      guard reader.number() != nil else { return reply(.invalidArgument) }
      _ = reader.take(";")
    }
    let processor = steppedProcessor ?? selectedProcessor
    if !reader.isAtEnd {
      guard let address = reader.number() else { return reply(.invalidArgument) }
      _ = debuggee.edit { machine in
        RegisterFile(machine, processor: processor).write(.instructionPointer, UInt128(address))
      }
    }
    plan = kind == "c" || kind == "C" ? .resume(.forward) : .step(.forward, processor: processor)
  }

  /// vCont: what one processor is told to step decides when all stop, which go on together.
  func resume(actions reader: PacketReader) {
    var reader = reader
    var wanted: ResumePlan?
    var isContinued = false
    while !reader.isAtEnd {
      guard let action = action(&reader) else { return reply(.invalidArgument) }
      switch action {
      case .resume: isContinued = true
      case .some(let plan) where wanted == nil: wanted = plan
      default: break
      }
    }
    if let wanted {
      plan = wanted
    } else if isContinued {
      plan = .resume(.forward)
    } else {
      // Only to stop, which everything has.
      reply(lastReply)
    }
  }

  /// Reads one action; nil inside where it asks for nothing to run, nil where it is malformed.
  private func action(_ reader: inout PacketReader) -> ResumePlan?? {
    guard let kind = reader.character().map({ Character(UnicodeScalar($0)) }) else { return nil }
    var range: Range<UInt64>?
    switch kind {
    case "C", "S": guard reader.number() != nil else { return nil }
    case "r":
      guard let start = reader.number(), reader.take(","), let end = reader.number() else {
        return nil
      }
      range = start..<max(start, end)
    case "c", "s", "t": break
    default: return nil
    }
    var processor = steppedProcessor ?? selectedProcessor
    if reader.take(":") {
      guard let choice = thread(&reader) else { return nil }
      if case .processor(let number) = choice { processor = number }
    }
    guard reader.take(";") || reader.isAtEnd else { return nil }
    return switch kind {
    case "c", "C": .some(.resume(.forward))
    case "t": .some(nil)
    default:
      .some(
        range.map { .range(processor: processor, $0) } ?? .step(.forward, processor: processor))
    }
  }
}
