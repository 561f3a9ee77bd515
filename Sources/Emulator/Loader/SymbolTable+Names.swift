extension SymbolTable {
  /// What a name stands for: a function or an object, with the copies that a compiler made of it.
  public struct Meaning: Sendable {
    /// What to type for this and nothing else.
    public let name: String
    /// Where it is, in ascending order; several if it has copies.
    public let symbols: [Symbol]
    /// The one among them that is no copy.
    let original: Symbol?

    /// Where it begins, with its copies.
    public var addresses: [UInt64] { Array(Set(symbols.map(\.address))).sorted() }

    /// The one place where it begins: copies are not meant where there is an original.
    ///
    /// - Throws: If there are only copies.
    public func address() throws(NameError) -> UInt64 {
      if let original { return original.address }
      let addresses = addresses
      guard addresses.count > 1 else { return addresses[0] }
      let lines = symbols.map { "\n  0x\(String($0.address, radix: 16))  \($0.displayName)" }
      throw NameError(
        description: "`\(name)` has several copies; type the address of one:" + lines.joined())
    }
  }

  /// Why a name cannot be used: one clear message.
  public struct NameError: Error, CustomStringConvertible {
    /// The message.
    public let description: String
  }

  private static let listed = 100

  /// What a name stands for.
  ///
  /// - Parameter name: What the file has, what it is decoded to, or of a function with an encoded
  ///   name the end of its path, as `AddressSpace.fault`, also with labels, as `fault(_:access:)`.
  /// - Returns: The one thing, with its copies.
  /// - Throws: If it stands for nothing, or for several things.
  public func meaning(of name: String) throws(NameError) -> Meaning {
    let found = meanings(of: name)
    guard let first = found.first else {
      let near = nearestNames(to: name).joined(separator: ", ")
      throw NameError(
        description: "there is no symbol `\(name)`" + (near.isEmpty ? "" : "; the nearest: \(near)")
      )
    }
    guard found.count > 1 else { return first }
    var lines = found.prefix(Self.listed).map { meaning in
      let address = "0x" + String(meaning.symbols[0].address, radix: 16)
      let count = meaning.addresses.count - 1
      let copies = count == 0 ? "" : count == 1 ? " and a copy" : " and \(count) copies"
      let name = meaning.name == address ? meaning.symbols[0].displayName : meaning.name
      return "\n  \(address)\(copies)  \(name)"
    }
    if found.count > lines.count { lines.append("\n  and \(found.count - lines.count) more") }
    throw NameError(
      description: "`\(name)` may be any of these; type the name or the address:"
        + lines.joined())
  }

  /// Everything that a name may stand for, in the order of addresses.
  public func meanings(of name: String) -> [Meaning] {
    let found = groups(named: name)
    guard found.count > 1 else {
      return found.map { Meaning(name: name, symbols: $0.symbols, original: $0.original) }
    }
    return found.map { group in
      Meaning(
        name: uniqueName(of: group), symbols: group.symbols, original: group.original)
    }
  }

  /// The symbols of a name, whatever it may stand for.
  public func symbols(named name: String) -> [Symbol] {
    groups(named: name).flatMap(\.symbols)
  }

  /// The symbols that are so called in the file, or of which this is the whole path with the module.
  public func symbols(exactly name: String) -> [Symbol] {
    let own = withName(name)
    guard own.isEmpty, name.contains(".") else { return own }
    return decoded.names.compactMap { $0.source.path == name ? moved($0.symbol) : nil }
  }

  // MARK: Groups

  /// One function or object.
  struct Group {
    var symbols: [Symbol]
    var original: Symbol?
    let source: SourceName?
  }

  private func groups(named name: String) -> [Group] {
    let own = withName(name)
    if !own.isEmpty {
      return own.reduce(into: []) { groups, symbol in
        guard groups.last?.symbols.last?.address != symbol.address else { return }
        groups.append(Group(symbols: [symbol], original: symbol, source: nil))
      }
    }
    guard !name.isEmpty else { return [] }
    let names = decoded.names
    let declared = names.filter { $0.source.declaration == name }
    if !declared.isEmpty { return group(declared) }
    var path = name.split(separator: "::", omittingEmptySubsequences: false).joined(separator: ".")
    var labels: String?
    if path.hasSuffix(")"), let start = path.firstIndex(of: "(") {
      labels = String(path[start...])
      path = String(path[..<start])
    }
    let found = names.filter { $0.source.matches(path: path, labels: labels) }
    if !found.isEmpty { return group(found) }
    let accessors = names.filter { $0.source.matches(property: name) }
    if !accessors.isEmpty { return group(accessors) }
    return decoded.encoded.filter { $0.displayName == name }.map(moved)
      .map { Group(symbols: [$0], original: $0, source: nil) }
  }

  private func group(_ names: [DecodedNames.Name]) -> [Group] {
    var groups: [Group] = []
    var numbers: [String: Int] = [:]
    for name in names {
      let number = numbers[name.source.declaration] ?? groups.count
      if number == groups.count {
        numbers[name.source.declaration] = number
        groups.append(Group(symbols: [], original: nil, source: name.source))
      }
      let symbol = moved(name.symbol)
      groups[number].symbols.append(symbol)
      if !name.source.isCopy { groups[number].original = symbol }
    }
    return groups
  }

  /// The shortest name that stands for this only: of its path, with labels, with the module, or all of it.
  private func uniqueName(of group: Group) -> String {
    let address = "0x" + String(group.symbols[0].address, radix: 16)
    guard let source = group.source else { return address }
    let labels = source.labels ?? ""
    let short = String(source.shortPath)
    let candidates = [short, short + labels, source.path, source.path + labels]
    if let name = candidates.first(where: { groups(named: $0).count == 1 }) { return name }
    return groups(named: source.declaration).count == 1 ? "'\(source.declaration)'" : address
  }

  // MARK: Help for those who type

  private static let nearest = 5

  /// Names that look like one that there is not.
  public func nearestNames(to name: String) -> [String] {
    let wanted = Array(name.prefix { $0 != "(" }.lowercased().utf8)
    guard !wanted.isEmpty else { return [] }
    let depth = wanted.count { $0 == UInt8(ascii: ".") }
    let last = wanted.lastPart
    let limit = max(1, wanted.count / 4)
    var near: [(distance: Int, name: String)] = []
    for candidate in allNames {
      // As much of the path as was typed counts.
      let path = Array(candidate.lowercased().utf8)
      let part = path.suffix(parts: depth + 1)
      if part.count <= wanted.count + limit, wanted.count <= part.count + limit {
        let distance = part.distance(to: wanted[...])
        if distance <= limit { near.append((distance, candidate)) }
      }
      if depth > 0, path.lastPart == last { near.append((wanted.count + path.count, candidate)) }
    }
    var seen: Set<String> = []
    return near.sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }.map(\.name)
      .filter { seen.insert($0).inserted }.prefix(Self.nearest).map { $0 }
  }

  /// What may be typed for functions and objects, without modules, in order.
  public func completions(of prefix: String) -> [String] {
    Set(allNames.filter { $0.hasPrefix(prefix) }).sorted()
  }

  private var allNames: [String] {
    decoded.names.map { String($0.source.shortPath) } + decoded.plain
  }
}
