/// Where a module's sections go, and what linking writes there.
///
/// Three regions of whole pages, one after the other: code, constants, data; so no page has to be both
/// writable and executable. The image is built in ordinary memory for the address where it will
/// run, and copied there when it is complete.
package struct ModuleLayout {
  package enum Region: Int {
    case code = 0
    case constants = 1
    case data = 2
  }

  package let object: ModuleObject
  /// Per section, its offset in the image, or -1.
  package private(set) var offsets: [Int]
  /// The end of each region: a multiple of the page size.
  package private(set) var ends: [Int] = []
  /// Per symbol, its slot in the table of addresses that GOT relocations use, or -1.
  private var slots: [Int]
  private var slotsAt = 0
  /// Per symbol, the offset in the image of a common one, or -1.
  private var commons: [Int]
  /// Per symbol, what the kernel or another module defines in its place, or 0.
  private var taken: [UInt64]
  /// Per symbol, that nobody defines it: an error once something needed refers to it.
  private var isMissing: [Bool]

  package var size: Int { ends[2] }

  /// Lays out `object`; the two functions say where the kernel and other modules have a symbol.
  package init(
    _ object: ModuleObject, kernel: (UnsafeRawBufferPointer) -> UInt64?,
    modules: (UnsafeRawBufferPointer) -> UInt64?
  ) throws(ModuleError) {
    self.object = object
    offsets = [Int](repeating: -1, count: object.sections.count)
    slots = [Int](repeating: -1, count: object.symbolCount)
    commons = slots
    taken = [UInt64](repeating: 0, count: object.symbolCount)
    isMissing = [Bool](repeating: false, count: object.symbolCount)
    let isNeeded = try resolve(kernel, modules)
    var end = 0
    let slotCount = try countSlots()
    for region in [Region.code, .constants, .data] {
      for (index, section) in object.sections.enumerated()
      where isNeeded[index] && section.size > 0 && Self.region(of: section) == region {
        guard !(section.isWritable && section.isExecutable) else {
          throw ModuleError.writableAndExecutable
        }
        end = Self.align(end, section.alignment)
        offsets[index] = end
        end += section.size
        guard end <= ModuleObject.largest else { throw ModuleError.tooLarge }
      }
      if region == .constants {
        end = Self.align(end, 8)
        slotsAt = end
        end += slotCount * 8
      }
      if region == .data { end = try placeCommons(from: end) }
      end = Self.align(end, Int(pageSize))
      ends.append(end)
    }
  }

  private static func region(of section: ModuleObject.Section) -> Region {
    section.isExecutable ? .code : section.isWritable ? .data : .constants
  }

  private static func align(_ offset: Int, _ alignment: Int) -> Int {
    (offset + alignment - 1) & ~(alignment - 1)
  }

  private mutating func placeCommons(from start: Int) throws(ModuleError) -> Int {
    var end = start
    for index in 1..<max(1, object.symbolCount) {
      let symbol = try object.symbol(index)
      guard symbol.isCommon else { continue }
      end = Self.align(end, 16)
      commons[index] = end
      end += Int(symbol.size)
      guard end <= ModuleObject.largest else { throw ModuleError.tooLarge }
    }
    return end
  }
}

// MARK: Relocations

/// System V ABI, AMD64 supplement, "Relocation Types".
private enum Relocation {
  static let direct64: UInt64 = 1
  static let relative32: UInt64 = 2
  static let call32: UInt64 = 4
  static let table32: UInt64 = 9
  static let direct32: UInt64 = 10
  static let signed32: UInt64 = 11
  static let relative64: UInt64 = 24
  static let relaxable: UInt64 = 41
  static let relaxableREX: UInt64 = 42

  static func usesTable(_ type: UInt64) -> Bool {
    type == table32 || type == relaxable || type == relaxableREX
  }
}

extension ModuleLayout {
  private struct Entry {
    var offset: Int
    var type: UInt64
    var symbol: Int
    var addend: UInt64
  }

  private func entry(_ table: ModuleObject.Section, _ index: Int) -> Entry {
    let at = table.offset + index * 24
    let information = object.file.word64(at + 8)
    return Entry(
      offset: Int(truncatingIfNeeded: object.file.word64(at)), type: information & 0xffff_ffff,
      symbol: Int(information >> 32), addend: object.file.word64(at + 16))
  }

  /// The tables of relocations (SHT_RELA) of loaded sections.
  private func tables() throws(ModuleError) -> [ModuleObject.Section] {
    var tables: [ModuleObject.Section] = []
    for section in object.sections where section.type == 4 {
      guard section.target < object.sections.count, section.link == object.symbolTable else {
        throw ModuleError.badHeaders
      }
      if object.sections[section.target].isLoaded { tables.append(section) }
    }
    return tables
  }

  private mutating func countSlots() throws(ModuleError) -> Int {
    var count = 0
    for table in try tables() {
      for index in 0..<table.size / 24 {
        let entry = entry(table, index)
        guard entry.symbol < slots.count else { throw ModuleError.badSymbol }
        if Relocation.usesTable(entry.type), slots[entry.symbol] < 0 {
          slots[entry.symbol] = count
          count += 1
        }
      }
    }
    return count
  }

  /// The module as it will lie at `base`; `addresses` has one address per symbol.
  package func link(at base: UInt64, addresses: [UInt64]) throws(ModuleError) -> [UInt8] {
    var image = [UInt8](repeating: 0, count: size)
    for (index, section) in object.sections.enumerated() where offsets[index] >= 0 {
      let bytes = object.bytes(of: section)
      for at in 0..<bytes.count { image[offsets[index] + at] = bytes[at] }
    }
    for index in 0..<slots.count where slots[index] >= 0 {
      Self.store(addresses[index], 8, at: slotsAt + slots[index] * 8, in: &image)
    }
    for table in try tables() where offsets[table.target] >= 0 {
      for index in 0..<table.size / 24 {
        try apply(entry(table, index), in: table.target, base, addresses, &image)
      }
    }
    return image
  }

