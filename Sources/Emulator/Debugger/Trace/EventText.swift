import Emulator

/// What stays of an event in a text.
public enum TraceMode: String, CaseIterable, Sendable {
  /// Everything, with counts and addresses: for the same kernel file.
  case exact
  /// Names instead of addresses, no counts, repetitions collapsed: for a kernel that is built anew.
  case semantic
}

/// One line of a trace's text, and where in the run it belongs.
public struct TraceLine: Equatable, Sendable {
  /// The machine's instruction count.
  public var position: UInt64
  /// The line.
  public var text: String
}

/// Turns events into lines.
///
/// Exactly: count, processor, kind, place, arguments. Semantically: kind, function, arguments.
struct EventText {
  let mode: TraceMode
  private let symbols: SymbolTable
  private let showsProcessor: Bool
  /// Names of addresses seen before.
  private var names: [UInt64: String] = [:]
  /// Numbers that stand for address spaces, in the order of their first use.
  private var spaces: [UInt64: Int] = [:]
  private var announced = GuestAnnouncements()
  /// What consoles have shown since their last line ended.
  private var partial: [Int: (position: UInt64, bytes: [UInt8])] = [:]

  init(mode: TraceMode, symbols: SymbolTable, processors: Int) {
    self.mode = mode
    self.symbols = symbols
    showsProcessor = mode == .exact || processors > 1
  }

  /// The lines that an event completes: none for most bytes that a console shows.
  mutating func lines(_ event: ExecutionEvent) -> [TraceLine] {
    if case .output(let port, let byte) = event.kind {
      return show(byte, port: port, event).map { [$0] } ?? []
    }
    switch announced.take(event) {
    case .name: return []
    case .running(let thread):
      return [line(event, ("thread", "\(thread)" + quote(announced.threads[thread])))]
    case .call(let number):
      return [line(event, ("call-name", "\(number)" + quote(announced.calls[number])))]
    case .space(let frame):
      let root = frame << 12
      return [line(event, ("space-name", space(root) + quote(announced.name(ofSpace: frame))))]
    case nil: break
    }
    return [line(event, details(event))]
  }

  /// What follows a number that has a name.
  private func quote(_ name: String?) -> String { name.map { " " + Quoting.quote($0) } ?? "" }

  /// The lines of consoles that have not ended.
  mutating func rest() -> [TraceLine] {
    defer { partial = [:] }
    return partial.sorted { $0.key < $1.key }.map { port, shown in
      TraceLine(
        position: shown.position,
        text: start(shown.position, 0) + "console \(Self.portName(port)) "
          + Quoting.quote(shown.bytes))
    }
  }

  private func start(_ position: UInt64, _ processor: Int) -> String {
    switch (mode, showsProcessor) {
    case (.exact, _): "\(position) \(processor) "
    case (.semantic, true): "\(processor) "
    case (.semantic, false): ""
    }
  }

  private mutating func line(_ event: ExecutionEvent, _ details: (String, String)) -> TraceLine {
    var text = start(event.position, event.processor) + details.0 + " " + place(event.source)
    if !details.1.isEmpty { text += " " + details.1 }
    if event.source.mode != event.target.mode {
      text += " mode \(event.source.mode.rawValue)->\(event.target.mode.rawValue)"
    }
    if event.source.cpl != event.target.cpl {
      text += " cpl \(event.source.cpl)->\(event.target.cpl)"
    }
    return TraceLine(position: event.position, text: text)
  }

  // MARK: Consoles

  private mutating func show(_ byte: UInt8, port: Int, _ event: ExecutionEvent) -> TraceLine? {
    var shown = partial[port] ?? (event.position, [])
    guard byte == 0x0A else {
      if byte != 0x0D { shown.bytes.append(byte) }
      partial[port] = shown
      return nil
    }
    partial[port] = nil
    return TraceLine(
      position: event.position,
      text: start(event.position, event.processor) + "console \(Self.portName(port)) "
        + Quoting.quote(shown.bytes))
  }

  private static func portName(_ port: Int) -> String {
    switch port {
    case InputLog.virtioConsole: "hvc0"
    case InputLog.network: "network"
    case InputLog.keyboard: "keyboard"
    case InputLog.timer: "timer"
    case InputLog.debugConsole: "debug"
    default: "com\(port + 1)"
    }
  }

  // MARK: Addresses

  /// A place in the code.
  private mutating func place(_ place: ExecutionEvent.Place) -> String {
    if mode == .exact { return exact(place.address) }
    if let (symbol, _) = symbols.symbol(at: place.address) { return name(symbol) }
    return place.cpl == 3 ? "user" : "kernel"
  }

  /// The handler or function that execution goes on in; where it goes back to says less.
  private mutating func destination(_ place: ExecutionEvent.Place) -> String {
    "-> " + self.place(place)
  }

  private mutating func exact(_ address: UInt64) -> String {
    if let known = names[address] { return known }
    let name = symbols.describe(address).map { "<\($0.replacing(" ", with: ""))>" } ?? ""
    let text = address.hex + name
    names[address] = text
    return text
  }

