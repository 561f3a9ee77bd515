import GuestKernel
import Testing

/// Writes relocatable objects for tests, one section of code and one of data.
private struct ObjectWriter {
  struct Symbol {
    var name: String
    var binding: UInt8
    var section: UInt16
    var value: UInt64
  }
  struct Relocation {
    var offset: UInt64
    var type: UInt64
    var symbol: UInt64
    var addend: Int64
  }
  var code: [UInt8] = Array(repeating: 0x90, count: 64)
  var data: [UInt8] = Array(repeating: 0, count: 32)
  var symbols: [Symbol] = []
  var relocations: [Relocation] = []

  /// Sections: 1 code, 2 data, 3 relocations of the code, 4 symbols, 5 names of symbols, 6 of sections.
  func bytes() -> [UInt8] {
    var names: [UInt8] = [0]
    var table = [UInt8](repeating: 0, count: 24)
    for symbol in symbols {
      table += little(UInt64(names.count), 4) + [symbol.binding << 4 | 1, 0]
      table += little(UInt64(symbol.section), 2) + little(symbol.value, 8) + little(8, 8)
      names += Array(symbol.name.utf8) + [0]
    }
    var rela: [UInt8] = []
    for r in relocations {
      rela += little(r.offset, 8) + little(r.symbol << 32 | r.type, 8)
      rela += little(UInt64(bitPattern: r.addend), 8)
    }
    let sectionNames = Array("\0.text\0.data\0.rela.text\0.symtab\0.strtab\0.shstrtab\0".utf8)
    var file = [UInt8](repeating: 0, count: 64)
    var headers = [UInt8](repeating: 0, count: 64)
    func add(
      _ name: Int, _ type: UInt64, _ flags: UInt64, _ body: [UInt8], link: UInt64 = 0,
      target: UInt64 = 0
    ) {
      headers += little(UInt64(name), 4) + little(type, 4) + little(flags, 8) + little(0, 8)
      headers += little(UInt64(file.count), 8) + little(UInt64(body.count), 8)
      headers += little(link, 4) + little(target, 4) + little(16, 8) + little(0, 8)
      file += body
    }
    add(1, 1, 6, code)
    add(7, 1, 3, data)
    add(13, 4, 0, rela, link: 4, target: 1)
    add(24, 2, 0, table, link: 5, target: 1)
    add(32, 3, 0, names)
    add(40, 3, 0, sectionNames)
    let header =
      [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 9) + little(1, 2)
      + little(62, 2) + little(1, 4) + little(0, 16) + little(UInt64(file.count), 8)
      + little(0, 4) + little(64, 2) + little(0, 4) + little(64, 2) + little(7, 2) + little(6, 2)
    file.replaceSubrange(0..<64, with: header)
    return file + headers
  }

  private func little(_ value: UInt64, _ count: Int) -> [UInt8] {
    (0..<count).map { $0 < 8 ? UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) : 0 }
  }
}

private let base: UInt64 = 0x7fff_c000_0000
private let kernelFunction: UInt64 = 0x7fff_8012_3450

/// Links an object against a kernel that has `kernel_function` and nothing else.
private func link(_ writer: ObjectWriter) throws(ModuleError) -> [UInt8] {
  let bytes = writer.bytes()
  var outcome = Result<[UInt8], ModuleError>.failure(.notObject)
  bytes.withUnsafeBytes { buffer in
    do throws(ModuleError) {
      let layout = try ModuleLayout(
        try ModuleObject(buffer),
        kernel: { Array($0) == Array("kernel_function".utf8) ? kernelFunction : nil },
        modules: { _ in nil })
      outcome = .success(
        try layout.link(at: base, addresses: try layout.addresses(at: base)))
    } catch {
      outcome = .failure(error)
    }
  }
  return try outcome.get()
}

