import Foundation
import PackagePlugin

/// Compiles Sources/GuestKernel for x86_64-unknown-none-elf during the host's build.
///
/// Every step is a command of its own, so that only what changed is built again. The outputs become
/// resources of the target GuestKernel.
@main
struct BuildGuest: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: Target) throws -> [Command] {
    var build = GuestBuild(
      source: context.package.directoryURL.appending(path: "Sources/GuestKernel"),
      output: context.pluginWorkDirectoryURL, swiftc: try context.tool(named: "swiftc").url)
    build.addSystemCalls()
    try build.addKernel(programs: try build.addPrograms())
    return build.commands
  }
}

struct GuestBuild {
  let source: URL
  let output: URL
  let swiftc: URL
  var commands: [Command] = []

  init(source: URL, output: URL, swiftc: URL) {
    self.source = source
    self.output = output
    self.swiftc = swiftc
  }

  /// The parts of Core that programs use too.
  private let sharedCore = [
    "Address", "ApusFS/ApusCheck", "ApusFS/ApusLayout", "ApusFS/ApusVolume",
    "ApusFS/ApusVolume+Content", "ApusFS/ApusVolume+Names", "ApusFS/BlockCache",
    "ApusFS/BlockStore", "ApusFS/CRC32C", "ApusFS/Journal", "ByteCount", "CMOSTime", "DateFormat",
    "ELFProgram", "FileRecords", "Heap", "LineDifference", "LineEditor", "LineEditor+Screen",
    "Mapping", "ModuleDescription", "ModuleObject", "ModuleValue", "PasswordHash",
    "RegularExpression", "RegularExpressionParser", "ResourceLimits", "SHA512", "Script",
    "ScriptCompiler", "ScriptVerifier", "Shell/Arithmetic", "Shell/Glob", "Shell/PrintFormat",
    "Shell/ShellExpansion", "Shell/ShellLexer", "Shell/ShellParser", "Shell/ShellSyntax",
    "Shell/ShellText", "SignalRecord", "StreamEditor", "StreamEditorParser", "SystemCall",
    "SystemError", "SystemIdentity", "Text", "TextLine", "Timespec", "Words",
  ]

  // MARK: System calls

  // Not outputs of a command, as far as SwiftPM knows: it would compile them into the host's target.
  private var callsOfKernel: URL { result("SystemCalls/KernelCalls.swift") }
  private var callsOfPrograms: URL { result("SystemCalls/ProgramCalls.swift") }
  private var callsChecked: URL { result("systemcalls.ok") }

  /// What the kernel and the programs agree on, from SystemCalls.tbl.
  mutating func addSystemCalls() {
    let generator = addHostTool("syscallgen")
    let table = file("SystemCalls.tbl")
    add(
      "system calls", generator,
      [table.path, callsOfKernel.path, callsOfPrograms.path, callsChecked.path],
      [table, generator], callsChecked)
  }

  // MARK: Programs

  /// The module Apus, and one module per folder in User/Programs; returns the finished files.
  mutating func addPrograms() throws -> [URL] {
    let sources = try files("User/Lib", "swift") + sharedCore.map { file("Core/\($0).swift") }
    let headers = try files("User/include", "h") + files("User/include", "modulemap")
    // What lies where this package does must not show: with debugging information, even the code that the
    // compiler makes depends on the length of paths.
    let flags =
      swiftFlags + ["-I", file("User/include").path]
      + [
        "-file-prefix-map", "\(output.path)=build", "-file-prefix-map", "\(package.path)=.",
      ]
    let interface = result("Apus.swiftmodule")
    let library = result("Apus.o")
    commands.append(
      .buildCommand(
        displayName: "guest: compile Apus", executable: swiftc,
        arguments: flags + [
          "-module-name", "Apus", "-emit-module", "-emit-module-path", interface.path, "-c",
        ] + sources.map(\.path) + [callsOfPrograms.path, "-o", library.path],
        inputFiles: sources + headers + [callsChecked], outputFiles: [library, interface]))
    let start = assemble("User/Start.S", "Start.o", flags: triple)
    let compatibility = assemble("User/Compatibility.S", "Compatibility.o", flags: triple)
    var programs: [URL] = []
    let folders = try FileManager.default.contentsOfDirectory(
      at: file("User/Programs"), includingPropertiesForKeys: nil)
    for folder in folders.sorted(by: { $0.path < $1.path }) {
      let name = folder.lastPathComponent
      let object = compile(
        name, try files("User/Programs/\(name)", "swift"), flags: flags + ["-I", output.path],
        headers + [interface], "\(name).o")
      let linked = link(
        "\(name).dbg", script: file("User/user.ld"),
        [start, compatibility, object, library, unicode],
        ["-pie", "--no-dynamic-linker", "--pack-dyn-relocs=relr"])
      programs.append(copyObject(linked, "\(name).program", ["--strip-all"]))
    }
    return programs
  }

