import Foundation
import PackagePlugin

/// The loadable modules: compiled against the kernel's interface, described, signed, and put into it.
extension GuestBuild {
  struct Modules {
    var tool: URL
    /// The modules before they were described and signed.
    var objects: [URL] = []
    /// What the kernel's link needs of them: the files themselves, the key, the symbols they use.
    var kernelObjects: [URL] = []
  }

  /// One file NAME.ko per folder in Modules, compiled against the kernel, described and signed.
  mutating func addModules(kernel: [URL], interface: URL, object: URL) throws -> Modules {
    let core = [
      "Address", "Curve25519", "ELFProgram", "Ed25519", "ModuleDescription", "ModuleObject",
      "ModuleValue", "SHA512", "TextLine", "Words",
    ]
    var modules = Modules(tool: addHostTool("modpost", core, with: ["Demangler"]))
    let seed = file("Modules/signing.key")
    let (key, identity) = (result("modkey.gen"), result("identity.txt"))
    commands.append(
      .buildCommand(
        displayName: "guest: identity of the kernel", executable: modules.tool,
        arguments: ["identity", seed.path, key.path, identity.path] + kernel.map(\.path),
        inputFiles: kernel + [seed, modules.tool], outputFiles: [key, identity]))
    let names = try FileManager.default.contentsOfDirectory(
      at: file("Modules"), includingPropertiesForKeys: [.isDirectoryKey]
    ).filter(\.hasDirectoryPath).map(\.lastPathComponent).sorted()
    let stub = addStub(object, modules.tool)
    for name in names {
      modules.objects.append(try addModule(name, interface, modules.tool, stub))
    }
    var finished: [URL] = []
    for (name, object) in zip(names, modules.objects) {
      finished.append(describe(name, object, modules, identity: identity, seed: seed))
    }
    let needs = result("modules.needs")
    add(
      "what modules need", modules.tool, ["needs", needs.path] + modules.objects.map(\.path),
      modules.objects + [modules.tool], needs)
    let keyObject = result("modkey.o")
    add(
      "assemble the key", tool("clang"),
      triple + ["-x", "assembler", "-c", key.path, "-o", keyObject.path], [key], keyObject)
    modules.kernelObjects = [
      keyObject, needs,
      assemble(
        "Arch/modules.S", "modules.o",
        flags: assemblyFlags + ["-Wa,-I\(output.path)", "@\(assemblyConfiguration.path)"],
        finished + [configuration]),
    ]
    return modules
  }

  /// Compiles a module's assembly and Swift, and makes one object file of them.
  private mutating func addModule(
    _ name: String, _ interface: URL, _ modpost: URL, _ stub: URL
  ) throws -> URL {
    var objects: [URL] = []
    for source in try files("Modules/\(name)", "S") {
      let part = source.deletingPathExtension().lastPathComponent
      objects.append(
        assemble("Modules/\(name)/\(part).S", "\(name).\(part).o", flags: assemblyFlags))
    }
    let swift = try files("Modules/\(name)", "swift")
    if !swift.isEmpty {
      // Without debug information: it would be stripped later, and be larger than a module may be.
      let flags = kernelFlags.filter { $0 != "-g" } + ["-I", output.path]
      objects.append(compile(name, swift, flags: flags, [interface], "\(name).swift.o"))
    }
    let (roots, kept) = (result("\(name).roots"), result("\(name).kept"))
    commands.append(
      .buildCommand(
        displayName: "guest: roots of \(name)", executable: modpost,
        arguments: ["roots", roots.path, kept.path] + objects.map(\.path),
        inputFiles: objects + [modpost], outputFiles: [roots, kept]))
    let (joined, unbound) = (result("\(name).joined"), result("\(name).unbound"))
    add(
      "join \(name)", tool("ld.lld"),
      ["-r", "--gc-sections", "-e", "module_init", "@\(roots.path)", "-o", joined.path]
        + (objects + [stub]).map(\.path), objects + [stub, roots], joined)
    add(
      "unbind \(name)", modpost, ["unbind", joined.path, unbound.path], [joined, modpost], unbound)
    return copyObject(
      unbound, "\(name).stripped",
      ["--strip-debug", "--strip-unneeded", "--keep-symbols=\(kept.path)"]
        + [".swift_modhash", ".swift1_autolink_entries", ".llvm_addrsig", ".comment"].flatMap {
          ["--remove-section", $0]
        }, [kept])
  }

  /// An object file that defines all names of the kernel's.
  private mutating func addStub(_ kernel: URL, _ modpost: URL) -> URL {
    // Not named .S: SwiftPM would compile it into the host's target.
    let (source, stub) = (result("kernelstub.gen"), result("kernelstub.o"))
    add(
      "names of the kernel", modpost, ["stub", kernel.path, source.path], [kernel, modpost], source)
    add(
      "assemble the names", tool("clang"),
      triple + ["-x", "assembler", "-c", source.path, "-o", stub.path], [source], stub)
    return stub
  }

  private mutating func describe(
    _ name: String, _ object: URL, _ modules: Modules, identity: URL, seed: URL
  ) -> URL {
    let about = file("Modules/\(name)/module")
    let section = result("\(name).modinfo")
    add(
      "describe \(name)", modules.tool,
      [
        "describe", name, about.path, identity.path, object.path, section.path,
        self.tool("swift-demangle").path,
      ] + modules.objects.map(\.path),
      modules.objects + [about, identity, modules.tool], section)
    let whole = copyObject(
      object, "\(name).unsigned", ["--add-section", ".modinfo=\(section.path)"], [section])
    let signed = result("\(name).ko")
    add(
      "sign \(name)", modules.tool, ["sign", seed.path, whole.path, signed.path],
      [seed, whole, modules.tool], signed)
    return signed
  }
}
