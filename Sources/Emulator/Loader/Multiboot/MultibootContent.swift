/// What a Multiboot kernel is told, in either version's form.
struct MultibootContent {
  /// A module and where it lies.
  struct Module {
    let range: Range<UInt64>
    let name: String
  }

  /// The section headers of the kernel's file.
  struct Sections {
    let count: Int
    let entrySize: Int
    let names: UInt32
    let table: [UInt8]
  }

  /// Who loads the kernel.
  static let loaderName = "emu"

  var commandLine = ""
  var modules: [Module] = []
  var memoryMap: [MemoryRange] = []
  /// The ACPI root pointer, as it stands in memory; empty if there is none.
  var rootPointer: [UInt8] = []
  var sections: Sections?
  /// Where a relocatable kernel was put.
  var loadBase: UInt64?

  /// RAM from 0 on, in KiB.
  var lowerMemory: UInt32 {
    let lower = memoryMap.first { $0.kind == .usable && $0.start == 0 }
    return UInt32(min(lower?.size ?? 0, 0xA_0000) >> 10)
  }

  /// RAM from 1 MiB on to the first hole, in KiB.
  var upperMemory: UInt32 {
    let upper = memoryMap.first { $0.kind == .usable && $0.start == MemoryMap.highMemory }
    return UInt32(clamping: (upper?.size ?? 0) >> 10)
  }
}
