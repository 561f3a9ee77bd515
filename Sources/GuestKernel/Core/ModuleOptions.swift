/// What the kernel command line says about modules.
package struct ModuleOptions: Equatable {
  package struct Parameter: Equatable {
    package var module: [UInt8]
    package var assignment: [UInt8]
  }

  package var names: [[UInt8]] = []
  package var blacklist: [[UInt8]] = []
  package var parameters: [Parameter] = []
  package var requiresSignatures = false

  package init() {}

  /// Takes a word of the command line; false when it is about something else.
  package mutating func read(_ word: [UInt8]) -> Bool {
    if word.equals("module.sig_enforce") {
      requiresSignatures = true
    } else if word.starts(with: "modules=") {
      names += word.dropFirst(8).split(separator: 0x2c).map { Array($0) }
    } else if word.starts(with: "module_blacklist=") {
      blacklist += word.dropFirst(17).split(separator: 0x2c).map { Array($0) }
    } else if let dot = word.firstIndex(of: 0x2e), let equals = word.firstIndex(of: 0x3d),
      dot < equals
    {
      parameters.append(
        Parameter(module: Array(word[..<dot]), assignment: Array(word[(dot + 1)...])))
    } else {
      return false
    }
    return true
  }
}
