import HostCPU

/// The mode that a case runs in: 64-bit mode, or a 32-bit code segment of compatibility mode.
package enum Width: Int, Sendable, CaseIterable {
  case long = 64
  case compatibility = 32

  /// General-purpose registers that code can name.
  var registerCount: Int { self == .long ? 16 : 8 }

  /// The bits of a register that code can set.
  var mask: UInt64 { self == .long ? .max : 0xFFFF_FFFF }
}

/// The segments of 32-bit user code: those of Linux's global table, and a local table of the host
/// runner's with limits, expand-down data and segments that may not be used.
enum UserSegments {
  static let code64 = UInt16(HOST_CODE64_SELECTOR)
  static let code32 = UInt16(HOST_CODE32_SELECTOR)
  static let data = UInt16(HOST_DATA_SELECTOR)
  /// The local table's data segments at the default bases of FS and GS.
  static let fs: UInt16 = 0x0F
  static let gs: UInt16 = 0x17

  /// Entry `index` of the local table, with its accessed bit set as Linux sets it.
  private static func descriptor(_ index: UInt32) -> UInt64 {
    let segment = host_segment(index)
    let (base, limit) = (UInt64(segment.base), UInt64(segment.limit))
    var access: UInt64 = 0x71 | UInt64(segment.kind) << 2
    if segment.is_restricted == 0 { access |= 2 }
    if segment.is_absent == 0 { access |= 0x80 }
    var flags: UInt64 = 0x10
    if segment.is_big != 0 { flags |= 0x40 }
    if segment.counts_pages != 0 { flags |= 0x80 }
    return limit & 0xFFFF | (base & 0xFF_FFFF) << 16 | access << 40 | (limit >> 16) << 48
      | (flags & 0xF0) << 48 | (base >> 24) << 56
  }

  /// The local descriptor table.
  static let localTable: [UInt64] = (0..<HOST_SEGMENTS).map(descriptor)

  /// Linux's global descriptor table, as far as it is the same on all of its processors.
  static let globalTable: [UInt64] = [
    0, 0x00CF_9B00_0000_FFFF, 0x00AF_9B00_0000_FFFF, 0x00CF_9300_0000_FFFF,
    0x00CF_FB00_0000_FFFF, 0x00CF_F300_0000_FFFF, 0x00AF_FB00_0000_FFFF, 0,
    0x0000_8B00_0000_0067, 0, 0x0000_8200_0000_0067, 0, 0, 0, 0, 0x0040_F500_0000_0000,
  ]

  /// The descriptor that `selector` names, or nil for a null selector and what lies beyond a table.
  static func descriptor(of selector: UInt16) -> UInt64? {
    let table = selector & 4 == 0 ? globalTable : localTable
    let index = Int(selector >> 3)
    guard selector & ~3 != 0, index < table.count else { return nil }
    return table[index]
  }

  /// The linear address of offset zero of the segment that `selector` names.
  static func base(of selector: UInt16) -> UInt64 {
    guard let raw = descriptor(of: selector) else { return 0 }
    return raw >> 16 & 0xFF_FFFF | raw >> 32 & 0xFF00_0000
  }

  /// Selectors for a generator: usable ones, and all the ways in which others are not.
  static let selectors: [UInt16] = [
    0x2B, 0x2B, 0x2B, 0x07, 0x0F, 0x17, 0x1F, 0x27, 0x2F, 0x37, 0x3F, 0x47, 0x4F, 0x57, 0x5F, 0, 3,
    0x23, 0x33, 0x28, 0x2A, 0x5D, 0x10, 0x1B, 0x43, 0x53, 0x67, 0x80, 0xFFFF,
  ]

  /// Those with which a data segment register can start.
  static let dataSelectors: [UInt16] = [0x07, 0x1F, 0x27, 0x2F, 0x3F, 0x4F, 0x5F, 0, 0x0F, 0x17]
}
