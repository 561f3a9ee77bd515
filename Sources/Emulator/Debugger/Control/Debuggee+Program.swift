import Emulator

/// Breakpoints with names of a program that moves itself, as address-space randomisation does.
extension Debuggee {
  /// Whether such a program may still move.
  var awaitsMove: Bool {
    guard let program, program.mayMove, !hasRunApplications else { return false }
    return breakpoints.values.contains { $0.isEnabled && $0.isNamed }
  }

  /// Gives breakpoints with names the addresses that these have now.
  public func placeBreakpoints() {
    let slide = program?.table.slide
    guard slide != placed else { return }
    for (number, breakpoint) in breakpoints where breakpoint.isNamed {
      breakpoints[number]?.trigger = breakpoint.trigger.moved(from: placed, to: slide)
    }
    placed = slide
  }

  /// Looks for the program when it may have moved; the machine stops soon if it has.
  func noticeMove(_ event: ExecutionEvent) {
    switch event.kind {
    case .controlRegister(0, _), .controlRegister(3, _):
      guard awaitsMove, machine.processors.indices.contains(event.processor) else { return }
      program?.follow(machine.processors[event.processor].cpu)
      if program?.table.slide != placed { machine.stopSoon() }
    case _ where event.target.cpl == 3: hasRunApplications = true
    default: break
    }
  }
}

extension Breakpoint.Trigger {
  /// The same place of a program that is somewhere else.
  fileprivate func moved(from old: ImageSlide?, to new: ImageSlide?) -> Self {
    func moved(_ address: UInt64) -> UInt64 {
      let linked = old?.linked(address) ?? address
      return new?.moved(linked) ?? linked
    }
    switch self {
    case .execution(let address): return .execution(LinearAddress(moved(address.value)))
    case .access(var point) where !point.isPhysical:
      point.address = moved(point.address)
      return .access(point)
    default: return self
    }
  }
}
