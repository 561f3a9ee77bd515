import CDw
import Emulator
import Glibc

extension DebugFile {
  private func lines(_ unit: Int) -> LineTable {
    if let rows = units[unit].rows { return rows }
    let table = LineTable(&units[unit].entry)
    units[unit].rows = table
    return table
  }

  /// Where the code at an address comes from: the innermost function first, then those that it was
  /// inlined into; empty if nothing is known.
  public func places(at address: UInt64) -> [SourcePlace] {
    let address = slide?.linked(address) ?? address
    guard let unit = unit(at: address) else { return [] }
    let table = lines(unit)
    var place = SourcePlace()
    if let row = table.row(at: address) {
      place.path = table.path(row)
      place.line = Int(row.line)
      place.column = Int(row.column)
    }
    var places: [SourcePlace] = []
    for var scope in scopes(at: address, unit: unit) {
      let tag = Int(dwarf_tag(&scope))
      guard tag == DW_TAG_inlined_subroutine || tag == DW_TAG_subprogram else { continue }
      place.function = Self.name(of: &scope)
      place.isInlined = tag == DW_TAG_inlined_subroutine
      places.append(place)
      guard place.isInlined else { break }
      place = callSite(of: &scope, unit: unit)
    }
    if places.isEmpty, place.path != nil { places = [place] }
    return places
  }

  /// The innermost scope around an address and those around it, as the code is nested.
  private func scopes(at address: UInt64, unit: Int) -> [Dwarf_Die] {
    var found: UnsafeMutablePointer<Dwarf_Die>?
    let count = dwarf_getscopes(&units[unit].entry, address, &found)
    defer { free(found) }
    guard count > 0, let found else { return [] }
    // What is around an inlined function in that list is its definition's surroundings.
    var nested: UnsafeMutablePointer<Dwarf_Die>?
    let depth = dwarf_getscopes_die(found, &nested)
    defer { free(nested) }
    guard depth > 0, let nested else { return [] }
    return Array(UnsafeBufferPointer(start: nested, count: Int(depth)))
  }

  private func callSite(of scope: inout Dwarf_Die, unit: Int) -> SourcePlace {
    var place = SourcePlace()
    place.line = Self.number(DW_AT_call_line, of: &scope) ?? 0
    place.column = Self.number(DW_AT_call_column, of: &scope) ?? 0
    var files: OpaquePointer?
    var count = 0
    guard let index = Self.number(DW_AT_call_file, of: &scope),
      dwarf_getsrcfiles(&units[unit].entry, &files, &count) == 0, let files, index < count,
      let path = dwarf_filesrc(files, index, nil, nil)
    else { return place }
    place.path = String(cString: path)
    return place
  }

  private static func number(_ attribute: Int, of entry: inout Dwarf_Die) -> Int? {
    var found = Dwarf_Attribute()
    var value: Dwarf_Word = 0
    guard dwarf_attr(&entry, UInt32(attribute), &found) != nil,
      dwarf_formudata(&found, &value) == 0
    else { return nil }
    return Int(clamping: value)
  }

  private static func string(_ attribute: Int, of entry: inout Dwarf_Die) -> String? {
    var found = Dwarf_Attribute()
    guard dwarf_attr_integrate(&entry, UInt32(attribute), &found) != nil,
      let text = dwarf_formstring(&found)
    else { return nil }
    return String(cString: text)
  }

  /// A function's name: decoded from what the linker sees, if its language encodes it.
  private static func name(of entry: inout Dwarf_Die) -> String? {
    if let linkage = string(DW_AT_linkage_name, of: &entry) {
      let decoded = Demangler.demangle(linkage)
      if decoded != linkage { return decoded }
    }
    return string(DW_AT_name, of: &entry)
  }

  /// Where the code of a line begins; of the next line that has any, if the line itself has none.
  public func code(file: String, line: Int) -> (line: Int, addresses: [UInt64])? {
    var best: (line: Int, addresses: [UInt64])?
    for unit in units.indices {
      guard let found = lines(unit).code(file: file, line: line) else { continue }
      guard let other = best, other.line <= found.line else {
        best = found
        continue
      }
      if other.line == found.line { best = (other.line, other.addresses + found.addresses) }
    }
    return best.map { found in
      (found.line, Set(found.addresses).sorted().map { slide?.moved($0) ?? $0 })
    }
  }

  /// The paths of the source files, in order.
  public var sourceFiles: [String] {
    Array(Set(units.indices.flatMap { lines($0).files })).sorted()
  }

  /// Every statement of the line tables: where it begins, and its file and line.
  public var statements: [(address: UInt64, path: String, line: Int)] {
    units.indices.flatMap { (unit) -> [(address: UInt64, path: String, line: Int)] in
      let table = lines(unit)
      return table.rows.compactMap { row in
        guard row.isStatement, !row.isEnd, row.line > 0 else { return nil }
        return table.path(row).map { (slide?.moved(row.address) ?? row.address, $0, Int(row.line)) }
      }
    }
  }
}
