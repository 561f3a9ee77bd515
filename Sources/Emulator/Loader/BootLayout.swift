/// Where the loader puts what it hands to a kernel: low memory, free of any firmware.
///
/// Page 0 stays zero, so that a stray null pointer finds nothing.
package enum BootLayout {
  /// The start record, the memory map and the list of modules; for Linux, the zero page.
  static let startRecord: UInt64 = 0x1000
  /// Where the list of modules begins; it ends with the page.
  static let moduleList: UInt64 = 0x1800
  /// The GDT and, behind it, an empty task-state segment.
  static let descriptors: UInt64 = 0x2000
  /// The task-state segment.
  static let taskState: UInt64 = 0x2100
  /// CLI and HLT: where a bare ELF64 kernel comes to when its entry function returns.
  package static let returnStub: UInt64 = 0x2200
  /// What Linux's zero page points to.
  static let setupData: UInt64 = 0x2400
  /// The kernel's command line, then the modules' names; zero-terminated strings.
  static let strings: UInt64 = 0x3000
  /// Behind the last byte of the strings.
  static let stringsEnd: UInt64 = 0x8000
  /// Behind the first byte of the stack that a bare ELF64 kernel starts with.
  static let stackTop: UInt64 = 0x1_0000
  /// Page tables for a bare ELF64 kernel.
  static let pageTables: UInt64 = 0x1_0000
  /// Behind the last page for page tables.
  static let pageTablesEnd: UInt64 = 0x8_0000

  /// How many modules the list has room for.
  static let moduleLimit = Int((descriptors - moduleList) / StartRecord.moduleSize)
}

/// Code that the loader brings.
enum BootCode {
  /// CLI; HLT; JMP to the HLT.
  static let returnStub: [UInt8] = [0xFA, 0xF4, 0xEB, 0xFD]
}

/// The GDT that every kernel starts with; a bare ELF64 kernel may keep it.
enum BootDescriptor {
  /// 64-bit code.
  static let code64: UInt16 = 0x08
  /// Writable data, 4 GiB.
  static let data: UInt16 = 0x10
  /// 32-bit code, 4 GiB.
  static let code32: UInt16 = 0x18
  /// The task-state segment.
  static let taskState: UInt16 = 0x20

  /// The table; a system descriptor of 64-bit mode takes two entries.
  static let table: [UInt64] = [
    0,
    0x00AF_9B00_0000_FFFF,
    0x00CF_9300_0000_FFFF,
    0x00CF_9B00_0000_FFFF,
    0x0000_8B00_0000_0067 | BootLayout.taskState << 16,
    0,
  ]
}
