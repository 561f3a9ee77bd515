/// Modules: loaded by name with what they depend on, kept while they are used, and only when signed.
import KernelArch

enum ModuleDemo {
  static func run() -> Bool {
    let (lower, upper) = ([UInt8](text: "counter"), [UInt8](text: "counter_user"))
    Demo.say("counter_user calls a function that the module counter exports.")
    var passed = Demo.check(
      ModuleLoader.request(upper) == nil && Modules.find(lower) != nil,
      "loading counter_user by its name loads counter first")
    passed =
      Demo.check(
        Modules.find(lower)?.references == 1 && Modules.find(upper)?.references == 0,
        "counter is referenced once, counter_user by nobody") && passed
    passed =
      Demo.check(
        ModuleLoader.unload(lower, force: false) == .tryAgain,
        "counter cannot be removed while counter_user needs it") && passed
    passed =
      Demo.check(isProtected(upper), "no page of it is both writable and executable") && passed
    passed =
      Demo.check(
        ModuleLoader.unload(upper, force: false) == nil
          && ModuleLoader.unload(lower, force: false) == nil,
        "the other way round both go") && passed
    passed = isBusyWhileOpen() && passed
    Demo.say("A parameter's value is checked before the module runs:")
    let hello = [UInt8](text: "hello")
    _ = ModuleLoader.unload(hello, force: false)  // it may be loaded already
    passed =
      Demo.check(
        ModuleLoader.request(hello, parameters: [[UInt8](text: "count=many")]) == .invalidArgument,
        "hello refuses count=many") && passed
    return passed
  }

  /// A driver's module, and a file of its device.
  private static func isBusyWhileOpen() -> Bool {
    let name = [UInt8](text: "mailbox")
    Demo.say("The module mailbox is a driver; somebody has its device /dev/mailbox open.")
    _ = ModuleLoader.request(name)
    do throws(SystemFailure) {
      let file = try Namespace.open(
        [UInt8](text: "/dev/mailbox"), .readWrite, permissions: 0, nil)
      let refused = ModuleLoader.unload(name, force: false)
      _ = try FileBytes.write([UInt8](text: "still here"), to: file)
      let text = try FileBytes.read(64, from: file)
      file.drop()
      return Demo.check(
        refused == .busy && text.equals("STILL HERE"),
        "it cannot be removed, and its code goes on to answer")
        && Demo.check(
          ModuleLoader.unload(name, force: false) == nil, "once the file is closed it can")
    } catch {
      return Demo.check(false, "no step fails (this one: \(error.error.name))")
    }
  }

  private static func isProtected(_ name: [UInt8]) -> Bool {
    guard let module = Modules.find(name) else { return false }
    for page in stride(from: module.base, to: module.base + module.size, by: Int(pageSize)) {
      guard let leaf = KernelSpace.tables.leaf(LinearAddress(page)) else { return false }
      let flags = PageFlags(rawValue: leaf.entry.pointee)
      if flags.contains(.writable), !flags.contains(.noExecute) { return false }
    }
    return true
  }
}

enum SignatureDemo {
  static func run() -> Bool {
    guard let found = try? ModuleFiles.find([UInt8](text: "beat")) else { return false }
    let file = Array(found.bytes)
    let enforced = Power.options.module.requiresSignatures
    Power.options.module.requiresSignatures = true
    defer { Power.options.module.requiresSignatures = enforced }
    Demo.say("The build signs each module with Ed25519; the kernel knows the public key.")
    let signatureAndMark = 64 + ModuleSignature.mark.utf8CodeUnitCount
    var passed = Demo.check(
      load(Array(file.dropLast(signatureAndMark))) == .keyRejected,
      "without its signature the module beat is refused")
    var changed = file
    changed[200] ^= 1
    passed =
      Demo.check(load(changed) == .keyRejected, "with one bit changed it is refused") && passed
    passed = Demo.check(load(file) == nil, "as it was built it is accepted") && passed
    passed =
      Demo.check(
        ModuleLoader.unload([UInt8](text: "beat"), force: false) == nil, "and removed again")
      && passed
    Demo.say("That is with module.sig_enforce; without, unsigned modules taint the kernel.")
    return passed
  }

  private static func load(_ file: [UInt8]) -> SystemError? {
    file.withUnsafeBytes { ModuleLoader.load($0, parameters: []) }
  }
}
