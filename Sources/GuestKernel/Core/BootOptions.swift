/// What the kernel command line asks for.
///
/// - `quiet`: boot messages go to the log only.
/// - `init=PROGRAM` or `run=PROGRAM`: starts that program instead of the shell.
/// - `cmd="A; B"`: the shell runs these commands before it asks for more.
/// - `exit`: powers off when those commands (or the program of `init=`) have ended.
/// - `debug-exit`: ends through the debug port 0xF4 instead of ACPI: 0x10 for power-off, 0x01 after
///   a panic.
/// - `selftest`: the kernel checks itself before the first program starts.
/// - `modules=A,B`: loads these modules before the first program; `A.NAME=VALUE` sets a parameter.
/// - `module_blacklist=A,B`: never loads these.
/// - `module.sig_enforce`: refuses modules that this kernel's key has not signed.
/// - `panic=reboot`: restarts after a panic instead of halting.
package struct BootOptions: Equatable {
  /// A word of the form `MODULE.NAME=VALUE`.
  package struct ModuleParameter: Equatable {
    package var module: [UInt8]
    package var assignment: [UInt8]
  }

  package var isQuiet = false
  package var program: [UInt8] = []
  package var commands: [UInt8] = []
  package var exitsAfterwards = false
  package var usesDebugExit = false
  package var testsItself = false
  package var rebootsAfterPanic = false
  package var modules: [[UInt8]] = []
  package var moduleBlacklist: [[UInt8]] = []
  package var moduleParameters: [ModuleParameter] = []
  package var requiresSignedModules = false
  /// Words that are not options of this kernel.
  package var unknown: [[UInt8]] = []

  package init() {}

  package init(commandLine: [UInt8]) {
    for word in Words.split(commandLine) { read(word) }
  }

  private mutating func read(_ word: [UInt8]) {
    if word.equals("quiet") {
      isQuiet = true
    } else if word.equals("exit") {
      exitsAfterwards = true
    } else if word.equals("debug-exit") {
      usesDebugExit = true
    } else if word.equals("selftest") {
      testsItself = true
    } else if word.equals("panic=reboot") {
      rebootsAfterPanic = true
    } else if word.starts(with: "init=") {
      program = Array(word.dropFirst(5))
    } else if word.starts(with: "run=") {
      program = Array(word.dropFirst(4))
    } else if word.starts(with: "cmd=") {
      commands = Array(word.dropFirst(4))
    } else if !readModuleOption(word) {
      unknown.append(word)
    }
  }

  private mutating func readModuleOption(_ word: [UInt8]) -> Bool {
    if word.equals("module.sig_enforce") {
      requiresSignedModules = true
    } else if word.starts(with: "modules=") {
      modules += word.dropFirst(8).split(separator: 0x2c).map { Array($0) }
    } else if word.starts(with: "module_blacklist=") {
      moduleBlacklist += word.dropFirst(17).split(separator: 0x2c).map { Array($0) }
    } else if let dot = word.firstIndex(of: 0x2e), let equals = word.firstIndex(of: 0x3d),
      dot < equals
    {
      moduleParameters.append(
        ModuleParameter(module: Array(word[..<dot]), assignment: Array(word[(dot + 1)...])))
    } else {
      return false
    }
    return true
  }
}
