/// The modules that are loaded, who wants to hear of them, and what programs see of them.
import KernelArch

enum Modules {
  enum Event {
    case coming
    case live
    case going
    case gone
  }

  /// Guards the list and what changes in a module; backtraces look in without it.
  static let lock = SpinLock("modules", usesReserve: true)
  nonisolated(unsafe) private(set) static var all: [Module] = []
  /// Lock: `ModuleLoader.lock`.
  nonisolated(unsafe) private static var observers: [(Event, Module) -> Void] = []

  static func start() {
    ProcFS.add("modules") { text in
      for module in Modules.all { text.append(Modules.describe(module)) }
    }
    observe { event, module in
      switch event {
      case .live: publish(module)
      case .going: SysFS.remove(path(module))
      case .coming, .gone: break
      }
    }
  }

  static func find(_ name: [UInt8]) -> Module? {
    lock.withLockIRQ {
      for module in all where module.name == name { return module }
      return nil
    }
  }

  static func add(_ module: Module) { lock.withLockIRQ { all.append(module) } }
  static func remove(_ module: Module) { lock.withLockIRQ { all.removeAll { $0 === module } } }

  /// The module that an address lies in.
  static func containing(_ address: UInt64) -> Module? {
    guard Layout.modules.contains(address) else { return nil }
    for module in all where module.contains(address) { return module }
    return nil
  }

  /// A symbol that a loaded module exports, and whose it is.
  static func export(_ name: UnsafeRawBufferPointer) -> (address: UInt64, module: Module)? {
    for module in all where module.state == .live {
      for symbol in module.symbols
      where symbol.isExported && symbol.name.count == name.count && symbol.name == Array(name) {
        return (symbol.address, module)
      }
    }
    return nil
  }

  /// Has `observer` called for each module that comes or goes.
  static func observe(_ observer: @escaping (Event, Module) -> Void) { observers.append(observer) }

  static func announce(_ event: Event, _ module: Module) {
    for observer in observers { observer(event, module) }
  }
}

// MARK: What programs see

extension Modules {
  /// A line of /proc/modules: name, size, references, by whom, state, address, taint.
  private static func describe(_ module: Module) -> TextLine {
    var line: TextLine = "\(text: module.name) \(module.size) \(module.references) "
    var users = 0
    for other in all where other.dependencies.contains(where: { $0 === module }) {
      line.append(line: "\(text: other.name),")
      users += 1
    }
    line.append(users == 0 ? "- " : " ")
    line.append(line: "\(module.state.name) \(hex: module.base, digits: 16)")
    line.append(module.isSigned ? "\n" : " (E)\n")
    return line
  }

  /// The path below /sys of something of a module's.
  private static func path(_ module: Module, _ rest: TextLine = "") -> [UInt8] {
    let line: TextLine = "module/\(text: module.name)\(rest)"
    return line.withBytes { Array($0) }
  }

  /// /sys/module/NAME: who uses it, what it says about itself, where it lies, and its parameters.
  private static func publish(_ module: Module) {
    SysFS.add(path(module, "/refcnt")) { $0.append("\(module.references)\n") }
    SysFS.add(path(module, "/license")) { $0.append("\(text: module.description.license)\n") }
    // For GDB: add-symbol-file NAME.ko ADDRESS.
    SysFS.add(path(module, "/sections/.text")) { $0.append("\(hex: module.base)\n") }
    SysFS.add(path(module, "/initstate")) { $0.append("\(module.state.name)\n") }
    for parameter in module.parameters {
      let type = parameter.declaration.type
      SysFS.add(
        path(module, "/parameters/\(text: parameter.declaration.name)"), of: module,
        write: { bytes in
          var bytes = bytes
          while bytes.last == 0x0a || bytes.last == 0x20 { bytes.removeLast() }
          guard let value = ModuleValue(bytes, as: type) else { return .invalidArgument }
          parameter.set(value)
          return nil
        }
      ) { $0.append("\(parameter.value.line(as: type))\n") }
    }
  }
}
