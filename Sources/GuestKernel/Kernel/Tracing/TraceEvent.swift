/// The static tracepoints: their names, and their arguments in words.
///
/// The text is an interface: programs and golden traces read it.
enum TraceEvent: UInt8, CaseIterable {
  case schedSwitch = 0
  case schedWakeup = 1
  case irqEntry = 2
  case irqExit = 3
  case sysEnter = 4
  case sysExit = 5
  case pageFault = 6
  case blockIssue = 7
  case blockComplete = 8
  case moduleLoad = 9
  case moduleUnload = 10
  case processFork = 11
  case processExit = 12
  case kprobe = 13
  case mark = 14
  case schedMigrate = 15

  var name: StaticString {
    switch self {
    case .schedSwitch: "sched_switch"
    case .schedWakeup: "sched_wakeup"
    case .irqEntry: "irq_entry"
    case .irqExit: "irq_exit"
    case .sysEnter: "sys_enter"
    case .sysExit: "sys_exit"
    case .pageFault: "page_fault"
    case .blockIssue: "block_issue"
    case .blockComplete: "block_complete"
    case .moduleLoad: "module_load"
    case .moduleUnload: "module_unload"
    case .processFork: "process_fork"
    case .processExit: "process_exit"
    case .kprobe: "kprobe"
    case .mark: "mark"
    case .schedMigrate: "sched_migrate"
    }
  }

  var bit: UInt64 { 1 << UInt64(rawValue) }

  init?(name: [UInt8]) {
    for event in TraceEvent.allCases where name.equals(event.name) {
      self = event
      return
    }
    return nil
  }

  func details(_ r: TraceRecord) -> TextLine {
    switch self {
    case .schedSwitch: return "prev=\(r.a) next=\(r.b)"
    case .schedWakeup, .schedMigrate: return "thread=\(r.a) cpu=\(r.b)"
    case .irqEntry, .irqExit: return "vector=\(r.a)"
    case .sysEnter: return "call=\(r.a) args=\(hex: r.b),\(hex: r.c)"
    case .sysExit:
      return "call=\(r.a) result=\(Int64(bitPattern: r.b))"
    case .pageFault: return "address=\(hex: r.a) error=\(hex: r.b)"
    case .blockIssue, .blockComplete:
      return "sector=\(r.a) count=\(r.b) \(r.c == 0 ? "read" as StaticString : "write")"
    case .moduleLoad, .moduleUnload: return "base=\(hex: r.a) size=\(r.b)"
    case .processFork: return "parent=\(r.a) child=\(r.b)"
    case .processExit: return "status=\(hex: r.a)"
    case .kprobe: return "\(Symbols.name(at: r.a)) args=\(hex: r.b),\(hex: r.c)"
    case .mark: return "\(r.a) \(r.b) \(r.c)"
    }
  }
}
