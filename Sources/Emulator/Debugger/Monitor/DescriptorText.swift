import Emulator

/// Descriptors in words.
///
/// SDM volume 3A, "Segment Descriptors", "System Descriptor Types".
enum DescriptorText {
  /// A segment register's hidden part.
  static func describe(_ segment: SegmentRegister) -> String {
    guard segment.isPresent else { return "not present" }
    guard segment.isCodeOrData else {
      return SystemDescriptorType(rawValue: segment.type).map(name) ?? "reserved type"
    }
    return codeOrData(
      isCode: segment.isCode, type: segment.type, dpl: segment.dpl, isLong: segment.isLong,
      isBig: segment.isBig)
  }

  /// A descriptor of a GDT or LDT.
  static func describe(_ descriptor: Descriptor, isIA32e: Bool) -> String {
    if descriptor.low == 0 { return "null" }
    let absent = descriptor.isPresent ? "" : "NOT PRESENT, "
    let place = "base \(descriptor.base.hex), limit \(UInt64(descriptor.limit).hex)"
    if descriptor.isCodeOrData {
      let words = codeOrData(
        isCode: descriptor.isCode, type: descriptor.type, dpl: descriptor.dpl,
        isLong: descriptor.isLong, isBig: descriptor.isBig)
      return absent + (descriptor.isLong ? words : "\(words), \(place)")
    }
    guard let type = descriptor.systemType else {
      return "\(absent)reserved type \(UInt64(descriptor.type).hex)"
    }
    let wrong = isIA32e && !type.existsInIA32e ? ", which IA-32e mode does not have" : ""
    switch type {
    case .callGate, .callGate16, .interruptGate, .interruptGate16, .trapGate, .trapGate16,
      .taskGate:
      return "\(absent)\(name(type))\(wrong) to \(UInt64(descriptor.gateSelector.rawValue).hex):"
        + "\(descriptor.gateOffset.hex), DPL \(descriptor.dpl)"
    default: return "\(absent)\(name(type))\(wrong), \(place), DPL \(descriptor.dpl)"
    }
  }

  private static func codeOrData(
    isCode: Bool, type: UInt8, dpl: UInt8, isLong: Bool, isBig: Bool
  ) -> String {
    var words: [String] = []
    if isCode {
      words = ["\(isLong ? 64 : isBig ? 32 : 16)-bit code"]
      words.append(type & 2 != 0 ? "readable" : "execute-only")
      if type & 4 != 0 { words.append("conforming") }
      if isLong && isBig { words.append("L and D both set: invalid") }
    } else {
      words = ["data", type & 2 != 0 ? "writable" : "read-only"]
      if type & 4 != 0 { words.append("expand-down") }
    }
    words.append("DPL \(dpl)")
    return words.joined(separator: ", ")
  }

  /// The name of a system type.
  static func name(_ type: SystemDescriptorType) -> String {
    switch type {
    case .availableTSS16: "available 16-bit TSS"
    case .ldt: "LDT"
    case .busyTSS16: "busy 16-bit TSS"
    case .callGate16: "16-bit call gate"
    case .taskGate: "task gate"
    case .interruptGate16: "16-bit interrupt gate"
    case .trapGate16: "16-bit trap gate"
    case .availableTSS: "available TSS"
    case .busyTSS: "busy TSS"
    case .callGate: "call gate"
    case .interruptGate: "interrupt gate"
    case .trapGate: "trap gate"
    }
  }
}
