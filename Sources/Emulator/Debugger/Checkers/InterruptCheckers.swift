import Emulator

/// Finds interrupt handlers that return while their interrupt is still in service.
///
/// Spurious interrupts never are, and those of an 8259 with automatic EOI no longer are.
final class InterruptEndChecker: Checker {
  private unowned let run: CheckedRun

  init(_ run: CheckedRun) { self.run = run }

  func observe(_ event: ExecutionEvent) {
    guard case .interruptReturn = event.kind, let entry = run.finishedInterrupt,
      entry.controller != nil,
      let controller = run.machine.serviceController(
        of: entry.vector, processor: event.processor)
    else { return }
    run.report(
      .eoi, at: event.source.address, cpu: run.machine.processors[event.processor].cpu,
      key: "\(entry.vector)",
      "the handler of vector \(entry.vector) returns without EOI to the \(controller)",
      details: [
        "  taken at \(run.describe(entry.address)), after \(entry.position) instructions"
      ])
  }
}

/// Finds interrupts that are off for too many instructions of a processor, once they were on.
final class InterruptsOffChecker: Checker {
  private struct Span {
    let start: UInt64
    let position: UInt64
    let address: UInt64
    let stack: CallStack
  }

  private unowned let run: CheckedRun
  private var spans: [Span?]
  private var wereOn: [Bool]

  init(_ run: CheckedRun) {
    self.run = run
    spans = run.machine.processors.map { _ in nil }
    wereOn = run.machine.processors.map { _ in false }
    run.machine.observeInterruptFlag { [unowned self] processor, isOn, address in
      if !run.isResting { note(processor, isOn, address) }
    }
  }

  private func note(_ processor: Int, _ isOn: Bool, _ address: UInt64) {
    if isOn {
      judge(processor)
      spans[processor] = nil
      wereOn[processor] = true
    } else if wereOn[processor], spans[processor] == nil {
      let cpu = run.machine.processors[processor].cpu
      spans[processor] = Span(
        start: cpu.instructionCount, position: run.machine.instructionCount, address: address,
        stack: CallStack(run.machine, cpu, at: address))
    }
  }

  func observe(_ event: ExecutionEvent) {
    guard spans.indices.contains(event.processor) else { return }
    switch event.kind {
    case .delivery(let delivery) where delivery.failure == nil:
      let cpu = run.machine.processors[event.processor].cpu
      let isOn = cpu.state.pointee.rflags & RFLAGS.interruptEnable.rawValue != 0
      note(event.processor, isOn, event.target.address)
    case .reset:
      for index in spans.indices {
        spans[index] = nil
        wereOn[index] = false
      }
    default: break
    }
  }

  func look() { for processor in spans.indices { judge(processor) } }

  private func judge(_ processor: Int) {
    guard let span = spans[processor] else { return }
    let cpu = run.machine.processors[processor].cpu
    let count = cpu.instructionCount &- span.start
    guard count > run.options.longestInterruptsOff else { return }
    run.report(
      .interrupts, at: span.address, cpu: cpu, position: span.position,
      "interrupts go off here for \(count) instructions or more",
      details: ["  they went off in:"] + span.stack.lines(run.symbols, indent: "    "))
  }
}
