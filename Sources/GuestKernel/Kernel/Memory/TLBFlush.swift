/// Translations that a processor may still remember after a page table has changed.
import KernelArch

enum TLB {
  /// Forgets one page of `space`.
  static func flush(_ space: AddressSpace, _ page: UInt64) { invlpg(page) }

  /// Forgets all pages of `space`.
  static func flush(_ space: AddressSpace) {
    if read_cr3() & PageTables.addressMask == space.tables.root.value { write_cr3(read_cr3()) }
  }
}
