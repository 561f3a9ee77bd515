/// From a file to running kernel code: signature, layout, symbols, relocations, rights, init hook; and
/// the way back.
import KernelArch

enum ModuleLoader {
  /// Held while a module is loaded or unloaded, its hooks included: hooks do not load modules.
  static let lock = Mutex("module loader")

  /// Loads the bytes of a module file; `parameters` are `NAME=VALUE`.
  ///
  /// What went wrong is in the log, as the caller only learns a number.
  static func load(
    _ file: UnsafeRawBufferPointer, parameters: [[UInt8]]
  ) -> SystemError? {
    guard Configuration.MODULES else { return .noSuchCall }
    var error: SystemError?
    // Signatures are computed with numbers of many words, and nobody knows what init hooks need.
    KernelStacks.onLargeStack { error = lock.withLock { loadLocked(file, parameters) } }
    return error
  }

  private static func loadLocked(
    _ file: UnsafeRawBufferPointer, _ parameters: [[UInt8]]
  ) -> SystemError? {
    let (bytes, signature) = ModuleSignature.split(file)
    let isSigned = signature.map { verify($0, bytes) } ?? false
    if !isSigned, Power.options.module.requiresSignatures {
      let reason: StaticString = signature == nil ? "not signed" : "wrong signature"
      log("module", "refused: \(reason)")
      return .keyRejected
    }
    do throws(ModuleError) {
      let object = try ModuleObject(bytes)
      let section = object.section(named: ".modinfo").map { Array(object.bytes(of: $0)) } ?? []
      let description = ModuleDescription(section)
      if let error = admit(description) { return error }
      return try link(object, description, parameters, isSigned: isSigned)
    } catch {
      log("module", "refused: \(error.name)")
      return .badExecutable
    }
  }

  private static func verify(_ signature: [UInt8], _ bytes: UnsafeRawBufferPointer) -> Bool {
    guard Configuration.SIGNATURES else { return false }
    let key = Array(UnsafeBufferPointer(start: address_of_module_key(), count: 32))
    return Ed25519.verify(signature, of: bytes, by: key)
  }

  /// Checks what needs no linking: the name, the kernel it is for, the blacklist.
  private static func admit(_ description: ModuleDescription) -> SystemError? {
    let name = description.name
    guard !name.isEmpty else {
      log("module", "refused: it has no name")
      return .badExecutable
    }
    guard Modules.find(name) == nil else {
      log("module", "\(text: name): already loaded")
      return .exists
    }
    guard !Power.options.module.blacklist.contains(name) else {
      log("module", "\(text: name): refused, it is on the blacklist")
      return .notPermitted
    }
    let identity = UnsafeRawBufferPointer(start: address_of_module_identity(), count: 16)
    guard description.identity == Array(identity) else {
      // Layouts of classes and records are compiled in: with another kernel they do not fit.
      log("module", "\(text: name): built for another kernel (\(text: description.identity))")
      return .badExecutable
    }
    return nil
  }

  private static func link(
    _ object: ModuleObject, _ description: ModuleDescription, _ parameters: [[UInt8]],
    isSigned: Bool
  ) throws(ModuleError) -> SystemError? {
    var used: [Module] = []
    let layout = try ModuleLayout(object, kernel: { Symbols.address(of: $0) }) { name in
      guard let export = Modules.export(name) else { return nil }
      if !used.contains(where: { $0 === export.module }) { used.append(export.module) }
      return export.address
    }
    guard let base = ModuleArea.allocate(UInt64(layout.size)) else { return .outOfMemory }
    let module = Module(description, base: base, ends: layout.ends, isSigned: isSigned)
    do throws(ModuleError) {
      let addresses = try layout.addresses(at: base)
      try module.learn(layout, addresses)
      let image = try layout.link(at: base, addresses: addresses)
      guard ModuleArea.map(image, at: base, ends: layout.ends) else { return .outOfMemory }
    } catch {
      ModuleArea.unmap(base, size: UInt64(layout.size))
      throw error
    }
    for assignment in parameters where !module.set(assignment) {
      log("module", "\(text: module.name): wrong parameter \(text: assignment)")
      ModuleArea.unmap(base, size: module.size)
      return .invalidArgument
    }
    for other in used where other.hold() { module.dependencies.append(other) }
    return start(module)
  }

  /// Runs the init hook of a module whose code is in place.
  private static func start(_ module: Module) -> SystemError? {
    Modules.add(module)
    Modules.announce(.coming, module)
    if !module.isSigned { Taint.add(.unsignedModule) }
    let result = module.initHook == 0 ? 0 : runHook(module.initHook)
    guard let result else {
      // Its code may be in use for ever: it stays in memory, and in the list.
      log(.error, "module", "\(text: module.name): its init hook crashed")
      return .badAddress
    }
    guard result == 0 else {
      log("module", "\(text: module.name): its init hook failed with \(result)")
      dismiss(module)
      return SystemError(rawValue: Int64(result)) ?? .invalidArgument
    }
    Modules.lock.withLockIRQ { module.state = .live }
    Modules.announce(.live, module)
    log(
      "module",
      "\(text: module.name) loaded: \(size: module.size)\(module.isSigned ? "" as StaticString : ", not signed")"
    )
    return nil
  }

