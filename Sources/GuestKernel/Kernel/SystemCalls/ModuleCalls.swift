/// Loading and unloading modules: only the bytes cross, the rest is the loader's.
import KernelArch

extension SystemCalls {
  private static let longestParameters = 1024

  /// init_module(image, length, parameters): loads a module from the caller's memory.
  static func initModule(
    _ image: UInt64, _ length: UInt64, _ parameters: UInt64
  ) -> Answer {
    guard Permission.isSuperuser else { return fail(.notPermitted) }
    guard let text = string(at: parameters, longest: longestParameters) else {
      return fail(.badAddress)
    }
    do throws(SystemFailure) {
      let file = try ModuleFile(size: length)
      guard UserMemory.read(image, into: file.memory) else { return fail(.badAddress) }
      return load(file, Words.split(text))
    } catch {
      return fail(error.error)
    }
  }

  /// finit_module(fd, parameters, flags): the same from an open file.
  static func finitModule(
    _ descriptor: Int32, _ parameters: UInt64, _ flags: UInt64
  ) throws(SystemFailure) -> UInt64 {
    try Permission.checkSuperuser()
    let known: UInt64 = 3  // MODULE_INIT_IGNORE_...: nothing of what they ignore is checked here
    guard flags & ~known == 0 else { throw SystemFailure(.invalidArgument) }
    guard let table = FileTable.current else { throw SystemFailure(.badDescriptor) }
    let file = try table.get(Int(descriptor))
    defer { file.drop() }
    guard let text = string(at: parameters, longest: longestParameters) else {
      throw SystemFailure(.badAddress)
    }
    return try load(try ModuleFile(reading: file), Words.split(text)).get()
  }

  private static func load(_ file: ModuleFile, _ parameters: [[UInt8]]) -> Answer {
    if let error = ModuleLoader.load(file.bytes, parameters: parameters) { return fail(error) }
    return .success(0)
  }

  /// delete_module(name, flags): O_TRUNC in the flags means by force.
  static func deleteModule(_ name: UInt64, _ flags: UInt64) -> Answer {
    guard Permission.isSuperuser else { return fail(.notPermitted) }
    let truncate: UInt64 = 0x200
    guard let text = string(at: name, longest: 64) else { return fail(.badAddress) }
    if let error = ModuleLoader.unload(text, force: flags & truncate != 0) { return fail(error) }
    return .success(0)
  }

  /// request_module(name, parameters): loads by name, with what it depends on first.
  static func requestModule(_ name: UInt64, _ parameters: UInt64) -> Answer {
    guard Permission.isSuperuser else { return fail(.notPermitted) }
    guard let text = string(at: name, longest: 64),
      let values = string(at: parameters, longest: longestParameters)
    else { return fail(.badAddress) }
    if let error = ModuleLoader.request(text, parameters: Words.split(values)) {
      return fail(error)
    }
    return .success(0)
  }

  /// A string of the caller's that ends in NUL, or nil; address 0 is an empty one.
  private static func string(at address: UInt64, longest: Int) -> [UInt8]? {
    if address == 0 { return [] }
    var text: [UInt8] = []
    while text.count < longest {
      guard let byte = UserMemory.read(address + UInt64(text.count), count: 1)?.first else {
        return nil
      }
      if byte == 0 { return text }
      text.append(byte)
    }
    return nil
  }
}
