import Emulator

/// Why a run ended badly: facts from the machine's state, then guesses, marked as such.
public struct Diagnosis {
  /// The lines.
  public let lines: [String]

  /// The lines with their line feeds.
  public var text: String { lines.map { $0 + "\n" }.joined() }

  /// Explains the state that `machine` stopped in.
  ///
  /// - Parameters:
  ///   - machine: The machine.
  ///   - stop: Why it stopped.
  ///   - symbols: Better symbols than the image's own.
  ///   - debuggee: The machine under a debugger, or one in the same state, whose past can be seen.
  ///   - hang: The proof that it goes round for ever, if that is why.
  public init(
    _ machine: Machine, stop: StopReason, symbols: ProgramSymbols? = nil,
    debuggee: Debuggee? = nil, hang: HangProof? = nil
  ) {
    let symbols = symbols ?? ProgramSymbols(machine.image?.elf)
    symbols.follow(machine.processor.cpu)
    let examination = Examination(machine, symbols)
    var lines: [String] = []
    if let hang {
      lines = [
        "halted for ever: the machine can never make progress, after "
          + "\(machine.instructionCount) instructions"
      ]
      lines += hang.lines(machine, examination.symbols) { physical, size in
        debuggee?.lastWrite(physical: physical, count: UInt64(size)).map {
          "\($0.rip.map(examination.describe) ?? "a device") wrote there last, at instruction "
            + "\($0.position)"
        }
      }
    } else {
      lines = [Self.headline(stop, examination)]
    }
    lines += examination.chain()
    lines += examination.pageWalk()
    lines += examination.registers()
    lines += examination.instructions()
    if let debuggee { lines += examination.executed(debuggee) }
    lines += examination.backtrace()
    lines += examination.stack()
    lines += examination.otherProcessors()
    if hang == nil { lines += Guesses(examination, stop: stop).lines }
    self.lines = lines
  }

  private static func headline(_ stop: StopReason, _ examination: Examination) -> String {
    let place = examination.describe(examination.rip)
    let count = examination.machine.instructionCount
    switch stop {
    case .shutdown:
      let name = examination.processorName
      return "triple fault: \(name) shut down at \(place), after \(count) instructions"
    case .haltedForever where examination.machine.processors.count > 1:
      return "halted for ever: no processor has anything to wake it, after \(count) instructions; "
        + "\(examination.processorName) stopped last, at \(place)"
    case .haltedForever:
      let flag = examination.cpu.rflags.contains(.interruptEnable)
      return "halted for ever at \(place), after \(count) instructions: "
        + (flag
          ? "interrupts are on, but nothing is left to send one" : "interrupts are off (IF is 0)")
    default:
      return "stopped at \(place), after \(count) instructions"
    }
  }
}

extension Machine {
  /// Explains why the machine stopped, with the image's own symbols unless there are better ones.
  public func diagnosis(
    of stop: StopReason, symbols: ProgramSymbols? = nil, debuggee: Debuggee? = nil,
    hang: HangProof? = nil
  ) -> Diagnosis {
    Diagnosis(self, stop: stop, symbols: symbols, debuggee: debuggee, hang: hang)
  }
}

/// A look at a stopped machine.
struct Examination {
  let machine: Machine
  let symbols: ProgramSymbols

  init(_ machine: Machine, _ symbols: ProgramSymbols) {
    self.machine = machine
    self.symbols = symbols
  }

  var cpu: CPU { machine.processor.cpu }

  /// The linear address of the instruction pointer.
  var rip: UInt64 { Self.instructionPointer(cpu) }

  var deliveries: [ExceptionRecorder.Delivery] {
    machine.processor.recorder.deliveries
  }

  /// The end of the recorded deliveries: those that failed one after another, and the last one
  /// that succeeded before them.
  var lastChain: [ExceptionRecorder.Delivery] {
    let all = deliveries
    let failed = all.reversed().prefix { $0.outcome != .delivered }.count
    return Array(all.suffix(min(all.count, failed + 1)))
  }

  /// The page fault that the run ended with, if it did.
  var lastPageFault: ExceptionRecorder.Delivery? {
    lastChain.last { $0.vector == 14 && $0.outcome != .delivered }
  }

  func describe(_ address: UInt64) -> String { symbols.describe(address) }

  // MARK: Facts

  func chain() -> [String] {
    let chain = lastChain
    guard !chain.isEmpty else { return [] }
    var lines = ["exceptions and interrupts, the last ones:"]
    for delivery in chain {
      var parts = [ExceptionNames.name(delivery.vector)]
      if let code = delivery.errorCode {
        parts.append(ExceptionNames.describe(errorCode: code, vector: delivery.vector))
      }
      if delivery.vector == 14 { parts.append("address \(delivery.cr2.hex)") }
      parts.append("at \(describe(delivery.rip)), CPL \(delivery.cpl)")
      lines.append("  " + parts.joined(separator: ", "))
      lines.append("    " + describe(delivery.outcome))
    }
    return lines
  }

  private func describe(_ outcome: ExceptionRecorder.Outcome) -> String {
    guard case .failed(let exception, let reason) = outcome else {
      return "its handler was entered"
    }
    let next = ExceptionNames.name(exception.vector)
    if let reason { return "not delivered: \(ExceptionNames.describe(reason)); that is \(next)" }
    if case .pageFault(let address, _) = exception {
      return "not delivered: \(next) at \(address.hex) while reading a table or pushing the frame"
    }
    return "not delivered: \(next) while reading a table or pushing the frame"
  }

  func registers() -> [String] {
    let state = cpu.state
    func row(_ names: [(String, UInt64)]) -> String {
      "  " + names.map { "\($0.0)=\($0.1.hex(digits: 16))" }.joined(separator: " ")
    }
    func pair(_ name: String, _ register: Register) -> (String, UInt64) { (name, cpu[register]) }
    var lines = ["registers:"]
    lines.append(row([pair("rax", .rax), pair("rbx", .rbx), pair("rcx", .rcx), pair("rdx", .rdx)]))
    lines.append(row([pair("rsi", .rsi), pair("rdi", .rdi), pair("rbp", .rbp), pair("rsp", .rsp)]))
    lines.append(row([pair("r8 ", .r8), pair("r9 ", .r9), pair("r10", .r10), pair("r11", .r11)]))
    lines.append(row([pair("r12", .r12), pair("r13", .r13), pair("r14", .r14), pair("r15", .r15)]))
    lines.append(row([("rip", state.pointee.rip), ("rflags", cpu.rflags.rawValue)]))
    lines.append(
      row([
        ("cr0", state.pointee.cr0), ("cr2", state.pointee.cr2), ("cr3", state.pointee.cr3),
        ("cr4", state.pointee.cr4),
      ]))
    lines.append(
      row([("efer", state.pointee.efer), ("fs.base", cpu[.fs].base), ("gs.base", cpu[.gs].base)]))
    let segments = [SegmentName.cs, .ss, .ds, .es, .fs, .gs, .ldtr, .tr].map {
      "\($0)=\(UInt64(cpu[$0].selector).hex(digits: 4))"
    }
    lines.append("  " + segments.joined(separator: " ") + " cpl=\(cpu.cpl)")
    lines.append(
      "  gdt=\(state.pointee.gdtr.base.hex) limit \(UInt64(state.pointee.gdtr.limit).hex)"
        + "  idt=\(state.pointee.idtr.base.hex) limit \(UInt64(state.pointee.idtr.limit).hex)")
    return lines
  }
}
