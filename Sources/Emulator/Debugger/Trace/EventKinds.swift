import Emulator

/// Which events a trace has, by the names that `--events` takes.
public struct EventKinds: OptionSet, Hashable, Sendable {
  /// The bits.
  public var rawValue: UInt32
  /// Takes the bits as they are.
  public init(rawValue: UInt32) { self.rawValue = rawValue }
  private init(bit: UInt32) { rawValue = 1 << bit }

  /// Interrupts from outside, NMIs too.
  public static let irq = EventKinds(bit: 0)
  /// Exceptions.
  public static let fault = EventKinds(bit: 1)
  /// INT n, SYSCALL, SYSRET, SYSENTER, SYSEXIT.
  public static let syscall = EventKinds(bit: 2)
  /// IRET.
  public static let iret = EventKinds(bit: 3)
  /// Control registers, XCR0, and far transfers.
  public static let control = EventKinds(bit: 4)
  /// WRMSR.
  public static let msr = EventKinds(bit: 5)
  /// LGDT, LIDT, LLDT, LTR.
  public static let table = EventKinds(bit: 6)
  /// INVLPG and INVPCID.
  public static let tlb = EventKinds(bit: 7)
  /// HLT, MWAIT, and the end of waiting.
  public static let halt = EventKinds(bit: 8)
  /// I/O ports.
  public static let io = EventKinds(bit: 9)
  /// Devices in memory.
  public static let mmio = EventKinds(bit: 10)
  /// Lines that consoles show.
  public static let console = EventKinds(bit: 11)
  /// What came from outside.
  public static let input = EventKinds(bit: 12)
  /// Resets, INIT, start-up messages.
  public static let reset = EventKinds(bit: 13)
  /// Near calls and returns.
  public static let call = EventKinds(bit: 14)
  /// What guests say of themselves: their threads, address spaces and system calls.
  public static let thread = EventKinds(bit: 15)

  /// The names, in order.
  public static let names: [(name: String, kinds: EventKinds)] = [
    ("irq", .irq), ("fault", .fault), ("syscall", .syscall), ("iret", .iret),
    ("control", .control), ("msr", .msr), ("table", .table), ("tlb", .tlb), ("halt", .halt),
    ("io", .io), ("mmio", .mmio), ("console", .console), ("input", .input), ("reset", .reset),
    ("call", .call), ("thread", .thread),
  ]

  /// Everything but single accesses to devices, and calls.
  public static let usual: EventKinds = [
    .irq, .fault, .syscall, .iret, .control, .msr, .table, .tlb, .halt, .console, .input, .reset,
  ]
  /// What does not depend on how long anything takes: for kernels that are built anew.
  public static let semantic: EventKinds = [
    .fault, .syscall, .control, .msr, .table, .console, .input, .reset,
  ]

  /// The kinds in a list with commas, or a name that is none; `all` and `usual` are names too.
  public static func parse(_ text: String) -> Result<EventKinds, TraceError> {
    var kinds: EventKinds = []
    for name in text.split(separator: ",") {
      switch name {
      case "all": kinds.formUnion(EventKinds(names.map(\.kinds)))
      case "usual": kinds.formUnion(.usual)
      default:
        guard let known = names.first(where: { $0.name == name }) else {
          let all = names.map(\.name).joined(separator: ", ")
          return .failure(
            TraceError("there is no kind of event \"\(name)\"; there are \(all), all"))
        }
        kinds.formUnion(known.kinds)
      }
    }
    return .success(kinds)
  }

  /// The names with commas.
  public var text: String {
    Self.names.filter { contains($0.kinds) }.map(\.name).joined(separator: ",")
  }

  /// The kind of an event.
  init(_ event: ExecutionEvent.Kind) {
    switch event {
    case .delivery(let delivery):
      self =
        switch delivery.source {
        case .external, .nonMaskable: .irq
        case .software, .privilegedSoftware: .syscall
        case .fault, .trap: .fault
        }
    case .interruptReturn: self = .iret
    case .systemCall: self = .syscall
    case .farTransfer, .controlRegister, .extendedControlRegister: self = .control
    case .call, .callReturn: self = .call
    case .modelSpecificRegister: self = .msr
    case .table: self = .table
    case .invalidatePage, .invalidateContext: self = .tlb
    case .halt, .wake: self = .halt
    case .write where GuestAnnouncements.contains(event): self = .thread
    case .read(.port, _, _, _), .write(.port, _, _, _): self = .io
    case .read, .write: self = .mmio
    case .reset, .signal: self = .reset
    case .input: self = .input
    case .output: self = .console
    }
  }
}
