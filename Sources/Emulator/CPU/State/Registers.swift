/// A general-purpose register, by the number that encodes it.
public enum Register: UInt8, CaseIterable, Sendable {
  case rax
  case rcx
  case rdx
  case rbx
  case rsp
  case rbp
  case rsi
  case rdi
  case r8
  case r9
  case r10
  case r11
  case r12
  case r13
  case r14
  case r15
}

/// A segment or system-segment register; the first six by the number that encodes them.
public enum SegmentName: UInt8, CaseIterable, Sendable {
  case es
  case cs
  case ss
  case ds
  case fs
  case gs
  case ldtr
  case tr
}

/// A segment register with its hidden part, as loaded from a descriptor.
///
/// SDM volume 3A, "Segment Registers" and "Segment Descriptors".
public struct SegmentRegister: Equatable, Sendable {
  /// The visible part.
  public var selector: UInt16
  /// Descriptor bits 55:40, that is type, S, DPL, P (bits 7:0) and AVL, L, D/B, G (bits 15:12).
  public var attributes: UInt16
  /// The last valid offset, already scaled by G.
  public var limit: UInt32
  /// The linear address of offset zero.
  public var base: UInt64

  /// Makes a segment register from its parts.
  public init(selector: UInt16, attributes: UInt16, limit: UInt32, base: UInt64) {
    self.selector = selector
    self.attributes = attributes
    self.limit = limit
    self.base = base
  }

  /// What a null selector leaves behind: not present, every access faults outside 64-bit mode.
  public static let null = SegmentRegister(selector: 0, attributes: 0, limit: 0, base: 0)

  /// The descriptor's type field.
  public var type: UInt8 { UInt8(truncatingIfNeeded: attributes & 0xF) }
  /// S: code or data, as opposed to system.
  public var isCodeOrData: Bool { attributes & 0x10 != 0 }
  /// DPL: descriptor privilege level.
  public var dpl: UInt8 { UInt8(truncatingIfNeeded: attributes >> 5 & 3) }
  /// P: segment present.
  public var isPresent: Bool { attributes & 0x80 != 0 }
  /// L: 64-bit code segment.
  public var isLong: Bool { attributes & 0x2000 != 0 }
  /// D/B: 32-bit default operand size, stack pointer or upper bound.
  public var isBig: Bool { attributes & 0x4000 != 0 }
  /// Executable (type bit 3).
  public var isCode: Bool { attributes & 0x18 == 0x18 }
  /// Conforming code or expand-down data (type bit 2).
  public var isConformingOrExpandDown: Bool { attributes & 0x4 != 0 }
  /// Writable data, or readable code (type bit 1).
  public var isWritableOrReadable: Bool { attributes & 0x2 != 0 }
  /// Requested privilege level of the selector.
  public var rpl: UInt8 { UInt8(truncatingIfNeeded: selector & 3) }
}

/// The contents of GDTR or IDTR.
public struct DescriptorTableRegister: Equatable, Sendable {
  /// Linear address of the first byte.
  public var base: UInt64
  /// Offset of the last valid byte.
  public var limit: UInt16

  /// Makes a table register.
  public init(base: UInt64, limit: UInt16) {
    self.base = base
    self.limit = limit
  }
}