  private mutating func name(_ symbol: SymbolTable.Symbol) -> String {
    if let known = names[symbol.address] { return known }
    let text = symbol.displayName.replacing(" ", with: "")
    names[symbol.address] = text
    return text
  }

  /// An address that is an argument: with a rebuilt kernel only a name or nearness to zero stays.
  private mutating func data(_ address: UInt64) -> String {
    if mode == .exact { return exact(address) }
    if let (symbol, _) = symbols.symbol(at: address) { return name(symbol) }
    return address < 0x1000 ? address.hex : "*"
  }

  /// The number that stands for an address space.
  private mutating func space(_ cr3: UInt64) -> String {
    if mode == .exact { return cr3.hex }
    let root = cr3 & ~0xFFF
    let number = spaces[root] ?? spaces.count + 1
    spaces[root] = number
    return "space\(number)"
  }

  // MARK: Kinds

  /// The word for what happened, and what else there is to say.
  private mutating func details(_ event: ExecutionEvent) -> (String, String) {
    switch event.kind {
    case .delivery(let delivery): self.delivery(delivery, event)
    case .interruptReturn: ("iret", destination(event.target))
    case .systemCall(let call, let rax):
      (call.rawValue, "rax=\(value(rax)) " + destination(event.target))
    case .farTransfer: ("far", destination(event.target))
    case .call: ("call", destination(event.target))
    case .callReturn: ("ret", destination(event.target))
    case .controlRegister(3, let value): ("cr3", space(value))
    case .controlRegister(2, let value): ("cr2", data(value))
    case .controlRegister(let number, let value): ("cr\(number)", value.hex)
    case .extendedControlRegister(let number, let value): ("xcr\(number)", value.hex)
    case .modelSpecificRegister(let index, let value): ("msr", modelSpecific(index, value))
    case .table(let register, let base, let detail):
      (register.rawValue, "\(data(base)) \(detail.hex)")
    case .invalidatePage(let address): ("invlpg", data(address))
    case .invalidateContext(let type): ("invpcid", "type=\(type)")
    case .halt: ("hlt", "")
    case .wake: ("wake", "")
    case .read(let space, let address, let size, let value):
      (space == .port ? "in" : "load", access(address, size, mode == .exact ? value : nil))
    case .write(let space, let address, let size, let value):
      (space == .port ? "out" : "store", access(address, size, value))
    default: outside(event.kind)
    }
  }

  private func outside(_ kind: ExecutionEvent.Kind) -> (String, String) {
    switch kind {
    case .signal(.initialize): ("init", "")
    case .signal(.startUp(let page)): ("startup", "page=\(UInt64(page).hex)")
    case .input(let port, let bytes): ("input", "\(Self.portName(port)) \(Quoting.quote(bytes))")
    default: ("reset", "")
    }
  }

  private func value(_ number: UInt64) -> String {
    // What is no small number is an address or a time, and differs from build to build.
    let isSmall = number < 0x1000 || number > UInt64.max - 0x1000
    if mode == .semantic && !isSmall { return "*" }
    return isSmall && number > UInt64.max - 0x1000
      ? "\(Int64(bitPattern: number))" : number.hex
  }

  private func access(_ address: UInt64, _ size: UInt8, _ value: UInt64?) -> String {
    "\(address.hex) size=\(size)" + (value.map { " value=\($0.hex)" } ?? "")
  }

  private mutating func delivery(
    _ delivery: ExecutionEvent.Delivery, _ event: ExecutionEvent
  ) -> (String, String) {
    let word: String
    switch delivery.source {
    case .external: word = "irq"
    case .nonMaskable: word = "nmi"
    case .software, .privilegedSoftware: word = "int"
    case .fault, .trap: word = "fault"
    }
    var parts: [String] = []
    let isException = delivery.source == .fault || delivery.source == .trap
    parts.append(isException ? Self.mnemonic(delivery.vector) : UInt64(delivery.vector).hex)
    if let code = delivery.errorCode { parts.append("error=\(UInt64(code).hex)") }
    if let address = delivery.faultAddress { parts.append("cr2=\(data(address))") }
    if let failure = delivery.failure {
      parts.append("undelivered: \(Self.mnemonic(failure.vector))")
    } else {
      parts.append(destination(event.target))
    }
    return (word, parts.joined(separator: " "))
  }

  private static func mnemonic(_ vector: UInt8) -> String {
    let name = ExceptionNames.name(vector)
    return String(name.split(separator: " ").first ?? "vector").contains("#")
      ? String(name.prefix { $0 != " " }) : UInt64(vector).hex
  }

  /// Registers that hold times or addresses, whose numbers a rebuilt kernel may change.
  private static let volatile: Set<UInt32> = [
    0x10, 0x3B, 0x6E0, 0x838, 0xC000_0100, 0xC000_0101, 0xC000_0102,
  ]

  private mutating func modelSpecific(_ index: UInt32, _ value: UInt64) -> String {
    let register = UInt64(index).hex
    if mode == .exact { return "\(register)=\(value.hex)" }
    if let (symbol, _) = symbols.symbol(at: value) { return "\(register)=\(name(symbol))" }
    return Self.volatile.contains(index) ? register : "\(register)=\(value.hex)"
  }
}
