import CElf

/// The functions and objects of an image, by address.
public struct SymbolTable: Sendable {
  /// One entry of `.symtab`.
  public struct Symbol: Equatable, Sendable {
    /// Where it begins.
    public let address: UInt64
    /// Its bytes, 0 where an assembler did not say.
    public let size: UInt64
    /// The name in the file.
    public let name: String

    /// The name as its author wrote it, if the language encodes names and the host can decode it.
    public var displayName: String { Demangler.demangle(name) }
  }

  /// The symbols in ascending order of address, as linked.
  private let symbols: [Symbol]
  private let maker = DecodedNames.Maker()

  /// Where the image is now, if it has moved: all addresses that come and go are those of the moved image.
  public var slide: ImageSlide?

  /// How many there are.
  public var count: Int { symbols.count }

  /// Reads the symbols of a kernel; one that is no ELF file has none.
  public init(_ image: KernelImage) {
    self.init(image.elf)
  }

  /// Reads the symbols of an image; none, or one that is stripped, has none.
  public init(_ elf: ELFImage?) {
    guard let elf else {
      symbols = []
      return
    }
    let found = try? ELFImage.withELF(elf.bytes) { handle in Self.read(handle) }
    symbols = (found ?? []).sorted { ($0.address, $1.size) < ($1.address, $0.size) }
  }

  /// The symbol that `address` lies in, and how far in.
  public func symbol(at address: UInt64) -> (symbol: Symbol, offset: UInt64)? {
    let address = slide?.linked(address) ?? address
    var low = 0
    var high = symbols.count
    while low < high {
      let middle = (low + high) / 2
      if symbols[middle].address <= address { low = middle + 1 } else { high = middle }
    }
    guard low > 0 else { return nil }
    let symbol = symbols[low - 1]
    let offset = address - symbol.address
    // Assembler labels without a size reach to the next symbol, but not for ever.
    guard offset < (symbol.size == 0 ? 0x10000 : symbol.size) else { return nil }
    return (moved(symbol), offset)
  }

  /// A symbol of the file where it is now.
  func moved(_ symbol: Symbol) -> Symbol {
    guard let slide else { return symbol }
    return Symbol(
      address: slide.moved(symbol.address), size: symbol.size, name: symbol.name)
  }

  /// The symbols that are so called in the file.
  func withName(_ name: String) -> [Symbol] { symbols.filter { $0.name == name }.map(moved) }

  /// The names that are encoded, as their authors wrote them, where they were linked.
  var decoded: DecodedNames { maker.names(symbols) }

  /// The symbols whose name in the file begins so, in the order of their addresses.
  public func symbols(prefix: String) -> [Symbol] {
    symbols.filter { $0.name.hasPrefix(prefix) }.map(moved)
  }

  /// The first symbol that begins in a range.
  public func first(in range: ClosedRange<UInt64>) -> Symbol? {
    let first = slide?.linked(range.lowerBound) ?? range.lowerBound
    let range = first...max(first, slide?.linked(range.upperBound) ?? range.upperBound)
    var low = 0
    var high = symbols.count
    while low < high {
      let middle = (low + high) / 2
      if symbols[middle].address < range.lowerBound { low = middle + 1 } else { high = middle }
    }
    return low < symbols.count && range.contains(symbols[low].address) ? moved(symbols[low]) : nil
  }

  /// `address` as `name+offset`, or nil.
  public func describe(_ address: UInt64) -> String? {
    guard let (symbol, offset) = symbol(at: address) else { return nil }
    return offset == 0 ? symbol.displayName : "\(symbol.displayName)+\(offset.hex)"
  }

  /// A return address as `name+offset`: the call lies before it, perhaps as a function's last act.
  public func describe(returnAddress address: UInt64) -> String? {
    guard address > 0, let (symbol, offset) = symbol(at: address - 1) else { return nil }
    return "\(symbol.displayName)+\((offset + 1).hex)"
  }

  /// The symbols with the most bytes.
  public func largest(_ count: Int) -> [Symbol] {
    Array(symbols.sorted { ($0.size, $1.address) > ($1.size, $0.address) }.prefix(count))
  }

  private static func read(_ elf: OpaquePointer) -> [Symbol] {
    var symbols: [Symbol] = []
    var section: OpaquePointer?
    while let next = elf_nextscn(elf, section) {
      section = next
      var header = GElf_Shdr()
      guard gelf_getshdr(next, &header) != nil, header.sh_type == UInt32(SHT_SYMTAB),
        header.sh_entsize > 0, let data = elf_getdata(next, nil)
      else { continue }
      let count = Int(clamping: UInt64(data.pointee.d_size) / header.sh_entsize)
      for index in 0..<count {
        guard let symbol = readSymbol(elf, data, index, names: header.sh_link) else { continue }
        symbols.append(symbol)
      }
    }
    return symbols
  }

  private static func readSymbol(
    _ elf: OpaquePointer, _ data: UnsafeMutablePointer<Elf_Data>, _ index: Int, names: UInt32
  ) -> Symbol? {
    var entry = GElf_Sym()
    guard gelf_getsym(data, Int32(truncatingIfNeeded: index), &entry) != nil,
      entry.st_shndx != UInt16(SHN_UNDEF)
    else { return nil }
    let type = Int32(entry.st_info & 0xF)
    guard type == STT_FUNC || type == STT_OBJECT || type == STT_NOTYPE, entry.st_name != 0,
      let name = elf_strptr(elf, Int(names), Int(entry.st_name))
    else { return nil }
    return Symbol(address: entry.st_value, size: entry.st_size, name: String(cString: name))
  }
}
