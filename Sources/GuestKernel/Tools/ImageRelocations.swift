import Foundation

/// Where an image that was linked with --emit-relocs has addresses of its own window: all that changes when
/// it is moved there.
///
/// Displacements do not, since all of it moves. The linker says nothing of the addresses that it has put
/// into the global offset table itself; they lie between the marks got_start and got_end.
struct ImageRelocations {
  private(set) var places: [UInt64] = []

  init(path: String) throws {
    let data = try Data(contentsOf: URL(filePath: path))
    data.withUnsafeBytes { read($0) }
    places.sort()
  }

  private struct Section {
    var type: UInt32
    var address: UInt64
    var offset: Int
    var size: Int
    var link: Int
    var target: Int
  }

  private mutating func read(_ bytes: UnsafeRawBufferPointer) {
    func load<T>(_ offset: Int, _ type: T.Type) -> T {
      bytes.loadUnaligned(fromByteOffset: offset, as: type)
    }
    let start = Int(load(40, UInt64.self))
    let sections = (0..<Int(load(60, UInt16.self))).map { index in
      let at = start + index * 64
      return Section(
        type: load(at + 4, UInt32.self), address: load(at + 16, UInt64.self),
        offset: Int(load(at + 24, UInt64.self)), size: Int(load(at + 32, UInt64.self)),
        link: Int(load(at + 40, UInt32.self)), target: Int(load(at + 44, UInt32.self)))
    }
    func isInWindow(_ place: UInt64, _ section: Section) -> Bool {
      load(section.offset + Int(place - section.address), UInt64.self) >= SymbolTable.window
    }
    let relocations: UInt32 = 4
    for section in sections where section.type == relocations {
      let target = sections[section.target]
      guard target.address >= SymbolTable.window else { continue }
      for entry in stride(from: section.offset, to: section.offset + section.size, by: 24) {
        let place = load(entry, UInt64.self)
        let is64Bit = load(entry + 8, UInt32.self) == 1
        if is64Bit, isInWindow(place, target) { places.append(place) }
      }
    }
    let marks = Self.marks(bytes, sections)
    for place in stride(from: marks.lowerBound, to: marks.upperBound, by: 8) {
      let holder = sections.first {
        $0.address >= SymbolTable.window && $0.address <= place
          && place - $0.address < UInt64($0.size)
      }
      if let holder, isInWindow(place, holder) { places.append(place) }
    }
  }

  private static func marks(
    _ bytes: UnsafeRawBufferPointer, _ sections: [Section]
  ) -> Range<UInt64> {
    var found: [String: UInt64] = [:]
    let symbols: UInt32 = 2
    for section in sections where section.type == symbols {
      let names = sections[section.link].offset
      for entry in stride(from: section.offset, to: section.offset + section.size, by: 24) {
        let name = names + Int(bytes.loadUnaligned(fromByteOffset: entry, as: UInt32.self))
        guard bytes[name] == 0x67 else { continue }  // g
        let text = String(decoding: bytes[name...].prefix { $0 != 0 }, as: UTF8.self)
        found[text] = bytes.loadUnaligned(fromByteOffset: entry + 8, as: UInt64.self)
      }
    }
    guard let start = found["got_start"], let end = found["got_end"], start <= end else {
      SymbolGenerator.fail("the image does not say where its global offset table is")
    }
    return start..<end
  }
}
