// modpost identity SEED GEN TEXT FILES...       the key and the identity of the kernel these files make
// modpost describe NAME ABOUT IDENTITY OBJECT OUT OTHERS...   a module's .modinfo
// modpost stub OBJECT OUT                       assembly with the names that the kernel's object defines
// modpost roots OUT KEEP OBJECTS...             what must stay when a module is joined, as options and names
// modpost unbind IN OUT                         names that came from the stub become undefined
// modpost needs OUT OBJECTS...                  the symbols that modules want of the kernel, for its link
// modpost check KERNEL OUT OBJECTS...           fails if a module wants what nobody has
// modpost sign SEED IN OUT                      appends a signature
import Foundation

@main
enum ModulePost {
  static func main() throws {
    let arguments = Array(CommandLine.arguments.dropFirst())
    switch (arguments.first, arguments.count) {
    case ("identity", 5...): try writeIdentity(arguments)
    case ("describe", 6...): try describe(arguments)
    case ("stub", 3): try writeStub(arguments)
    case ("roots", 4...): try writeRoots(arguments)
    case ("unbind", 3): try unbind(arguments)
    case ("needs", 2...): try writeNeeds(arguments)
    case ("check", 3...): try check(arguments)
    case ("sign", 4): try sign(arguments)
    default: fail("usage: modpost identity|describe|stub|roots|unbind|needs|check|sign ...")
    }
  }

  static func fail(_ reason: String) -> Never {
    FileHandle.standardError.write(Data("modpost: \(reason)\n".utf8))
    exit(1)
  }

  static func read(_ path: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(filePath: path)))
  }

  static func write(_ bytes: [UInt8], _ path: String) throws {
    try Data(bytes).write(to: URL(filePath: path))
  }

  /// The secret key: 64 hexadecimal digits.
  static func secret(_ path: String) throws -> [UInt8] {
    let text = String(decoding: try read(path), as: UTF8.self).split(separator: "\n").last ?? ""
    var bytes: [UInt8] = []
    var digits = text[...]
    while let byte = UInt8(digits.prefix(2), radix: 16), digits.count >= 2 {
      bytes.append(byte)
      digits = digits.dropFirst(2)
    }
    guard bytes.count == 32 else { fail("\(path) has no key of 64 hexadecimal digits") }
    return bytes
  }

  /// A module fits the kernel whose classes and records it was compiled with: the hash of all sources.
  static func writeIdentity(_ arguments: [String]) throws {
    var hash = SHA512()
    for path in arguments[4...] { try read(path).withUnsafeBytes { hash.update($0) } }
    let identity = hash.finish().prefix(8).map { String(format: "%02x", $0) }.joined()
    let key = Ed25519.publicKey(of: try secret(arguments[1])).map { String($0) }
    let text = """
        .section .rodata.module_key, "a"
        .globl module_key, module_identity
      module_key: .byte \(key.joined(separator: ", "))
      module_identity: .asciz "\(identity)"

      """
    try write(Array(text.utf8), arguments[2])
    try write(Array(identity.utf8), arguments[3])
  }

  static func sign(_ arguments: [String]) throws {
    let module = try read(arguments[2])
    let secret = try secret(arguments[1])
    let signature = module.withUnsafeBytes { Ed25519.sign($0, with: secret) }
    try write(module + ModuleSignature.trailer(signature), arguments[3])
  }
}

// MARK: Symbols

extension ModulePost {
  /// An object file's symbols: those it wants, and those that other modules may use.
  struct Names {
    var wanted: [String] = []
    var exported: Set<String> = []
    /// What it defines for good, visible to others or not.
    var own: [String] = []
    /// Weak copies of the kernel's own variables: the kernel must have these too.
    var shared: [String] = []
  }

  static func names(_ path: String) throws -> Names {
    var names = Names()
    let bytes = try read(path)
    bytes.withUnsafeBytes { buffer in
      do throws(ModuleError) {
        let object = try ModuleObject(buffer)
        for index in 1..<object.symbolCount {
          let symbol = try object.symbol(index)
          let name = String(decoding: object.name(of: symbol), as: UTF8.self)
          let isVariable = name.hasSuffix("vpZ") || name.hasSuffix("vp")
          if symbol.isUndefined {
            if symbol.binding != .weak { names.wanted.append(name) }
          } else if symbol.binding == .weak, name.hasPrefix("$e6Kernel"), isVariable {
            names.shared.append(name)
          } else if symbol.binding == .global {
            names.own.append(name)
            if symbol.isVisible { names.exported.insert(name) }
          }
        }
      } catch {
        fail("\(path): \(error)")
      }
    }
    return names
  }