  /// Calls a hook on a thread of its own, so that a crash there is not the loader's; nil after one.
  private static func runHook(_ hook: UInt64) -> Int32? {
    var result: Int32?
    let done = Completion()
    let thread = Thread.trySpawn([UInt8](text: "module hook")) {
      result = call_hook(hook)
      done.complete()
    }
    guard let id = thread?.id else { return Int32(SystemError.outOfMemory.rawValue) }
    while done.wait(interruptible: false, until: Clock.nanoseconds + 20_000_000) != .done {
      let isAlive = Scheduler.threads.contains { $0.id == id && $0.state != .ended }
      if !isAlive, result == nil { return nil }
    }
    return result
  }

  private static func dismiss(_ module: Module) {
    Modules.announce(.gone, module)
    Modules.remove(module)
    for other in module.dependencies { other.letGo() }
    ModuleArea.unmap(module.base, size: module.size)
  }
}

// MARK: Unloading

extension ModuleLoader {
  static func unload(_ name: [UInt8], force: Bool) -> SystemError? {
    guard Configuration.MODULES else { return .noSuchCall }
    return lock.withLock { unloadLocked(name, force) }
  }

  private static func unloadLocked(_ name: [UInt8], _ force: Bool) -> SystemError? {
    guard let module = Modules.find(name) else { return .notFound }
    guard module.state == .live || force else { return .busy }
    guard module.exitHook != 0 || force else {
      log("module", "\(text: name): has no exit hook, it stays")
      return .busy
    }
    let users = Modules.all.count { $0.dependencies.contains { $0 === module } }
    let references = Modules.lock.withLockIRQ {
      if module.references == 0 || force { module.state = .going }
      return module.references
    }
    guard module.state == .going else {
      log(
        "module",
        "\(text: name): \(users) modules need it, \(references - users) files and others hold it")
      return users > 0 ? .tryAgain : .busy
    }
    if force { Taint.add(.forcedUnload) }
    Modules.announce(.going, module)
    if module.exitHook != 0 { _ = runHook(module.exitHook) }
    dismiss(module)
    log("module", "\(text: name) unloaded")
    return nil
  }
}

// MARK: By name

extension ModuleLoader {
  /// Loads /lib/modules/NAME.ko, and before it what it depends on.
  static func request(_ name: [UInt8], parameters: [[UInt8]] = [], depth: Int = 0) -> SystemError? {
    guard Configuration.MODULES else { return .noSuchCall }
    if Modules.find(name) != nil { return nil }
    let deepest = 8
    guard depth < deepest else { return .tooManyLinks }
    let file: ModuleFile
    do throws(SystemFailure) {
      file = try ModuleFiles.find(name)
    } catch {
      log("module", "\(text: name): \(error.error.name)")
      return error.error
    }
    for other in dependencies(file) {
      if let error = request(other, depth: depth + 1) { return error }
    }
    var assignments: [[UInt8]] = []
    for option in Power.options.module.parameters where option.module == name {
      assignments.append(option.assignment)
    }
    return load(file.bytes, parameters: assignments + parameters)
  }

  private static func dependencies(_ file: ModuleFile) -> [[UInt8]] {
    guard let object = try? ModuleObject(ModuleSignature.split(file.bytes).module),
      let section = object.section(named: ".modinfo")
    else { return [] }
    return ModuleDescription(Array(object.bytes(of: section))).depends
  }

  /// The modules of `modules=` and of /etc/modules, before the first program.
  static func loadAtBoot() {
    for name in Power.options.module.names + ModuleFiles.bootList { _ = request(name) }
  }
}

/// Where module files are: /lib/modules, which begins with those of the image and the initial modules.
enum ModuleFiles {
  /// A name is no path: nothing outside of the directory is found.
  static func find(_ name: [UInt8]) throws(SystemFailure) -> ModuleFile {
    guard !name.isEmpty, !name.contains(0x2f) else { throw SystemFailure(.notFound) }
    let path = [UInt8](text: "/lib/modules/") + name + [UInt8](text: ".ko")
    let file = try Namespace.open(path, .readOnly, permissions: 0, nil)
    defer { file.drop() }
    return try ModuleFile(reading: file)
  }

  /// The names in /etc/modules, one a line; what follows a # is not read.
  static var bootList: [[UInt8]] {
    guard let text = try? Namespace.contents(of: [UInt8](text: "/etc/modules")) else { return [] }
    var names: [[UInt8]] = []
    for line in text.split(separator: 0x0a) {
      let line = Array(line.prefix { $0 != 0x23 })
      if let name = Words.split(line).first { names.append(name) }
    }
    return names
  }
}
