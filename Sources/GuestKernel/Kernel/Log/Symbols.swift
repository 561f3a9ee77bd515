/// The kernel's own symbols, written by Tools/ksymgen.swift between two links: `.kallsyms` has readable
/// names by address, `.ksymhash` has addresses by the names that linkers know. Modules add theirs.
import KernelArch

enum Symbols {
  static func isCode(_ address: UInt64) -> Bool {
    if address >= linker_text_start(), address < linker_text_end() { return true }
    return Modules.containing(address)?.containsCode(address) ?? false
  }

  /// The name of the function or object that `address` lies in, and the offset there.
  static func describe(_ address: UInt64) -> TextLine {
    if let module = Modules.containing(address) { return describe(address, in: module) }
    guard let entry = entry(at: address) else { return "?" }
    let offset = UInt32(truncatingIfNeeded: address &- Layout.image) &- entry.pointee.offset
    return "\(name(of: entry)) + \(offset)"
  }

  /// The name alone.
  static func name(at address: UInt64) -> TextLine {
    if let module = Modules.containing(address) {
      return "\(text: module.symbol(at: address)?.readableName ?? []) [\(text: module.name)]"
    }
    guard let entry = entry(at: address) else { return "?" }
    return name(of: entry)
  }

  private static func describe(_ address: UInt64, in module: Module) -> TextLine {
    guard let symbol = module.symbol(at: address) else { return "? [\(text: module.name)]" }
    return "\(text: symbol.readableName) + \(address - symbol.address) [\(text: module.name)]"
  }

  /// The same for the kernel's own code, from anywhere: without a look at the modules.
  static func kernelName(at address: UInt64) -> TextLine {
    entry(at: address).map(name(of:)) ?? "?"
  }

  private static func name(of entry: UnsafePointer<ksym_t>) -> TextLine {
    var line = TextLine()
    var name = address_of_kallsyms_names() + Int(entry.pointee.name)
    while name.pointee != 0 {
      line.append(byte: UInt8(bitPattern: name.pointee))
      name += 1
    }
    return line
  }

  /// Where the function of that readable name begins; its argument labels may be left out.
  static func function(named name: [UInt8]) -> UInt64? {
    let table = address_of_kallsyms_start()
    for index in 0..<(address_of_kallsyms_end() - table) {
      var text = address_of_kallsyms_names() + Int(table[index].name)
      var matched = 0
      while matched < name.count, UInt8(bitPattern: text.pointee) == name[matched] {
        text += 1
        matched += 1
      }
      let parenthesis: CChar = 0x28
      guard matched == name.count, text.pointee == 0 || text.pointee == parenthesis else {
        continue
      }
      let address = Layout.image + UInt64(table[index].offset)
      if address < linker_text_end() { return address }
    }
    return nil
  }

  /// Where the function or object that `address` lies in begins.
  static func start(of address: UInt64) -> UInt64 {
    if let module = Modules.containing(address) {
      return module.symbol(at: address)?.address ?? module.base
    }
    guard let entry = entry(at: address) else { return address }
    return Layout.image + UInt64(entry.pointee.offset)
  }

  /// The last symbol at or before `address`.
  private static func entry(at address: UInt64) -> UnsafePointer<ksym_t>? {
    guard address >= linker_text_start(), address < linker_data_end() else { return nil }
    let table = address_of_kallsyms_start()
    let offset = UInt32(truncatingIfNeeded: address &- Layout.image)
    var low = 0
    var high = address_of_kallsyms_end() - table
    while low < high {
      let middle = (low + high) / 2
      if table[middle].offset <= offset { low = middle + 1 } else { high = middle }
    }
    return low > 0 ? table + (low - 1) : nil
  }

  /// How many the kernel itself has; they are in the order of their addresses.
  static var count: Int { address_of_kallsyms_end() - address_of_kallsyms_start() }

  /// One of them, and whether it is code.
  static func symbol(_ index: Int) -> (address: UInt64, name: TextLine, isCode: Bool) {
    let entry = address_of_kallsyms_start() + index
    let address = Layout.image + UInt64(entry.pointee.offset)
    return (address, name(of: entry), address < linker_text_end())
  }

  /// Where the kernel has the symbol of that (mangled) name.
  static func address(of name: UnsafeRawBufferPointer) -> UInt64? {
    let hash = SymbolHash.of(name)
    let table = address_of_ksymhash_start()
    var low = 0
    var high = address_of_ksymhash_end() - table
    while low < high {
      let middle = (low + high) / 2
      let entry = table[middle]
      let found = UInt64(entry.high) << 32 | UInt64(entry.low)
      if found == hash { return Layout.image + UInt64(entry.offset) }
      if found < hash { low = middle + 1 } else { high = middle }
    }
    return nil
  }
}
