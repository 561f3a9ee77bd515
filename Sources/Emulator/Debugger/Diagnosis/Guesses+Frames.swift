import Emulator

/// Causes that show in addresses, selectors and interrupt frames.
extension Guesses {
  static func frames(_ examination: Examination) -> [String] {
    guard let first = examination.lastChain.first(where: { $0.outcome != .delivered }) else {
      return []
    }
    let text = examination.currentInstruction?.text ?? ""
    var guesses = nonCanonical(examination, first, text)
    if text.hasPrefix("iret") {
      guesses += interruptFrame(examination)
    } else if [10, 11, 12, 13].contains(first.vector), let code = first.errorCode, code & 2 == 0,
      code & 0xFFFC != 0
    {
      guesses.append(
        "a wrong segment selector: "
          + describe(SegmentSelector(UInt16(code & 0xFFFC)), examination))
    }
    return guesses
  }

  /// An address that is not canonical, in an operand or on the stack of a return.
  private static func nonCanonical(
    _ examination: Examination, _ first: ExceptionRecorder.Delivery, _ text: String
  ) -> [String] {
    let cpu = examination.cpu
    guard cpu.isIA32e, first.vector == 13 || first.vector == 12, first.errorCode == 0 else {
      return []
    }
    if text.hasPrefix("ret"), let target = examination.word(at: cpu[.rsp]),
      !cpu.isCanonical(LinearAddress(target))
    {
      return ["the return address on the stack is not canonical: \(target.hex); it was overwritten"]
    }
    guard let bytes = examination.readableBytes(from: examination.rip, count: 15) else { return [] }
    let operands = Disassembler(mode: cpu.mode).memoryOperands(
      bytes[...], at: examination.rip, cpu)
    return operands.filter { !cpu.isCanonical(LinearAddress($0.address)) }.prefix(1).map {
      "the address \($0.address.hex) is not canonical: bits 63 to 47 must be equal"
    }
  }

  /// What is wrong with the frame that an IRET returns by.
  private static func interruptFrame(_ examination: Examination) -> [String] {
    let cpu = examination.cpu
    guard cpu.isLongMode else { return [] }
    let words = (0..<6).map { examination.word(at: cpu[.rsp] &+ UInt64($0) * 8) }
    guard let rip = words[0], let cs = words[1], let ss = words[4] else {
      return ["the IRETQ frame cannot be read: the stack pointer is wrong"]
    }
    let selector = SegmentSelector(UInt16(truncatingIfNeeded: cs))
    // One word too many: what should be CS is an address, and what follows it fits CS.
    if cs > 0xFFFF, let above = words[2], above <= 0xFFFF, above != 0 {
      return ["an error code was left on the stack: IRETQ takes it for RIP"]
    }
    var wrong: [String] = []
    if !cpu.isCanonical(LinearAddress(rip)) { wrong.append("RIP \(rip.hex) is not canonical") }
    if cs > 0xFFFF || !isCode(selector, examination) {
      wrong.append("CS: \(describe(selector, examination))")
    } else if selector.rpl < cpu.cpl {
      wrong.append("CS \(cs.hex) is more privileged than the handler")
    }
    let stack = SegmentSelector(UInt16(truncatingIfNeeded: ss))
    if !stack.isNull, descriptor(stack, examination).map({ !$0.isWritableData }) ?? true {
      wrong.append("SS: \(describe(stack, examination))")
    } else if stack.isNull, selector.rpl == 3 {
      wrong.append("SS is null on the way to user mode")
    }
    guard !wrong.isEmpty else { return [] }
    return ["the IRETQ frame is damaged: " + wrong.joined(separator: "; ")]
  }

  // MARK: Descriptors

  private static func descriptor(
    _ selector: SegmentSelector, _ examination: Examination
  ) -> Descriptor? {
    let cpu = examination.cpu
    let base = selector.isLocal ? cpu[.ldtr].base : cpu.state.pointee.gdtr.base
    let limit =
      selector.isLocal ? UInt64(cpu[.ldtr].limit) : UInt64(cpu.state.pointee.gdtr.limit)
    guard !selector.isNull, selector.offset + 7 <= limit else { return nil }
    return LinearMemory(examination.machine).number(base &+ selector.offset).map {
      Descriptor(low: $0)
    }
  }

  private static func isCode(_ selector: SegmentSelector, _ examination: Examination) -> Bool {
    descriptor(selector, examination).map { $0.isCode && $0.isPresent } ?? false
  }

  private static func describe(
    _ selector: SegmentSelector, _ examination: Examination
  ) -> String {
    let name = UInt64(selector.rawValue).hex
    if selector.isNull { return "the selector \(name) is null" }
    guard let descriptor = descriptor(selector, examination) else {
      return "selector \(name) lies beyond the \(selector.isLocal ? "LDT" : "GDT")'s limit"
    }
    return "selector \(name) names this: "
      + DescriptorText.describe(descriptor, isIA32e: examination.cpu.isIA32e)
  }

  // MARK: Red zone

  /// An interrupt on the stack of a function that keeps data below its stack pointer.
  static func redZone(_ examination: Examination) -> [String] {
    guard examination.cpu.isIA32e else { return [] }
    for delivery in examination.deliveries.reversed()
    where delivery.cpl == 0 && delivery.outcome == .delivered && delivery.vector >= 32 {
      guard let (symbol, _) = examination.symbols.table.symbol(at: delivery.rip), symbol.size > 0,
        let bytes = examination.readableBytes(
          from: symbol.address, count: Int(min(symbol.size, 4096)))
      else { continue }
      let lines = Disassembler(mode: examination.cpu.mode).lines(
        bytes[...], at: symbol.address, limit: 1024)
      guard lines.contains(where: { $0.text.contains("[rsp-") }) else { continue }
      return [
        "a red zone: \(symbol.displayName) keeps data below its stack pointer, and interrupt "
          + "\(UInt64(delivery.vector).hex) pushed its frame over it; compile kernels with "
          + "-mno-red-zone"
      ]
    }
    return []
  }
}
