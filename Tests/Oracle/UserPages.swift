import Emulator

/// Page tables, descriptors and handlers of a system that does nothing but let ring 3 run.
///
/// The tables that Linux gives a program look the same from ring 3: CS 33h or 23h, SS 2Bh, INT3 and
/// INTO's gates open to it, and no page of the system readable.
enum UserPages {
  static let memorySize: UInt64 = 1 << 20

  // Physical addresses, a page each but for the data.
  private static let gdt: UInt64 = 0x1000
  private static let idt: UInt64 = 0x2000
  private static let tss: UInt64 = 0x3000
  private static let handlers: UInt64 = 0x4000
  static let stack: UInt64 = 0x5000
  private static let ldt: UInt64 = 0x6000
  private static let tables: UInt64 = 0x10000
  static let code: UInt64 = 0x20000
  static let data: UInt64 = 0x21000

  /// Where the first MiB of physical memory is mapped for ring 0.
  private static let upper: UInt64 = 0xFFFF_FFFF_8000_0000

  private static let kernelCode: UInt16 = 0x10
  private static let taskState: UInt16 = 0x40
  private static let localTable: UInt16 = 0x50

  /// The quadwords that must stand in physical memory.
  static var contents: [(UInt64, UInt64)] {
    var words: [(UInt64, UInt64)] = [
      (tss + 4, upper + stack + 0xFF0),
      // The I/O map base lies beyond the limit: no port is allowed.
      (tss + 0x60, 0x68 << 48),
    ]
    for (index, descriptor) in UserSegments.globalTable.enumerated() {
      words.append((gdt + 8 * UInt64(index), descriptor))
    }
    for (index, descriptor) in UserSegments.localTable.enumerated() {
      words.append((ldt + 8 * UInt64(index), descriptor))
    }
    for vector in 0..<256 as Range<UInt64> {
      let offset = upper + handlers + 16 * vector
      let access: UInt64 = vector == 3 || vector == 4 ? 0xEE : 0x8E
      words.append(
        (
          idt + 16 * vector,
          offset & 0xFFFF | UInt64(kernelCode) << 16 | access << 40 | (offset >> 16 & 0xFFFF) << 48
        ))
      words.append((idt + 16 * vector + 8, offset >> 32))
      words.append((handlers + 16 * vector, 0xF4))
    }
    return words + pageTables
  }

  private static var pageTables: [(UInt64, UInt64)] {
    let noExecute: UInt64 = 1 << 63
    // Present, writable, user, accessed, dirty.
    let user: UInt64 = 0x67
    let system: UInt64 = 0x63
    var words: [(UInt64, UInt64)] = [
      (tables, tables + 0x1000 | user), (tables + 0x1000, tables + 0x2000 | user),
      (tables + 0x2000 + 128 * 8, tables + 0x3000 | user),
      (tables + 0x2000 + 256 * 8, tables + 0x4000 | user),
      (tables + 0x3000, data | user | noExecute),
      (tables + 0x3008, data + 0x1000 | user | noExecute),
      (tables + 0x4000, code | user & ~2),
      (tables + 511 * 8, tables + 0x5000 | system),
      (tables + 0x5000 + 510 * 8, tables + 0x6000 | system),
      (tables + 0x6000, tables + 0x7000 | system),
    ]
    for page in 0..<32 as Range<UInt64> {
      words.append((tables + 0x7000 + 8 * page, page << 12 | system))
    }
    return words
  }

  static func setSystemRegisters(_ cpu: CPU) {
    let state = cpu.state
    state.pointee.cr0 = 0x8005_0033
    state.pointee.cr3 = tables
    // PAE, OSFXSR, OSXMMEXCPT, FSGSBASE, OSXSAVE; x87, SSE and AVX state.
    state.pointee.cr4 = 0x5_0620
    state.pointee.xcr0 = 7
    state.pointee.efer = 0xD01
    state.pointee.gdtr = DescriptorTableRegister(base: upper + gdt, limit: 0x7F)
    state.pointee.idtr = DescriptorTableRegister(base: upper + idt, limit: 0xFFF)
    cpu[.tr] = SegmentRegister(
      selector: taskState, attributes: 0x8B, limit: 0x67, base: upper + tss)
    cpu[.ldtr] = SegmentRegister(
      selector: localTable, attributes: 0x82,
      limit: UInt32(8 * UserSegments.localTable.count - 1), base: upper + ldt)
  }

  /// In the order of `UserState.segments`.
  static let segmentNames: [SegmentName] = [.es, .cs, .ss, .ds, .fs, .gs]

  static func enterRing3(_ cpu: CPU, _ state: UserState) {
    for (index, name) in segmentNames.enumerated() { cpu[name] = segment(state.segments[index]) }
    if state.width == .long {
      cpu[.fs].base = state.fsBase
      cpu[.gs].base = state.gsBase
    }
    cpu.state.pointee.cpl = 3
  }

  /// What loading `selector` leaves in a segment register.
  private static func segment(_ selector: UInt16) -> SegmentRegister {
    guard let raw = UserSegments.descriptor(of: selector) else {
      return SegmentRegister(selector: selector, attributes: 0, limit: 0, base: 0)
    }
    let limit = UInt32(truncatingIfNeeded: raw & 0xFFFF | raw >> 32 & 0xF_0000)
    return SegmentRegister(
      selector: selector, attributes: UInt16(truncatingIfNeeded: raw >> 40 & 0xF0FF),
      limit: raw >> 55 & 1 != 0 ? limit << 12 | 0xFFF : limit,
      base: UserSegments.base(of: selector))
  }

  /// The vector whose handler's HLT is at `rip` or just behind it.
  static func vector(atHandler rip: UInt64) -> UInt8 {
    UInt8(truncatingIfNeeded: (rip &- upper &- handlers) >> 4)
  }
}
