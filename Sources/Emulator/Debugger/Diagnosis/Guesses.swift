import Emulator

/// Usual causes that fit the facts.
struct Guesses {
  /// The guesses, marked as such.
  let lines: [String]

  init(_ examination: Examination, stop: StopReason) {
    var guesses: [String] = []
    if stop == .haltedForever { guesses += Self.halted(examination) }
    if stop == .shutdown {
      guesses += Self.chain(examination) + Self.code(examination) + Self.frames(examination)
    }
    guesses += Self.redZone(examination)
    lines = guesses.map { "likely: \($0)" }
  }

  private static func halted(_ examination: Examination) -> [String] {
    guard examination.machine.processors.contains(where: \.cpu.mayWake) else {
      if examination.rip >= BootLayout.returnStub, examination.rip <= BootLayout.returnStub + 4 {
        return ["the kernel's entry function returned"]
      }
      return ["a panic that ends in CLI and HLT, or STI forgotten before HLT"]
    }
    var guesses: [String] = []
    let chipset = examination.machine.chipset
    for (number, localAPIC) in chipset.localAPICs.enumerated() {
      guard let vector = localAPIC.state.inService.highest else { continue }
      let place = chipset.localAPICs.count == 1 ? "" : " of processor \(number)"
      guesses.append(
        "missing EOI: vector \(UInt64(vector).hex) is still in service in the local APIC\(place)")
    }
    let pics = chipset.pics.state
    if pics.master.inService != 0 || pics.slave.inService != 0 {
      guesses.append("missing EOI: an interrupt is still in service in an 8259")
    }
    if guesses.isEmpty {
      guesses.append("no timer was started, or its interrupt is masked")
    }
    return guesses
  }

  private static func chain(_ examination: Examination) -> [String] {
    var guesses: [String] = []
    let table = examination.cpu.state.pointee.idtr
    // What fails after the first is a consequence.
    for delivery in examination.lastChain.filter({ $0.outcome != .delivered }).prefix(1) {
      guard case .failed(let exception, let reason) = delivery.outcome else { continue }
      switch reason {
      case .gateBeyondLimit(let vector, let limit) where table.base == 0 || limit == 0:
        guesses.append("no IDT was loaded before vector \(vector) was needed")
      case .gateBeyondLimit(let vector, _):
        let needed = UInt64(vector) * 16 + 15
        guesses.append("IDT limit too small: vector \(vector) needs at least \(needed.hex)")
      case .gateNotPresent(let vector), .gateBadType(let vector, _):
        guesses.append("the IDT has no handler for vector \(vector), or holds something else")
      case .tssTooSmall, .badStackSelector(_, .null):
        guesses.append("no TSS was loaded, or it is too short")
      case .push(let rsp) where rsp < 4096 || rsp > UInt64.max - 4096:
        guesses.append("the TSS has no stack for this privilege level or IST (RSP0 is 0?)")
      case .push: guesses.append("the stack overflowed into a page that is not mapped")
      default:
        if case .pageFault(let address, _) = exception,
          address &- table.base <= UInt64(table.limit)
        {
          guesses.append("the IDT is not mapped in the current page tables")
        }
      }
    }
    return guesses
  }

  private static func code(_ examination: Examination) -> [String] {
    let cpu = examination.cpu
    let first = examination.lastChain.first { $0.outcome != .delivered }
    var guesses: [String] = []
    if examination.rip < 4096 { guesses.append("a call or jump through a null pointer") }
    if let bytes = examination.machine.read(linear: examination.rip, count: 8),
      bytes.allSatisfy({ $0 == 0 })
    {
      guesses.append("execution ran or jumped into zeroes")
    }
    let text = examination.currentInstruction?.text ?? ""
    let usesXMM = text.contains("xmm")
    if usesXMM, first?.vector == 6, !cpu.cr4.contains(.osFXSR) {
      guesses.append("SSE is not enabled: CR4.OSFXSR is 0")
    }
    if usesXMM || text.hasPrefix("f"), first?.vector == 7 {
      guesses.append("the floating-point unit is not enabled: CR0.TS or CR0.EM is 1")
    }
    if usesXMM, first?.vector == 13, cpu[.rsp] % 16 != 0 || text.contains("movaps") {
      guesses.append("a misaligned stack or operand: \(text) needs an address divisible by 16")
    }
    if text.contains("gs:"), cpu.cpl == 0, cpu.state.pointee.kernelGSBase > cpu[.gs].base {
      guesses.append("SWAPGS imbalance: the kernel's GS base is in IA32_KERNEL_GS_BASE")
    }
    if let fault = examination.lastPageFault, fault.cr2 &- cpu[.rsp] &+ 4096 < 8192 {
      guesses.append("stack overflow: the faulting address is beside the stack pointer")
    }
    if let fault = examination.lastPageFault, fault.cr2 == examination.rip {
      guesses.append("the code itself is not mapped, or not executable, in the page tables")
    }
    return guesses
  }
}
