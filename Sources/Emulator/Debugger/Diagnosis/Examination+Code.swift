import Emulator

extension Examination {
  private static let before = 4
  private static let after = 6

  /// The code around the instruction pointer.
  ///
  /// What stands before it in memory need not be what was executed before it.
  func instructions() -> [String] {
    let disassembler = Disassembler(mode: cpu.mode)
    guard let bytes = readableBytes(from: rip, count: 96), !bytes.isEmpty else {
      return ["code: nothing can be read at \(describe(rip))"]
    }
    let following = disassembler.lines(bytes[...], at: rip, limit: Self.after)
    guard !following.isEmpty else {
      let text = bytes.prefix(16).map { UInt64($0).hex(digits: 2) }.joined(separator: " ")
      return ["code: no instruction at \(describe(rip)): \(text)"]
    }
    let previous = linesBefore(disassembler)
    var lines = ["code around \(describe(rip)):"]
    for line in previous { lines.append("    \(line.address.hex)  \(line.text)") }
    for (index, line) in following.enumerated() {
      lines.append("\(index == 0 ? "  > " : "    ")\(line.address.hex)  \(line.text)")
    }
    return lines
  }

  /// The last instructions in memory before the instruction pointer, decoded from the beginning of
  /// the function, or from the place nearest to it that leads to it.
  private func linesBefore(_ disassembler: Disassembler) -> [Disassembler.Line] {
    var starts: [UInt64] = []
    if let (symbol, offset) = symbols.table.symbol(at: rip), offset > 0, offset <= 4096 {
      starts.append(symbol.address)
    }
    starts += (1...48).reversed().map { rip &- $0 }
    for start in starts {
      let distance = Int(truncatingIfNeeded: rip &- start)
      guard let bytes = machine.read(linear: start, count: distance) else { continue }
      let lines = disassembler.lines(bytes[...], at: start, limit: distance)
      if let last = lines.last, last.address &+ UInt64(last.length) == rip {
        return Array(lines.suffix(Self.before))
      }
    }
    return []
  }

  /// The instruction at the instruction pointer.
  var currentInstruction: Disassembler.Line? {
    guard let bytes = readableBytes(from: rip, count: 15) else { return nil }
    return Disassembler(mode: cpu.mode).line(bytes[...], at: rip)
  }

  /// As many bytes as can be read, up to `count`.
  func readableBytes(from address: UInt64, count: Int) -> [UInt8]? {
    if let all = machine.read(linear: address, count: count) { return all }
    let rest = Int(PhysicalMemory.pageSize - LinearAddress(address).offset)
    return machine.read(linear: address, count: min(rest, count))
  }

  /// The last branches and instructions, executed again.
  func executed(_ debuggee: Debuggee) -> [String] {
    let recent = RecentExecution(debuggee, limit: 2000)
    guard !recent.steps.isEmpty else { return [] }
    let disassembler = Disassembler(mode: cpu.mode)
    var lines = ["the last branches, by executing them again:"]
    for branch in recent.branches.suffix(8) {
      lines.append("  \(branch.position)  \(describe(branch.source)) -> \(describe(branch.target))")
    }
    lines.append("the last instructions:")
    for step in recent.steps.suffix(8) {
      let bytes = readableBytes(from: step.address, count: 15) ?? []
      let text = disassembler.line(bytes[...], at: step.address)?.text ?? "?"
      lines.append("  \(step.position)  \(step.address.hex)  \(text)")
    }
    return lines
  }

  // MARK: Stack

  private var wordSize: Int { cpu.isLongMode ? 8 : 4 }

  /// A stack word, nil where nothing can be read.
  func word(at address: UInt64) -> UInt64? {
    machine.read(linear: address, count: wordSize)?.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private func stackAddress(_ register: Register) -> UInt64 {
    cpu.isLongMode ? cpu[register] : cpu[.ss].base &+ (cpu[register] & 0xFFFF_FFFF)
  }

  /// The callers, through interrupts too.
  func backtrace() -> [String] {
    ["backtrace:"] + Backtrace(machine, symbols: symbols, limit: 32).lines
  }

  /// The words on top of the stack.
  func stack() -> [String] {
    let top = stackAddress(.rsp)
    var lines = ["stack:"]
    for index in 0..<8 {
      let address = top &+ UInt64(index * wordSize)
      guard let value = word(at: address) else {
        lines.append("  \(address.hex)  cannot be read")
        break
      }
      let name = symbols.name(value).map { " <\($0)>" } ?? ""
      lines.append("  \(address.hex)  \(value.hex(digits: wordSize * 2))\(name)")
    }
    return lines
  }
}