  static func describe(_ arguments: [String]) throws {
    let name = arguments[1]
    var entries = ["name=\(name)"]
    let about = String(decoding: try read(arguments[2]), as: UTF8.self)
    for line in about.split(separator: "\n") where !line.hasPrefix("#") {
      let parts = line.split(separator: "=", maxSplits: 1).map {
        $0.trimmingCharacters(in: .whitespaces)
      }
      guard parts.count == 2 else { fail("\(arguments[2]): expected KEY = VALUE, found: \(line)") }
      entries.append("\(parts[0])=\(parts[1])")
    }
    let wanted = try names(arguments[4]).wanted
    var depends: [String] = []
    for path in arguments[7...] where path != arguments[4] {
      let other = try names(path).exported
      if wanted.contains(where: { other.contains($0) }) {
        let file = URL(filePath: path).lastPathComponent
        depends.append(String(file.prefix { $0 != "." }))
      }
    }
    entries.append("depends=\(depends.sorted().joined(separator: ","))")
    entries.append("identity=\(String(decoding: try read(arguments[3]), as: UTF8.self))")
    let mangled = try names(arguments[4]).own.filter { $0.hasPrefix("$") }.sorted()
    let readable = mangled.isEmpty ? [] : try Demangler.readable(mangled, by: arguments[6])
    for (symbol, name) in zip(mangled, readable) { entries.append("symbol=\(symbol):\(name)") }
    let section = Array(entries.joined(separator: "\0").utf8) + [0]
    try checkParameters(section, name, object: arguments[4])
    try write(section, arguments[5])
  }

  private static func checkParameters(
    _ section: [UInt8], _ module: String, object path: String
  ) throws {
    let bytes = try read(path)
    bytes.withUnsafeBytes { buffer in
      guard let object = try? ModuleObject(buffer) else { fail("\(path): not an object file") }
      for parameter in ModuleDescription(section).parameters {
        let symbol = try? object.parameterSymbol(parameter, module: Array(module.utf8))
        guard symbol != nil else {
          let name = String(decoding: parameter.name, as: UTF8.self)
          fail("module \(module): no public variable \(name) of the type its parameter has")
        }
      }
    }
  }

  /// Keeps what modules use from being removed as unused when the kernel is linked.
  static func writeNeeds(_ arguments: [String]) throws {
    let all = try arguments[2...].map { try names($0) }
    var wanted = Set(all.flatMap { $0.wanted + $0.shared })
    for names in all { wanted.subtract(names.exported) }
    let text = wanted.sorted().map { "EXTERN(\"\($0)\")\n" }.joined()
    try write(Array(text.utf8), arguments[1])
  }

  /// Every Swift object carries copies of what it uses of the kernel.
  ///
  /// Joined with a stub that defines the
  /// kernel's names, once and for all, the copies lose and are removed as unused; then the names are made
  /// undefined again, for the loader to find.
  static func writeStub(_ arguments: [String]) throws {
    var text = ""
    for name in try SymbolNames(path: arguments[1]).defined.sorted() {
      text += "  .globl \"\(name)\"\n  .set \"\(name)\", 1\n"
    }
    try write(Array(text.utf8), arguments[2])
  }

  static func writeRoots(_ arguments: [String]) throws {
    let roots = try arguments[3...].flatMap { try names($0).own }
    try write(Array(roots.map { "-u \($0)\n" }.joined().utf8), arguments[1])
    try write(Array(roots.map { "\($0)\n" }.joined().utf8), arguments[2])
  }

  static func unbind(_ arguments: [String]) throws {
    var bytes = try read(arguments[1])
    let places: [Int] = bytes.withUnsafeBytes { buffer in
      guard let object = try? ModuleObject(buffer) else {
        fail("\(arguments[1]): not an object file")
      }
      let table = object.sections[object.symbolTable].offset
      return (1..<object.symbolCount).filter {
        guard let symbol = try? object.symbol($0) else { return false }
        return symbol.isAbsolute && symbol.binding == .global && symbol.value == 1
      }.map { table + $0 * 24 }
    }
    for place in places {
      for offset in 6..<24 { bytes[place + offset] = 0 }
    }
    try write(bytes, arguments[2])
  }

  static func check(_ arguments: [String]) throws {
    let kernel = try SymbolNames(path: arguments[1]).all
    let all = try arguments[3...].map { try names($0) }
    let exported = all.reduce(Set<String>()) { $0.union($1.exported) }
    for (path, names) in zip(arguments[3...], all) {
      let file = URL(filePath: path).lastPathComponent
      for name in names.wanted where !kernel.contains(name) && !exported.contains(name) {
        fail("\(file): neither the kernel nor a module has \(name)")
      }
      for name in names.shared where !kernel.contains(name) {
        fail("\(file): it would have its own copy of the kernel's variable \(name)")
      }
    }
    try write(Array("\(all.count) modules\n".utf8), arguments[2])
  }
}

/// The names in the symbol table of an ELF64 file of any type.
struct SymbolNames {
  private(set) var all: Set<String> = []
  /// Those that are defined, and not only for their own file.
  private(set) var defined: Set<String> = []

  init(path: String) throws {
    let data = try Data(contentsOf: URL(filePath: path))
    data.withUnsafeBytes { bytes in
      let sections = Int(bytes.word64(40))
      let symbolTable: UInt64 = 2
      for index in 0..<Int(bytes.word16(60)) {
        let section = sections + index * 64
        guard bytes.word32(section + 4) == symbolTable else { continue }
        let strings = Int(bytes.word64(sections + Int(bytes.word32(section + 40)) * 64 + 24))
        let start = Int(bytes.word64(section + 24))
        for entry in stride(from: start, to: start + Int(bytes.word64(section + 32)), by: 24) {
          let name = bytes[(strings + Int(bytes.word32(entry)))...].prefix { $0 != 0 }
          let text = String(decoding: name, as: UTF8.self)
          all.insert(text)
          if bytes[entry + 4] >> 4 != 0, bytes.word16(entry + 6) != 0 { defined.insert(text) }
        }
      }
    }
  }
}