@Suite struct ModuleTests {
  private func word(_ image: [UInt8], _ offset: Int, _ size: Int = 4) -> UInt64 {
    image[offset..<offset + size].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  @Test func relocationsReachKernelAndData() throws {
    var writer = ObjectWriter()
    writer.symbols = [
      .init(name: "kernel_function", binding: 1, section: 0, value: 0),
      .init(name: "variable", binding: 1, section: 2, value: 8),
    ]
    writer.relocations = [
      .init(offset: 1, type: 4, symbol: 1, addend: -4),
      .init(offset: 16, type: 2, symbol: 2, addend: -4),
      .init(offset: 24, type: 1, symbol: 2, addend: 4),
      .init(offset: 40, type: 42, symbol: 1, addend: -4),
    ]
    let image = try link(writer)
    #expect(image.count == 12288)
    #expect(word(image, 1) == (kernelFunction &- 4 &- (base + 1)) & 0xffff_ffff)
    #expect(word(image, 16) == 8192 + 8 - 4 - 16)
    #expect(word(image, 24, 8) == base + 8192 + 8 + 4)
    // The GOT relocation leads to a slot among the constants that holds the address.
    let slot = Int(Int32(truncatingIfNeeded: word(image, 40))) + 4 + 40
    #expect(slot >= 4096 && slot < 8192)
    #expect(word(image, slot, 8) == kernelFunction)
  }

  @Test func aWeakSymbolIsTheKernels() throws {
    var writer = ObjectWriter()
    writer.symbols = [.init(name: "kernel_function", binding: 2, section: 1, value: 0)]
    writer.relocations = [.init(offset: 24, type: 1, symbol: 1, addend: 0)]
    // All that the code section defines is the kernel's, so nothing of it remains.
    #expect(try link(writer).count == 8192 - 4096)
    writer.symbols.append(.init(name: "own", binding: 1, section: 1, value: 32))
    let image = try link(writer)
    #expect(word(image, 24, 8) == kernelFunction)
  }

  @Test func whatIsWrongIsSaid() {
    var writer = ObjectWriter()
    writer.symbols = [.init(name: "nobody", binding: 1, section: 0, value: 0)]
    writer.relocations = [.init(offset: 0, type: 4, symbol: 1, addend: -4)]
    #expect(throws: ModuleError.undefinedSymbol(Array("nobody".utf8))) { try link(writer) }
    writer.symbols = [.init(name: "own", binding: 1, section: 1, value: 0)]
    writer.relocations = [.init(offset: 62, type: 2, symbol: 1, addend: 0)]
    #expect(throws: ModuleError.relocationOutside) { try link(writer) }
    writer.relocations = [.init(offset: 0, type: 77, symbol: 1, addend: 0)]
    #expect(throws: ModuleError.unknownRelocation(77)) { try link(writer) }
    writer.relocations = [.init(offset: 0, type: 10, symbol: 1, addend: 0)]
    #expect(throws: ModuleError.relocationOverflow(Array("own".utf8))) { try link(writer) }
    writer.relocations = []
    writer.symbols = [.init(name: "$e6Kernel8registrySivp", binding: 2, section: 2, value: 0)]
    #expect(throws: ModuleError.copiedVariable(Array("$e6Kernel8registrySivp".utf8))) {
      try link(writer)
    }
  }

  /// Damaged files end in an error, never in a trap.
  @Test func anyDamageIsAnError() {
    var writer = ObjectWriter()
    writer.symbols = [.init(name: "kernel_function", binding: 1, section: 0, value: 0)]
    writer.relocations = [.init(offset: 1, type: 4, symbol: 1, addend: -4)]
    let good = writer.bytes()
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<3000 {
      var bytes = good
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(
          in: 0...255, using: &generator)
      }
      bytes.withUnsafeBytes { buffer in
        guard let object = try? ModuleObject(buffer),
          let layout = try? ModuleLayout(object, kernel: { _ in 1 }, modules: { _ in nil }),
          let addresses = try? layout.addresses(at: base)
        else { return }
        _ = try? layout.link(at: base, addresses: addresses)
      }
    }
  }

  @Test func symbolsHaveReadableNames() {
    let about = ModuleDescription(Array("symbol=$e1a1fyyF:f()\0symbol=$e1bad\0".utf8))
    #expect(about.readableName(of: Array("$e1a1fyyF".utf8)) == Array("f()".utf8))
    #expect(about.readableName(of: Array("$e1bad".utf8)) == Array("$e1bad".utf8))
    #expect(about.readableName(of: Array("module_init".utf8)) == Array("module_init".utf8))
  }

  @Test func descriptionsAndParameters() {
    let text =
      "name=a\0license=MIT\0depends=b,c\0parameter=n:int:how many: really\0parameter=x:odd:?"
    let about = ModuleDescription(Array(text.utf8))
    #expect(about.name == Array("a".utf8))
    #expect(about.depends == [Array("b".utf8), Array("c".utf8)])
    #expect(about.parameters.count == 1)
    #expect(about.parameters[0].meaning == Array("how many: really".utf8))
    func value(_ text: String, _ type: ModuleDescription.ParameterType) -> ModuleValue? {
      ModuleValue(Array(text.utf8), as: type)
    }
    #expect(value("-5", .int) == .number(UInt64(bitPattern: -5)))
    #expect(value("-9223372036854775808", .int) == .number(1 << 63))
    #expect(value("9223372036854775808", .int) == nil)
    #expect(value("0xff", .uint) == .number(255))
    #expect(value("-1", .uint) == nil)
    #expect(value("y", .bool) == .flag(true))
    #expect(value("2", .bool) == nil)
  }

  @Test func optionsOfTheCommandLine() {
    let line =
      "modules=a,b a.count=3 module_blacklist=c module.sig_enforce loglevel=4 trace=x kgdbwait"
    let options = BootOptions(commandLine: Array(line.utf8))
    #expect(options.module.names == [Array("a".utf8), Array("b".utf8)])
    #expect(options.module.parameters.first?.assignment == Array("count=3".utf8))
    #expect(options.module.blacklist == [Array("c".utf8)])
    #expect(options.module.requiresSignatures)
    #expect(options.debug.logLevel == 4)
    #expect(options.debug.debuggerPort == 2)
    #expect(options.debug.waitsForDebugger)
    #expect(options.unknown.isEmpty)
  }
}
