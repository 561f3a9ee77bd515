// ksymgen DEMANGLER IN.elf OUT     writes the kernel's symbol table as assembly, with readable names, and
//                                  where its image has addresses that change when it is moved
// ksymgen --check A.elf B.elf OUT  fails unless both images have the same symbols, else writes OUT
import Foundation

@main
enum SymbolGenerator {
  static func main() throws {
    let arguments = CommandLine.arguments
    if arguments.count == 5, arguments[1] == "--check" {
      let first = try SymbolTable(path: arguments[2])
      let second = try SymbolTable(path: arguments[3])
      guard first.symbols == second.symbols else { fail("the second link moved a symbol") }
      try "\(first.symbols.count) symbols\n".write(
        toFile: arguments[4], atomically: true, encoding: .utf8)
    } else if arguments.count == 4 {
      let symbols = try SymbolTable(path: arguments[2]).symbols
      let names = try Demangler.readable(symbols.map(\.name), by: arguments[1])
      let text =
        assembly(zip(symbols, names).map { ($0.address, $1) }) + hashes(symbols)
        + relocations(try ImageRelocations(path: arguments[2]).places)
      try text.write(toFile: arguments[3], atomically: true, encoding: .utf8)
    } else {
      fail("usage: ksymgen DEMANGLER IN.elf OUT | ksymgen --check A.elf B.elf OUT")
    }
  }

  static func fail(_ reason: String) -> Never {
    FileHandle.standardError.write(Data("ksymgen: \(reason)\n".utf8))
    exit(1)
  }

  /// One entry per symbol, in the order of addresses: the offset in the kernel's window and the offset
  /// of the name.
  private static func assembly(_ symbols: [(address: UInt64, name: String)]) -> String {
    var table = "  .section .kallsyms, \"a\"\n  .balign 4\n"
    var names = "  .section .kallsyms.names, \"a\"\n"
    var offsets: [String: Int] = [:]
    var end = 0
    for (address, name) in symbols {
      let offset = offsets[name] ?? end
      if offset == end {
        offsets[name] = end
        names += "  .asciz \"\(name)\"\n"
        end += name.utf8.count + 1
      }
      table += "  .long \(address - SymbolTable.window), \(offset)\n"
    }
    return table + names
  }

  /// The addresses by the hash of the linker's name, in the order of hashes.
  ///
  /// A name that stands at two addresses is one of a file's own symbols: nobody else may mean it.
  private static func hashes(_ symbols: [SymbolTable.Symbol]) -> String {
    var addresses: [String: UInt64] = [:]
    var ambiguous: Set<String> = []
    for symbol in symbols {
      if let other = addresses.updateValue(symbol.address, forKey: symbol.name),
        other != symbol.address
      {
        ambiguous.insert(symbol.name)
      }
    }
    var entries: [UInt64: UInt64] = [:]
    for (name, address) in addresses where !ambiguous.contains(name) {
      let hash = Array(name.utf8).withUnsafeBytes { SymbolHash.of($0) }
      if entries.updateValue(address - SymbolTable.window, forKey: hash) != nil {
        fail("two symbols have the hash of \(name)")
      }
    }
    var table = "  .section .ksymhash, \"a\"\n  .balign 4\n"
    for (hash, offset) in entries.sorted(by: { $0.key < $1.key }) {
      table += "  .long \(hash >> 32), \(hash & 0xffff_ffff), \(offset)\n"
    }
    return table
  }
}

extension SymbolGenerator {
  /// As bytes from the window's beginning, which is where physical memory begins.
  private static func relocations(_ places: [UInt64]) -> String {
    "  .section .relocations, \"a\"\n  .balign 4\n"
      + places.map { "  .long \($0 - SymbolTable.window)\n" }.joined()
  }
}

/// The functions and objects of an ELF64 image that lie in the kernel's window.
struct SymbolTable {
  struct Symbol: Equatable {
    var address: UInt64
    var name: String
  }

  static let window: UInt64 = 0x7fff_8000_0000
  private(set) var symbols: [Symbol] = []

  init(path: String) throws {
    let data = try Data(contentsOf: URL(filePath: path))
    data.withUnsafeBytes { read($0) }
    symbols.sort { $0.address != $1.address ? $0.address < $1.address : $0.name < $1.name }
  }

  private mutating func read(_ bytes: UnsafeRawBufferPointer) {
    func half(_ offset: Int) -> Int {
      Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }
    func word(_ offset: Int) -> Int {
      Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
    func long(_ offset: Int) -> Int {
      Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
    let sections = long(40)
    let symbolTable = 2
    for index in 0..<half(60) where word(sections + index * 64 + 4) == symbolTable {
      let section = sections + index * 64
      let strings = long(sections + word(section + 40) * 64 + 24)
      let start = long(section + 24)
      for entry in stride(from: start + 24, to: start + long(section + 32), by: 24) {
        let isNamed = bytes[entry + 4] & 15 <= 2
        let address = UInt64(long(entry + 8))
        guard isNamed, half(entry + 6) > 0, half(entry + 6) < 0xff00, address >= Self.window else {
          continue
        }
        let text = bytes[(strings + word(entry))...].prefix { $0 != 0 }
        let name = String(decoding: text, as: UTF8.self)
        if !name.isEmpty, !name.hasPrefix(".L"), !Self.isLinkers(name) {
          symbols.append(Symbol(address: address, name: name))
        }
      }
    }
  }

  /// Marks of the linker script: they name no function, and some move with the table itself.
  private static func isLinkers(_ name: String) -> Bool {
    name.hasSuffix("_start") && !["thread_start", "high_start"].contains(name)
      || name.hasSuffix("_end") && name != "kernel_thread_end" || name.hasPrefix("kallsyms")
      || name.hasPrefix("ksymhash")
  }
}
