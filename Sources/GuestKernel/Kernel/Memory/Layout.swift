/// The linear address space, on one page.
///
///     0000_0000_0001_0000  programs: code at 40_0000, heap above it, stack at the end
///     0000_4000_0000_0000  direct map: physical memory at its address plus this
///     0000_6000_0000_0000  vmalloc: memory in one piece of single frames, device registers
///     0000_6080_0000_0000  kernel stacks, each above a page that is not mapped
///     0000_7fff_8000_0000  kernel image, with `kaslr` somewhere in this GiB
///     0000_7fff_c000_0000  loadable modules, within 2 GiB of the image
///
/// The kernel is in the upper part of the lower canonical half, because Swift takes bits 56-63 of a
/// pointer for zero. What a program may use ends at half of it.
import KernelArch

enum Layout {
  // These and the modules move with `kaslr`, before the kernel's page tables are built.
  nonisolated(unsafe) static var directMap: UInt64 = 0x4000_0000_0000
  nonisolated(unsafe) static var heap: UInt64 = 0x6000_0000_0000
  static let heapEnd: UInt64 = 0x6040_0000_0000
  nonisolated(unsafe) static var stacks: UInt64 = 0x6080_0000_0000
  /// One page for tests of the page tables.
  static let probe: UInt64 = 0x60ff_ffff_f000
  /// One page for changing code.
  static let patch: UInt64 = 0x60ff_ffff_d000
  static let window: UInt64 = 0x7fff_8000_0000
  /// Where physical address 0 would be in the image: at the window's beginning, unless `kaslr` has moved it
  /// (see boot.S).
  static var image: UInt64 { linker_image_base() }
  nonisolated(unsafe) static var modules: Range<UInt64> = 0x7fff_c000_0000..<0x7fff_e000_0000

  /// Physical: four pages below 1 MiB where other processors begin (see smp.S).
  static let trampoline: UInt64 = 0x8000

  static let userSpace: Range<UInt64> = 0x1_0000..<0x3fff_ffff_f000
  static let userStackTop: UInt64 = 0x3fff_ffff_0000
  static let userStackSize: UInt64 = 64 << 10

  /// The PML4 entries that all address spaces share.
  static let kernelSlots = 128..<256
}

extension Address where Space == PhysicalSpace {
  /// Where the kernel sees this byte of physical memory.
  var pointer: UnsafeMutableRawPointer { pointer_to(value &+ Layout.directMap) }
}
