/// An entry of the GDT, an LDT or the IDT.
///
/// SDM volume 3A, "Segment Descriptors", "Call Gates", "IDT Descriptors" and "IA-32e Mode" variants
/// of each.
public struct Descriptor: Equatable, Sendable {
  /// The first eight bytes.
  public var low: UInt64
  /// The second eight bytes, where IA-32e mode has them.
  public var high: UInt64

  /// Makes a descriptor from its bytes.
  public init(low: UInt64, high: UInt64 = 0) {
    self.low = low
    self.high = high
  }

  /// The type field.
  public var type: UInt8 { UInt8(truncatingIfNeeded: low >> 40 & 0xF) }
  /// S: code or data.
  public var isCodeOrData: Bool { low & 1 << 44 != 0 }
  /// DPL.
  public var dpl: UInt8 { UInt8(truncatingIfNeeded: low >> 45 & 3) }
  /// P.
  public var isPresent: Bool { low & 1 << 47 != 0 }
  /// L.
  public var isLong: Bool { low & 1 << 53 != 0 }
  /// D/B.
  public var isBig: Bool { low & 1 << 54 != 0 }

  /// A code segment.
  public var isCode: Bool { isCodeOrData && type & 8 != 0 }
  /// A conforming code segment.
  public var isConforming: Bool { isCode && type & 4 != 0 }
  /// A writable data segment.
  public var isWritableData: Bool { isCodeOrData && type & 0xA == 2 }
  /// A data segment or a readable code segment.
  public var isReadable: Bool { isCodeOrData && type & 0xA != 8 }
  /// What a system descriptor is; nil for code, data and reserved types.
  public var systemType: SystemDescriptorType? {
    isCodeOrData ? nil : SystemDescriptorType(rawValue: type)
  }

  /// The segment's base; the 64-bit one where `high` was read.
  public var base: UInt64 {
    low >> 16 & 0xFF_FFFF | (low >> 56) << 24 | (high & 0xFFFF_FFFF) << 32
  }
  /// The last valid offset, scaled by G.
  public var limit: UInt32 {
    let pages = UInt32(truncatingIfNeeded: low & 0xFFFF | low >> 32 & 0xF_0000)
    return low & 1 << 55 != 0 ? pages << 12 | 0xFFF : pages
  }
  /// The fields as a segment register keeps them.
  public var attributes: UInt16 { UInt16(truncatingIfNeeded: low >> 40) & 0xF0FF }

  /// The selector in a gate.
  public var gateSelector: SegmentSelector {
    SegmentSelector(UInt16(truncatingIfNeeded: low >> 16))
  }
  /// The offset in a gate; the upper half is zero unless `high` was read.
  public var gateOffset: UInt64 {
    low & 0xFFFF | (low >> 48) << 16 | (high & 0xFFFF_FFFF) << 32
  }
  /// IST of an IDT descriptor in IA-32e mode.
  public var interruptStack: UInt64 { low >> 32 & 7 }
  /// Parameter count of a call gate.
  public var parameterCount: UInt64 { low >> 32 & 0x1F }

  /// The segment register that loading this descriptor gives.
  public func segment(_ selector: SegmentSelector) -> SegmentRegister {
    SegmentRegister(
      selector: selector.rawValue, attributes: attributes, limit: limit, base: base)
  }
}

/// Types of system descriptors.
///
/// SDM volume 3A, "System Descriptor Types".
public enum SystemDescriptorType: UInt8, Sendable {
  case availableTSS16 = 1
  case ldt = 2
  case busyTSS16 = 3
  case callGate16 = 4
  case taskGate = 5
  case interruptGate16 = 6
  case trapGate16 = 7
  /// 32-bit, or 64-bit in IA-32e mode; so are all that follow.
  case availableTSS = 9
  case busyTSS = 11
  case callGate = 12
  case interruptGate = 14
  case trapGate = 15

  /// Whether the type exists in IA-32e mode.
  public var existsInIA32e: Bool { self == .ldt || rawValue > 8 }
  /// Whether a gate of this type clears IF.
  public var clearsInterruptFlag: Bool { self == .interruptGate || self == .interruptGate16 }
  /// Whether the type has 32-bit (or 64-bit) fields rather than the 286's.
  public var isWide: Bool { rawValue & 8 != 0 }
}
