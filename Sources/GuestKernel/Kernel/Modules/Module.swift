/// A piece of the kernel that came later: code, what it says about itself, and who uses it.
import KernelArch

final class Module {
  enum State {
    case coming
    case live
    case going

    var name: StaticString {
      switch self {
      case .coming: "Loading"
      case .live: "Live"
      case .going: "Unloading"
      }
    }
  }

  /// A parameter and where its variable lies, or the function that says where.
  struct Parameter {
    let declaration: ModuleDescription.Parameter
    let address: UInt64
  }

  /// A function or object of the module, for other modules and for backtraces.
  struct Symbol {
    let address: UInt64
    let size: UInt64
    let name: [UInt8]
    /// As the source has it, for backtraces.
    let readableName: [UInt8]
    let isExported: Bool
  }

  let description: ModuleDescription
  var name: [UInt8] { description.name }
  let base: UInt64
  let ends: [Int]
  var size: UInt64 { UInt64(ends[2]) }
  let isSigned: Bool
  fileprivate(set) var symbols: [Symbol] = []
  fileprivate(set) var parameters: [Parameter] = []
  var initHook: UInt64 = 0
  var exitHook: UInt64 = 0

  /// Lock for what follows: `Modules.lock`.
  var state = State.coming
  var references = 0
  /// The modules whose symbols this one uses; each counts it as a reference.
  var dependencies: [Module] = []

  init(_ description: ModuleDescription, base: UInt64, ends: [Int], isSigned: Bool) {
    self.description = description
    self.base = base
    self.ends = ends
    self.isSigned = isSigned
  }

  func contains(_ address: UInt64) -> Bool { address >= base && address < base + size }
  func containsCode(_ address: UInt64) -> Bool {
    address >= base && address < base + UInt64(ends[0])
  }

  /// Keeps the module from being unloaded; false when it is already on its way out.
  func hold() -> Bool {
    Modules.lock.withLockIRQ {
      guard state != .going else { return false }
      references += 1
      return true
    }
  }

  func letGo() { Modules.lock.withLockIRQ { references -= 1 } }

  /// Notes the symbols, hooks and parameters, when all addresses are known.
  func learn(_ layout: ModuleLayout, _ addresses: [UInt64]) throws(ModuleError) {
    for index in 1..<addresses.count {
      let symbol = try layout.object.symbol(index)
      guard symbol.type <= 2, layout.isOwn(index, symbol) else { continue }
      let name = Array(layout.object.name(of: symbol))
      guard !name.isEmpty, !name.starts(with: ".L") else { continue }
      if name.equals("module_init") { initHook = addresses[index] }
      if name.equals("module_exit") { exitHook = addresses[index] }
      let isHook = name.equals("module_init") || name.equals("module_exit")
      symbols.append(
        Symbol(
          address: addresses[index], size: symbol.size, name: name,
          readableName: description.readableName(of: name),
          isExported: symbol.binding == .global && symbol.isVisible && !isHook))
    }
    for declaration in description.parameters {
      guard let index = try layout.object.parameterSymbol(declaration, module: name) else {
        throw ModuleError.undefinedSymbol(declaration.name)
      }
      parameters.append(Parameter(declaration: declaration, address: addresses[index]))
    }
  }

  /// The last symbol at or before `address`.
  func symbol(at address: UInt64) -> Symbol? {
    var best: Symbol?
    for symbol in symbols where symbol.address <= address {
      if best.map({ $0.address < symbol.address }) ?? true { best = symbol }
    }
    return best
  }
}

// MARK: Parameters

extension Module.Parameter {
  private var memory: UnsafeMutableRawPointer {
    pointer_to(declaration.type == .string ? call_addressor(address) : address)
  }

  var value: ModuleValue {
    switch declaration.type {
    case .int, .uint: return .number(memory.load(as: UInt64.self))
    case .bool: return .flag(memory.load(as: UInt8.self) != 0)
    case .string: return .text(memory.load(as: [UInt8].self))
    }
  }

  func set(_ value: ModuleValue) {
    switch value {
    case .number(let number): memory.storeBytes(of: number, as: UInt64.self)
    case .flag(let isSet): memory.storeBytes(of: isSet ? 1 : 0, as: UInt8.self)
    case .text(let bytes): memory.assumingMemoryBound(to: [UInt8].self).pointee = bytes
    }
  }
}

extension Module {
  /// Sets `NAME=VALUE`; false when there is no such parameter or the value is not of its type.
  func set(_ assignment: [UInt8]) -> Bool {
    let parts = assignment.split(separator: 0x3d, maxSplits: 1, omittingEmptySubsequences: false)
    let value = parts.count > 1 ? Array(parts[1]) : []
    for parameter in parameters where parameter.declaration.name == Array(parts[0]) {
      guard let value = ModuleValue(value, as: parameter.declaration.type) else { return false }
      parameter.set(value)
      return true
    }
    return false
  }
}
