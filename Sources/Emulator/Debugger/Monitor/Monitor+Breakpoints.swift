import Emulator

extension Monitor {
  /// What may follow the place of a breakpoint.
  private struct Qualifiers {
    var condition: ((Machine) -> Bool)?
    var addressSpace: UInt64?
    var processor: Int?
  }

  /// Adds the breakpoints that an argument of `break` asks for.
  func addBreakpoints(_ text: String, isTemporary: Bool) throws(MonitorError) -> String {
    let (place, qualifiers) = try qualified(text)
    var lines: [String] = []
    let (triggers, isNamed) = try triggers(place)
    for trigger in triggers {
      let label = text.isEmpty ? describe(instructionPointer) : text
      let number = add(
        trigger, qualifiers, label: label, isTemporary: isTemporary, isNamed: isNamed)
      lines.append("breakpoint \(number): \(Self.describe(trigger, self))")
    }
    return lines.joined(separator: "\n")
  }

  /// Adds the watchpoint that an argument of `watch` asks for.
  func addWatchpoint(_ text: String, _ kind: Watchpoint.Kind) throws(MonitorError) -> String {
    var (place, qualifiers) = try qualified(text)
    let isPhysical = place.hasPrefix("phys ")
    if isPhysical { place = place.dropFirst(5).trimmed }
    guard !place.isEmpty else { throw MonitorError("what address is to be watched?") }
    let (expression, rest) = try ExpressionParser.parsePrefix(place, symbols)
    let address = try expression.value(machine, processor)
    var size: UInt64 = 8
    if !rest.isEmpty {
      size = try value(rest)
    } else if case .symbol = expression,
      let (symbol, offset) = symbols.table.symbol(at: address), offset == 0, symbol.size > 0
    {
      size = min(symbol.size, 4096)
    }
    guard (1...65536).contains(size) else {
      throw MonitorError("1 to 65536 bytes can be watched, not \(size)")
    }
    let watchpoint = Watchpoint(
      address: address, count: size, kind: kind, isPhysical: isPhysical)
    let number = add(
      .access(watchpoint), qualifiers, label: text, isTemporary: false,
      isNamed: expression.isNamed && !isPhysical)
    return "watchpoint \(number): \(Self.describe(.access(watchpoint), self))"
  }

  private func add(
    _ trigger: Breakpoint.Trigger, _ qualifiers: Qualifiers, label: String, isTemporary: Bool,
    isNamed: Bool
  ) -> BreakpointNumber {
    var breakpoint = Breakpoint(trigger)
    breakpoint.isNamed = isNamed
    breakpoint.condition = qualifiers.condition
    breakpoint.addressSpace = qualifiers.addressSpace
    breakpoint.processor = qualifiers.processor
    breakpoint.isTemporary = isTemporary
    let number = debuggee.add(breakpoint)
    labels[number] = label
    return number
  }

  /// Takes `if CONDITION`, `in CR3` and `cpu N` off the end of an argument.
  private func qualified(_ text: String) throws(MonitorError) -> (String, Qualifiers) {
    var qualifiers = Qualifiers()
    var rest = " " + text
    // A name in quotes may have such words.
    let quoted = rest.hasPrefix(" '") ? rest.dropFirst(2).prefix { $0 != "'" }.count + 2 : 0
    // From the end on, whatever their order.
    while true {
      let found = [" if ", " in ", " cpu "].compactMap { word in
        rest.dropFirst(quoted).ranges(of: word).last.map { (word, $0) }
      }
      guard let (word, range) = found.max(by: { $0.1.lowerBound < $1.1.lowerBound }) else { break }
      let argument = rest[range.upperBound...].trimmed
      rest = String(rest[..<range.lowerBound])
      switch word {
      case " if ": qualifiers.condition = try condition(argument)
      case " in ":
        qualifiers.addressSpace =
          argument == "here" ? cpu.state.pointee.cr3 : try value(argument)
      default:
        let number = try value(argument)
        guard number < UInt64(machine.processors.count) else {
          throw MonitorError("there is no processor \(number)")
        }
        qualifiers.processor = Int(number)
      }
    }
    return (rest.trimmed, qualifiers)
  }

