/// What the boot loader tells, whichever protocol it speaks: copied before its memory is reused.
import KernelArch

struct BootInformation {
  struct Module {
    var base: UInt64
    var size: UInt64
    var name: [UInt8]
  }

  enum Source {
    case pvh
    case multiboot2
  }

  var source: Source
  var commandLine: [UInt8] = []
  var regions: [MemoryRegion] = []
  var modules: [Module] = []
  /// Where the ACPI tables are, if the loader says so.
  var rootPointer: RootPointer?

  /// Reads the information at physical address `address`.
  init(magic: UInt32, address: UInt64) {
    let memory = PhysicalAddress(address)
    if magic == Multiboot2.magic {
      source = .multiboot2
      Multiboot2.read(memory, into: &self)
    } else {
      source = .pvh
      PVH.read(memory, into: &self)
    }
  }

  /// The command line where the loader has put it.
  static func commandLine(_ magic: UInt32, _ address: UInt64) -> UnsafeRawBufferPointer {
    let memory = PhysicalAddress(address)
    return text(
      at: magic == Multiboot2.magic
        ? Multiboot2.commandLine(memory) : (memory + 24).pointer.load(as: UInt64.self))
  }

  /// The bytes before the NUL at `address`.
  private static func text(at address: UInt64) -> UnsafeRawBufferPointer {
    guard address != 0 else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    let start = PhysicalAddress(address).pointer
    return UnsafeRawBufferPointer(
      start: start, count: strlen(start.assumingMemoryBound(to: CChar.self)))
  }

  static func string(at address: UInt64) -> [UInt8] { Array(text(at: address)) }

  static func rootPointer(at address: UInt64) -> RootPointer? {
    RootPointer(
      UnsafeRawBufferPointer(start: PhysicalAddress(address).pointer, count: RootPointer.size))
  }

  /// The last part of a path, up to a blank: what a module is called.
  static func moduleName(_ text: [UInt8], number: Int) -> [UInt8] {
    let path = Words.split(text).first ?? []
    let name = path.split(separator: 0x2f).last.map { Array($0) } ?? []
    guard name.isEmpty else { return name }
    return [UInt8](text: "module") + [0x30 + UInt8(truncatingIfNeeded: number % 10)]
  }
}

/// The Xen "PVH" entry: EBX holds the address of `hvm_start_info`.
enum PVH {
  private static let magic: UInt64 = 0x336e_c578

  static func read(_ memory: PhysicalAddress, into information: inout BootInformation) {
    let info = UnsafeRawBufferPointer(start: memory.pointer, count: 56)
    guard info.word32(0) == magic else { panic("started by neither PVH nor multiboot2") }
    information.commandLine = BootInformation.string(at: info.word64(24))
    if info.word64(32) != 0 {
      information.rootPointer = BootInformation.rootPointer(at: info.word64(32))
    }
    let moduleCount = Int(info.word32(12))
    let modules = UnsafeRawBufferPointer(
      start: PhysicalAddress(info.word64(16)).pointer, count: moduleCount * 32)
    for index in 0..<moduleCount {
      let name = BootInformation.string(at: modules.word64(index * 32 + 16))
      information.modules.append(
        BootInformation.Module(
          base: modules.word64(index * 32), size: modules.word64(index * 32 + 8),
          name: BootInformation.moduleName(name, number: index)))
    }
    guard info.word32(4) >= 1 else { panic("the PVH information has no memory map") }
    let regionCount = Int(info.word32(48))
    let regions = UnsafeRawBufferPointer(
      start: PhysicalAddress(info.word64(40)).pointer, count: regionCount * 24)
    for index in 0..<regionCount {
      let base = regions.word64(index * 24)
      information.regions.append(
        MemoryRegion(
          base: base, end: base &+ regions.word64(index * 24 + 8),
          kind: MemoryKind(firmware: UInt32(regions.word32(index * 24 + 16)))))
    }
  }
}

/// GRUB's multiboot2: a list of tags, each of 8-byte alignment.
///
/// Multiboot2 Specification, "Boot information".
enum Multiboot2 {
  static let magic: UInt32 = 0x36d7_6289

  private enum Tag {
    static let end: UInt64 = 0
    static let commandLine: UInt64 = 1
    static let module: UInt64 = 3
    static let memoryMap: UInt64 = 6
    static let oldRootPointer: UInt64 = 14
    static let newRootPointer: UInt64 = 15
  }

  static func read(_ memory: PhysicalAddress, into information: inout BootInformation) {
    let total = Int(memory.pointer.load(as: UInt32.self))
    let info = UnsafeRawBufferPointer(start: memory.pointer, count: total)
    var offset = 8
    while offset + 8 <= total, info.word32(offset) != Tag.end {
      let size = Int(info.word32(offset + 4))
      guard size >= 8, offset + size <= total else { return }
      read(info, offset, size, memory.value, &information)
      offset += (size + 7) & ~7
    }
  }

  /// Where the command line begins; 0 if there is none.
  static func commandLine(_ memory: PhysicalAddress) -> UInt64 {
    let info = UnsafeRawBufferPointer(
      start: memory.pointer, count: Int(memory.pointer.load(as: UInt32.self)))
    var offset = 8
    while offset + 8 <= info.count, info.word32(offset) != Tag.end {
      if info.word32(offset) == Tag.commandLine { return memory.value + UInt64(offset) + 8 }
      offset += max(8, (Int(info.word32(offset + 4)) + 7) & ~7)
    }
    return 0
  }

  private static func read(
    _ info: UnsafeRawBufferPointer, _ offset: Int, _ size: Int, _ base: UInt64,
    _ information: inout BootInformation
  ) {
    switch info.word32(offset) {
    case Tag.commandLine:
      information.commandLine = BootInformation.string(at: base &+ UInt64(offset + 8))
    case Tag.module:
      let start = info.word32(offset + 8)
      let name = BootInformation.string(at: base &+ UInt64(offset + 16))
      information.modules.append(
        BootInformation.Module(
          base: start, size: info.word32(offset + 12) &- start,
          name: BootInformation.moduleName(name, number: information.modules.count)))
    case Tag.memoryMap:
      let step = max(24, Int(info.word32(offset + 8)))
      var entry = offset + 16
      while entry + 24 <= offset + size {
        let start = info.word64(entry)
        information.regions.append(
          MemoryRegion(
            base: start, end: start &+ info.word64(entry + 8),
            kind: MemoryKind(firmware: UInt32(info.word32(entry + 16)))))
        entry += step
      }
    case Tag.oldRootPointer where information.rootPointer == nil, Tag.newRootPointer:
      // A copy of the pointer itself, inside the tag.
      information.rootPointer = BootInformation.rootPointer(at: base &+ UInt64(offset + 8))
    default:
      break
    }
  }
}