  private func apply(
    _ entry: Entry, in section: Int, _ base: UInt64, _ addresses: [UInt64], _ image: inout [UInt8]
  ) throws(ModuleError) {
    let isWide = entry.type == Relocation.direct64 || entry.type == Relocation.relative64
    let width = isWide ? 8 : 4
    let room = object.sections[section].size - width
    guard entry.offset >= 0, entry.offset <= room else { throw ModuleError.relocationOutside }
    if isMissing[entry.symbol] {
      throw ModuleError.undefinedSymbol(Array(object.name(of: try object.symbol(entry.symbol))))
    }
    let at = offsets[section] + entry.offset
    let place = base &+ UInt64(at)
    var target = addresses[entry.symbol]
    if Relocation.usesTable(entry.type) {
      target = base &+ UInt64(slotsAt + slots[entry.symbol] * 8)
    }
    let value: UInt64
    switch entry.type {
    case 0: return
    case Relocation.direct64: value = target &+ entry.addend
    case Relocation.direct32:
      value = target &+ entry.addend
      guard value >> 32 == 0 else { throw overflow(entry) }
    case Relocation.signed32:
      value = target &+ entry.addend
      guard Self.isSigned32(value) else { throw overflow(entry) }
    case Relocation.relative64: value = target &+ entry.addend &- place
    case Relocation.relative32, Relocation.call32, Relocation.table32, Relocation.relaxable,
      Relocation.relaxableREX:
      value = target &+ entry.addend &- place
      guard Self.isSigned32(value) else { throw overflow(entry) }
    default: throw ModuleError.unknownRelocation(entry.type)
    }
    Self.store(value, width, at: at, in: &image)
  }

  private func overflow(_ entry: Entry) -> ModuleError {
    guard let symbol = try? object.symbol(entry.symbol) else { return .badSymbol }
    return .relocationOverflow(Array(object.name(of: symbol)))
  }

  private static func isSigned32(_ value: UInt64) -> Bool {
    Int64(bitPattern: value) == Int64(Int32(truncatingIfNeeded: value))
  }

  private static func store(_ value: UInt64, _ width: Int, at: Int, in image: inout [UInt8]) {
    for index in 0..<width {
      image[at + index] = UInt8(truncatingIfNeeded: value >> UInt64(index * 8))
    }
  }
}

// MARK: Symbols

extension ModuleLayout {
  /// Finds what others define; returns which sections the module still needs.
  ///
  /// Every Swift object carries weak copies of the runtime, of generic code and of the metadata of
  /// classes it uses. A weak symbol takes the kernel's definition if the kernel has one: with copies of
  /// its own, a module would see its own empty globals instead of the kernel's, and nothing would say
  /// so. A section that only defines such symbols takes no room.
  private mutating func resolve(
    _ kernel: (UnsafeRawBufferPointer) -> UInt64?, _ modules: (UnsafeRawBufferPointer) -> UInt64?
  ) throws(ModuleError) -> [Bool] {
    var isNeeded = object.sections.map { $0.isLoaded }
    var keepsOwn = [Bool](repeating: false, count: isNeeded.count)
    for index in 1..<max(1, object.symbolCount) {
      let symbol = try object.symbol(index)
      let name = object.name(of: symbol)
      if symbol.isUndefined {
        let address = kernel(name) ?? modules(name)
        taken[index] = address ?? 0
        isMissing[index] = address == nil && symbol.binding != .weak
      } else if symbol.binding == .weak, let address = kernel(name) {
        taken[index] = address
        if symbol.section < isNeeded.count { isNeeded[symbol.section] = false }
      } else if symbol.section < isNeeded.count, symbol.type <= 2 {
        if symbol.binding == .weak, Self.isKernelVariable(name) {
          throw ModuleError.copiedVariable(Array(name))
        }
        keepsOwn[symbol.section] = true
      }
    }
    for index in 0..<isNeeded.count where keepsOwn[index] && object.sections[index].isLoaded {
      isNeeded[index] = true
    }
    return isNeeded
  }

  /// A mangled name of a variable of the module Kernel.
  private static func isKernelVariable(_ name: UnsafeRawBufferPointer) -> Bool {
    let bytes = Array(name)
    guard bytes.starts(with: "$e6Kernel") else { return false }
    let end = Array(bytes.suffix(3))
    return end.equals("vpZ") || Array(end.dropFirst()).equals("vp")
  }

  /// The address of each symbol when the module lies at `base`.
  package func addresses(at base: UInt64) throws(ModuleError) -> [UInt64] {
    var addresses: [UInt64] = [0]
    for index in 1..<max(1, object.symbolCount) {
      let symbol = try object.symbol(index)
      if symbol.isUndefined || taken[index] != 0 {
        addresses.append(taken[index])
      } else if symbol.isAbsolute {
        addresses.append(symbol.value)
      } else if symbol.isCommon {
        addresses.append(base &+ UInt64(commons[index]))
      } else {
        let offset = offsets[symbol.section]
        addresses.append(offset < 0 ? base : base &+ UInt64(offset) &+ symbol.value)
      }
    }
    return addresses
  }

  /// True when the symbol's definition is the module's own, and loaded.
  package func isOwn(_ index: Int, _ symbol: ModuleObject.Symbol) -> Bool {
    if symbol.isUndefined || symbol.isAbsolute || taken[index] != 0 { return false }
    return symbol.isCommon || offsets[symbol.section] >= 0
  }
}