  /// What a place asks for, and whether it moves with the program.
  private func triggers(
    _ place: String
  ) throws(MonitorError) -> ([Breakpoint.Trigger], isNamed: Bool) {
    if let event = try event(place) { return ([event], false) }
    let (addresses, isNamed) = try addresses(place)
    return (addresses.map { .execution(LinearAddress($0)) }, isNamed)
  }

  /// The event, or the present address, that a place is; nil for another address.
  private func event(_ place: String) throws(MonitorError) -> Breakpoint.Trigger? {
    let (word, rest) = place.splitAtSpace
    switch word {
    case "": return .execution(cpu.instructionPointer)
    case "mode" where rest.isEmpty: return .modeChange
    case "cpl" where rest.isEmpty: return .privilegeChange
    case "cr3" where rest.isEmpty: return .addressSpaceChange
    case "vector":
      let range = try range(rest, most: 255)
      return .vector(UInt8(range.lowerBound)...UInt8(range.upperBound))
    case "port":
      let range = try range(rest, most: 65535)
      return .port(UInt16(range.lowerBound)...UInt16(range.upperBound))
    default: return ExceptionNames.vector(named: place).map { .vector($0...$0) }
    }
  }

  /// A number, or two with a dash between them.
  private func range(_ text: String, most: UInt64) throws(MonitorError) -> ClosedRange<UInt64> {
    if let vector = ExceptionNames.vector(named: text) {
      return UInt64(vector)...UInt64(vector)
    }
    let (first, second) = text.splitAt("-")
    let start = try value(first)
    let end = try second.map { text throws(MonitorError) in try value(text) } ?? start
    guard start <= end, end <= most else { throw MonitorError("0 to \(most) there are, in order") }
    return start...end
  }

  // MARK: Listing

  /// The numbers in an argument; all there are where it is empty.
  func breakpointNumbers(_ text: String) throws(MonitorError) -> [BreakpointNumber] {
    if text.isEmpty { return debuggee.breakpoints.keys.sorted() }
    var numbers: [BreakpointNumber] = []
    for word in text.split(whereSeparator: \.isWhitespace) {
      guard let number = Int(word), debuggee.breakpoints[number] != nil else {
        throw MonitorError("there is no breakpoint \(word)")
      }
      numbers.append(number)
    }
    return numbers
  }

  /// Every breakpoint with what it is and how often it was met.
  func breakpointList() -> String {
    debuggee.placeBreakpoints()
    let lines = debuggee.breakpoints.keys.sorted().compactMap { number -> String? in
      guard let breakpoint = debuggee.breakpoints[number] else { return nil }
      var notes: [String] = []
      if !breakpoint.isEnabled { notes.append("disabled") }
      if breakpoint.isTemporary { notes.append("temporary") }
      if let label = labels[number] { notes.append("`\(label)`") }
      if breakpoint.ignoreCount > 0 { notes.append("\(breakpoint.ignoreCount) more to pass") }
      notes.append("met \(breakpoint.hitCount) times")
      return
        "\(number)  \(Self.describe(breakpoint.trigger, self))  (\(notes.joined(separator: ", ")))"
    }
    return lines.isEmpty ? "no breakpoints" : lines.joined(separator: "\n")
  }

  private static func describe(_ trigger: Breakpoint.Trigger, _ monitor: Monitor) -> String {
    switch trigger {
    case .execution(let address): return monitor.describe(address.value)
    case .access(let point):
      let kind =
        switch point.kind {
        case .read: "reads"
        case .write: "writes"
        case .readOrWrite: "accesses"
        }
      return "\(kind) of \(point.count) bytes at \(point.isPhysical ? "physical " : "")"
        + (point.isPhysical ? point.address.hex : monitor.describe(point.address))
    case .vector(let range) where range.count == 1:
      return "delivery of \(ExceptionNames.name(range.lowerBound))"
    case .vector(let range): return "delivery of vectors \(range.lowerBound) to \(range.upperBound)"
    case .modeChange: return "change of operating mode"
    case .privilegeChange: return "change of privilege level"
    case .addressSpaceChange: return "change of CR3"
    case .port(let range):
      return "access to ports \(UInt64(range.lowerBound).hex) to \(UInt64(range.upperBound).hex)"
    }
  }
}