  // MARK: The kernel

  /// The kernel is linked twice, the second time with the symbol table of the first.
  mutating func addKernel(programs: [URL]) throws {
    let headers = try files("Arch/include", "h") + files("Arch/include", "modulemap")
    var objects = ["boot", "entry", "memory", "smp"].map {
      assemble("Arch/\($0).S", "\($0).o", flags: assemblyFlags)
    }
    objects.append(
      assemble(
        "Arch/programs.S", "programs.o", flags: assemblyFlags + ["-Wa,-I\(output.path)"], programs))
    let sources = try files("Core", "swift") + files("Kernel", "swift")
    addConfiguration()
    let object = result("kernel.o")
    let interface = result("Kernel.swiftmodule")
    // For testing: so that a module may use, and subclass, what is internal to the kernel.
    commands.append(
      .buildCommand(
        displayName: "guest: compile Kernel", executable: swiftc,
        arguments: kernelFlags + [
          "@\(configuration.path)", "-module-name", "Kernel", "-enable-testing", "-emit-module",
          "-emit-module-path",
          interface.path, "-c", callsOfKernel.path,
        ] + sources.map(\.path) + ["-o", object.path],
        inputFiles: sources + headers + [callsChecked, configuration],
        outputFiles: [object, interface]))
    let modules = try addModules(
      kernel: sources + headers + [file("kernel.config")], interface: interface, object: object)
    objects += modules.kernelObjects + [object, unicode]
    let generator = addHostTool(
      "ksymgen", ["SymbolHash"], with: ["Demangler", "ImageRelocations"])
    let first = link(
      "kernel.pass1", script: file("kernel.ld"), objects,
      ["-static", "--emit-relocs", "--strip-debug"])
    add(
      "check modules", modules.tool,
      ["check", first.path, result("modules.ok").path]
        + modules.objects.map(\.path),
      [first, modules.tool] + modules.objects, result("modules.ok"))
    // Not named .S: SwiftPM would compile it into the host's target.
    let table = result("kallsyms.gen")
    add(
      "symbol table", generator, [tool("swift-demangle").path, first.path, table.path],
      [first, generator], table)
    let tableObject = result("kallsyms.o")
    add(
      "assemble symbol table", tool("clang"),
      triple + ["-x", "assembler", "-c", table.path, "-o", tableObject.path], [table], tableObject)
    let second = link(
      "kernel.dbg", script: file("kernel.ld"), objects + [tableObject], ["-static"])
    let checked = result("kallsyms.ok")
    add(
      "check symbol table", generator, ["--check", first.path, second.path, checked.path],
      [first, second, generator], checked)
    // gdb 13 cannot read Swift's .debug_names, and then finds no symbols at all.
    let kernel = copyObject(
      second, "kernel.elf",
      ["--remove-section", ".debug_names", "--remove-section", ".debug_aranges"],
      [checked, result("modules.ok")])
    _ = copyObject(kernel, "kernel.release.elf", ["--strip-debug"])
  }

  /// What kernel.config means for the compilers.
  private mutating func addConfiguration() {
    let tool = addHostTool("kconfig", isScript: true)
    let inputs = [file("kernel.options"), file("kernel.config")]
    add(
      "configuration", tool, ["write"] + inputs.map(\.path) + [configuration.path], inputs + [tool],
      configuration)
  }

