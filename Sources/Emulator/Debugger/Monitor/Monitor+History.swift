import Emulator

extension Monitor {
  /// Finds the last write to what an argument names.
  func lastWrite(_ text: String) throws(MonitorError) -> String {
    var rest = text
    let isPhysical = rest.hasPrefix("phys ")
    if isPhysical { rest = rest.dropFirst(5).trimmed }
    guard !rest.isEmpty else { throw MonitorError("last-write needs an address") }
    let (expression, sizeText) = try ExpressionParser.parsePrefix(rest, symbols)
    let address = try expression.value(machine, processor)
    let size = sizeText.isEmpty ? 8 : try value(sizeText)
    guard (1...4096).contains(size) else { throw MonitorError("1 to 4096 bytes, not \(size)") }
    guard isPhysical || memory.physical(address) != nil else {
      throw MonitorError("\(address.hex) is not mapped")
    }
    let hit =
      isPhysical
      ? debuggee.lastWrite(physical: address, count: size)
      : debuggee.lastWrite(linear: address, count: size)
    guard let hit else {
      return "not written since \(debuggee.history.lowerBound), where history begins"
    }
    return "\(author(hit)) wrote \(hit.size) bytes at \(hit.address.hex); `goto "
      + "\(hit.position)` goes there"
  }

  /// The last deliveries, branches and instructions.
  func history(_ count: Int) -> [String] {
    var lines = ["exceptions and interrupts:"]
    let deliveries = processor.recorder.deliveries.suffix(count)
    for delivery in deliveries {
      var line = "  \(delivery.instructionCount)  \(ExceptionNames.name(delivery.vector))"
      if let code = delivery.errorCode {
        line += ", " + ExceptionNames.describe(errorCode: code, vector: delivery.vector)
      }
      if delivery.vector == 14 { line += ", address \(delivery.cr2.hex)" }
      line += ", CPL \(delivery.cpl), at \(describe(delivery.rip))"
      if delivery.outcome != .delivered { line += ", NOT DELIVERED" }
      lines.append(line)
    }
    if deliveries.isEmpty { lines.append("  none") }
    let steps = RecentExecution(debuggee, limit: UInt64(count) * 32)
    let branches = steps.branches.suffix(count)
    lines.append("branches:")
    for branch in branches {
      lines.append("  \(branch.position)  \(describe(branch.source)) -> \(describe(branch.target))")
    }
    lines.append("instructions:")
    for step in steps.steps.suffix(count) {
      let text = instruction(at: step.address)?.text ?? "?"
      lines.append("  \(step.position)  \(describe(step.address))  \(text)")
    }
    return lines
  }
}
