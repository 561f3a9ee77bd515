/// A relocatable object file (ET_REL), read as a linker reads it: sections, symbols, relocations.
///
/// Everything is checked here, so that what follows may trust offsets and indices: a module comes from
/// a program, and a wrong one must end in a message.
package enum ModuleError: Error, Equatable {
  case notObject
  case badHeaders
  case noSymbols
  case badSymbol
  case tooLarge
  case undefinedSymbol([UInt8])
  case unknownRelocation(UInt64)
  case relocationOutside
  case relocationOverflow([UInt8])
  case writableAndExecutable
  case copiedVariable([UInt8])

  package var name: TextLine {
    switch self {
    case .notObject: "not an x86-64 ELF object file"
    case .badHeaders: "section headers outside the file"
    case .noSymbols: "no symbol table"
    case .badSymbol: "a symbol outside its section"
    case .tooLarge: "larger than a module may be"
    case .undefinedSymbol(let name): "unknown symbol \(text: name)"
    case .unknownRelocation(let type): "relocation type \(type)"
    case .relocationOutside: "a relocation outside its section"
    case .relocationOverflow(let name): "too far away from \(text: name)"
    case .writableAndExecutable: "a section both writable and executable"
    case .copiedVariable(let name):
      "it would have its own copy of the kernel's variable \(text: name)"
    }
  }
}

package struct ModuleObject {
  package struct Section {
    package var name: [UInt8]
    package var type: UInt64
    package var flags: UInt64
    package var offset: Int
    package var size: Int
    package var link: Int
    package var target: Int
    package var alignment: Int

    /// SHF_ALLOC: it takes room in the loaded module.
    package var isLoaded: Bool { flags & 2 != 0 }
    package var isWritable: Bool { flags & 1 != 0 }
    package var isExecutable: Bool { flags & 4 != 0 }
    /// SHT_NOBITS: zeroes that the file does not hold.
    package var isZero: Bool { type == 8 }
  }

  package struct Symbol {
    package enum Binding: UInt64 {
      case local = 0
      case global = 1
      case weak = 2
    }
    package var name: Range<Int>
    package var binding: Binding
    /// STT_FUNC is 2, STT_OBJECT 1.
    package var type: UInt64
    /// STV_DEFAULT or STV_PROTECTED: other modules may see it.
    package var isVisible: Bool
    package var section: Int
    package var value: UInt64
    package var size: UInt64

    package var isUndefined: Bool { section == 0 }
    /// SHN_COMMON: `value` is the alignment.
    package var isCommon: Bool { section == 0xfff2 }
    package var isAbsolute: Bool { section == 0xfff1 }
  }

  package static let largest = 1 << 20

  package let file: UnsafeRawBufferPointer
  package private(set) var sections: [Section] = []
  package private(set) var symbolTable = 0

  package init(_ file: UnsafeRawBufferPointer) throws(ModuleError) {
    self.file = file
    let relocatable: UInt64 = 1
    let thisMachine: UInt64 = 62
    guard file.count >= 64, file.word32(0) == 0x464c_457f, file[4] == 2, file[5] == 1,
      file.word16(16) == relocatable, file.word16(18) == thisMachine
    else { throw ModuleError.notObject }
    guard file.count <= Self.largest else { throw ModuleError.tooLarge }
    let table = file.word64(40)
    let count = Int(file.word16(60))
    guard file.word16(58) == 64, count > 0, table <= UInt64(file.count),
      UInt64(count) * 64 <= UInt64(file.count) - table
    else { throw ModuleError.badHeaders }
    let names = Int(file.word16(62))
    guard names < count else { throw ModuleError.badHeaders }
    let namesAt = file.word64(Int(table) + names * 64 + 24)
    for index in 0..<count {
      try addSection(at: Int(table) + index * 64, names: namesAt, count: count)
    }
    for (index, section) in sections.enumerated() where section.type == 2 { symbolTable = index }
    guard symbolTable != 0, sections[sections[symbolTable].link].type == 3 else {
      throw ModuleError.noSymbols
    }
  }

  private mutating func addSection(
    at header: Int, names: UInt64, count: Int
  ) throws(ModuleError) {
    let (offset, size) = (file.word64(header + 24), file.word64(header + 32))
    let type = file.word32(header + 4)
    let hasBytes = type != 8 && type != 0
    if hasBytes {
      guard offset <= UInt64(file.count), size <= UInt64(file.count) - offset else {
        throw ModuleError.badHeaders
      }
    }
    let (link, target) = (file.word32(header + 40), file.word32(header + 44))
    let alignment = max(1, file.word64(header + 48))
    guard size <= UInt64(Self.largest), link < UInt64(count), alignment <= pageSize,
      alignment & (alignment - 1) == 0, names < UInt64(file.count)
    else { throw ModuleError.badHeaders }
    sections.append(
      Section(
        name: Array(string(at: Int(names) + Int(file.word32(header)))), type: type,
        flags: file.word64(header + 8), offset: hasBytes ? Int(offset) : 0, size: Int(size),
        link: Int(link), target: Int(target), alignment: Int(alignment)))
  }

  /// The bytes before the NUL at `offset`; none outside the file.
  private func string(at offset: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: file[stringRange(at: offset)])
  }

  private func stringRange(at offset: Int) -> Range<Int> {
    guard offset >= 0, offset < file.count else { return 0..<0 }
    var end = offset
    while end < file.count, file[end] != 0 { end += 1 }
    return offset..<end
  }

  package func bytes(of section: Section) -> UnsafeRawBufferPointer {
    section.isZero
      ? UnsafeRawBufferPointer(start: nil, count: 0)
      : UnsafeRawBufferPointer(rebasing: file[section.offset..<section.offset + section.size])
  }

  package func section(named name: StaticString) -> Section? {
    for section in sections where section.name.equals(name) { return section }
    return nil
  }
}

// MARK: Symbols

extension ModuleObject {
  package var symbolCount: Int { sections[symbolTable].size / 24 }

  package func symbol(_ index: Int) throws(ModuleError) -> Symbol {
    guard index >= 0, index < symbolCount else { throw ModuleError.badSymbol }
    let at = sections[symbolTable].offset + index * 24
    let names = sections[sections[symbolTable].link].offset
    guard let binding = Symbol.Binding(rawValue: UInt64(file[at + 4] >> 4)) else {
      throw ModuleError.badSymbol
    }
    let symbol = Symbol(
      name: stringRange(at: names + Int(file.word32(at))), binding: binding,
      type: UInt64(file[at + 4] & 15), isVisible: file[at + 5] & 3 == 0 || file[at + 5] & 3 == 3,
      section: Int(file.word16(at + 6)), value: file.word64(at + 8), size: file.word64(at + 16))
    if symbol.section < 0xff00 {
      guard symbol.section < sections.count,
        symbol.isUndefined || symbol.value <= UInt64(sections[symbol.section].size)
      else { throw ModuleError.badSymbol }
    } else if symbol.isCommon {
      guard symbol.size <= UInt64(Self.largest), symbol.value <= pageSize else {
        throw ModuleError.badSymbol
      }
    } else if !symbol.isAbsolute {
      throw ModuleError.badSymbol
    }
    return symbol
  }

  package func name(of symbol: Symbol) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: file[symbol.name])
  }
}