  /// A host tool, compiled here instead of as a target: with a plugin that depends on an executable
  /// target, each change between `swift build` and `swift test` runs all its commands again.
  mutating func addHostTool(
    _ name: String, _ core: [String] = [], with others: [String] = [], isScript: Bool = false
  ) -> URL {
    let tool = result(name)
    let sources =
      ([name] + others).map { file("Tools/\($0).swift") } + core.map { file("Core/\($0).swift") }
    // SDKROOT: the swiftbuild back end sets it to /, and the link then fails.
    add(
      "host tool \(name)", URL(filePath: "/usr/bin/env"),
      [
        "-u", "SDKROOT", swiftc.path, "-O", "-package-name", "guest",
      ] + (isScript ? [] : ["-parse-as-library"]) + sources.map(\.path) + ["-o", tool.path],
      sources, tool)
    return tool
  }
}

// MARK: Steps

extension GuestBuild {
  func file(_ path: String) -> URL { source.appending(path: path) }
  var package: URL { source.deletingLastPathComponent().deletingLastPathComponent() }
  func result(_ name: String) -> URL { output.appending(path: name) }
  func tool(_ name: String) -> URL {
    swiftc.deletingLastPathComponent().appending(path: name)
  }
  var unicode: URL {
    swiftc.deletingLastPathComponent().deletingLastPathComponent().appending(
      path: "lib/swift/embedded/x86_64-unknown-none-elf/libswiftUnicodeDataTables.a")
  }

  var triple: [String] { ["-target", "x86_64-unknown-none-elf"] }

  var swiftFlags: [String] {
    triple + [
      "-swift-version", "5", "-package-name", "guest", "-wmo", "-parse-as-library", "-Osize", "-g",
      "-enable-experimental-feature", "Embedded", "-enable-experimental-feature", "Extern",
      "-Xfrontend", "-function-sections", "-Xfrontend", "-disable-stack-protector",
      "-Xfrontend", "-no-clang-module-breadcrumbs",
      "-module-cache-path", result("ModuleCache").path, "-Xcc", "-mno-red-zone",
    ]
  }

  /// Arguments for the compiler of the kernel: the file with the constants.
  var configuration: URL { result("configuration.rsp") }
  /// The same for the assembler; beside the constants, where SwiftPM does not see it.
  var assemblyConfiguration: URL { result("Configuration/assembly.rsp") }

  var kernelFlags: [String] {
    swiftFlags + ["-Xcc", "-mno-sse", "-Xcc", "-mno-mmx", "-I", file("Arch/include").path]
  }

  var assemblyFlags: [String] { triple + ["-g", "-fPIE"] }

  /// The files of a folder and its folders with that extension, in a fixed order.
  func files(_ folder: String, _ type: String) throws -> [URL] {
    let paths = try FileManager.default.subpathsOfDirectory(atPath: file(folder).path)
    return paths.filter { $0.hasSuffix(".\(type)") }.sorted().map { file("\(folder)/\($0)") }
  }

  mutating func add(
    _ what: String, _ tool: URL, _ arguments: [String], _ inputs: [URL], _ output: URL
  ) {
    commands.append(
      .buildCommand(
        displayName: "guest: \(what)", executable: tool, arguments: arguments, inputFiles: inputs,
        outputFiles: [output]))
  }

  mutating func assemble(
    _ path: String, _ name: String, flags: [String], _ dependencies: [URL] = []
  ) -> URL {
    let object = result(name)
    add(
      "assemble \(path)", tool("clang"), flags + ["-c", file(path).path, "-o", object.path],
      [file(path)] + dependencies, object)
    return object
  }

  mutating func compile(
    _ module: String, _ sources: [URL], flags: [String], _ dependencies: [URL], _ name: String
  ) -> URL {
    let object = result(name)
    add(
      "compile \(module)", swiftc,
      flags + ["-module-name", module, "-c"] + sources.map(\.path) + ["-o", object.path],
      sources + dependencies, object)
    return object
  }

  mutating func link(
    _ name: String, script: URL, _ objects: [URL], _ flags: [String]
  ) -> URL {
    let image = result(name)
    add(
      "link \(name)", tool("ld.lld"),
      [
        "-T", script.path, "--gc-sections", "-z", "max-page-size=4096", "--build-id=none",
        "-o", image.path,
      ] + flags + objects.map(\.path), objects + [script], image)
    return image
  }

  mutating func copyObject(
    _ input: URL, _ name: String, _ flags: [String], _ dependencies: [URL] = []
  ) -> URL {
    let copy = result(name)
    add(
      "make \(name)", tool("llvm-objcopy"), flags + [input.path, copy.path],
      [input] + dependencies, copy)
    return copy
  }
}
