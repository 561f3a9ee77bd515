/// The answers to a Limine kernel's requests.
///
/// The Limine Boot Protocol, "Feature List". A request that has no answer here keeps its pointer.
struct LimineAnswers {
  let loader: Loader
  let image: LimineImage
  let memory: LimineMemory
  let revision: UInt64
  let directMap: UInt64
  let levels: UInt64
  /// Pointers to what the kernel is told about each processor.
  let processors: [UInt64]

  /// Base revision tag: where the revision that was used is written, and where 0 for yes.
  private enum Tag {
    static let used: UInt64 = 8
    static let requested: UInt64 = 16
  }

  /// Answers everything.
  func answer(
    _ requests: LimineRequests, commandLine: String, modules: [BootModule]
  ) throws(ImageError) {
    if let tag = requests.revisionTag {
      // Revision 3 and newer are told which one they got; older kernels keep their magic number.
      if requests.requestedRevision >= 3 { image.store(tag &+ Tag.used, revision) }
      if requests.requestedRevision <= LimineRequests.newestRevision {
        image.store(tag &+ Tag.requested, 0)
      }
    }
    // The memory map is last: it tells what the other answers took.
    for (feature, address) in requests.requests where feature != .memoryMap {
      guard
        let answer = try answer(
          feature, requests, commandLine: commandLine, modules: modules)
      else { continue }
      image.respond(to: address, with: try place(answer))
    }
    for (feature, address) in requests.requests where feature == .memoryMap {
      image.respond(to: address, with: try memoryMap())
    }
  }

  private func answer(
    _ feature: LimineFeature, _ requests: LimineRequests, commandLine: String,
    modules: [BootModule]
  ) throws(ImageError) -> [UInt64]? {
    switch feature {
    case .bootloaderInfo:
      [0, try place(MultibootContent.loaderName), try place(Self.version)]
    case .commandLine: [0, try place(commandLine)]
    // A PC without EFI.
    case .firmwareType: [0, 0]
    case .stackSize, .entryPoint: [0]
    case .directMap: [0, directMap]
    case .pagingMode: [0, levels - 4]
    case .fiveLevelPaging: levels == 5 ? [0] : nil
    // Flags and the first processor's APIC ID share a word, 0.
    case .processors: [0, 0, UInt64(processors.count), try place(processors)]
    case .kernelFile: [0, try kernelFile(commandLine)]
    case .modules: try modulesAnswer(modules, requests)
    case .rsdp:
      // Revision 3 alone has it as a physical address.
      loader.rsdp == 0 ? nil : [0, loader.rsdp + (revision >= 3 ? 0 : directMap)]
    case .bootTime: [0, loader.bootTime]
    case .kernelAddress: [0, image.physicalBase, image.kernel.base]
    case .memoryMap: nil
    }
  }

  private static let version = "0.1.0"

  // MARK: Structures

  private func kernelFile(_ commandLine: String) throws(ImageError) -> UInt64 {
    let bytes = image.kernel.elf.bytes
    let address = try memory.takePages(
      UInt64(bytes.count), kind: .bootloaderReclaimable, for: "own file")
    loader.write(bytes, at: address)
    let name = image.kernel.elf.name.split(separator: "/").last.map(String.init) ?? "kernel"
    return try file(
      address: address, size: UInt64(bytes.count), path: "/" + name, commandLine: commandLine)
  }

  private func modulesAnswer(
    _ modules: [BootModule], _ requests: LimineRequests
  ) throws(ImageError) -> [UInt64]? {
    var chosen: [(module: BootModule, commandLine: String)] = []
    var rest = modules
    for wanted in internalModules(requests) {
      guard let index = rest.firstIndex(where: { Self.path($0) == wanted.path }) else {
        guard !wanted.isRequired else {
          throw ImageError(
            image.kernel.elf.name,
            "it requires a module \(wanted.path): give it with --module FILE=\(wanted.path)")
        }
        continue
      }
      chosen.append((rest.remove(at: index), wanted.commandLine))
    }
    for module in rest {
      let words = module.name.split(separator: " ", maxSplits: 1)
      chosen.append((module, words.count == 2 ? String(words[1]) : ""))
    }
    guard !chosen.isEmpty else { return nil }
    var files: [UInt64] = []
    for (module, commandLine) in chosen {
      let size = UInt64(module.bytes.count)
      let address = try memory.takePages(
        size, kind: .kernelAndModules, for: "module \(module.name)")
      loader.write(module.bytes, at: address)
      files.append(
        try file(
          address: address, size: size, path: "/" + Self.path(module), commandLine: commandLine))
    }
    return [1, UInt64(files.count), try place(files)]
  }

  /// A module's path without leading slashes and dots.
  private static func path(_ module: BootModule) -> String {
    path(module.name.split(separator: " ", maxSplits: 1).first.map(String.init) ?? "")
  }

  private static func path(_ text: String) -> String {
    String(text.drop { $0 == "/" || $0 == "." })
  }

  /// The modules that the kernel itself names, since revision 1 of its request.
  private func internalModules(
    _ requests: LimineRequests
  ) -> [(path: String, commandLine: String, isRequired: Bool)] {
    guard (image.revision(.modules, of: requests) ?? 0) >= 1,
      let count = image.field(.modules, 0, of: requests),
      let list = image.field(.modules, 1, of: requests)
    else { return [] }
    var found: [(path: String, commandLine: String, isRequired: Bool)] = []
    var index: UInt64 = 0
    while index < count, let module = image.load(list &+ index &* 8),
      let path = image.load(module), let text = image.load(module &+ 8),
      let flags = image.load(module &+ 16)
    {
      found.append(
        (Self.path(image.string(path)), text == 0 ? "" : image.string(text), flags & 1 != 0))
      index += 1
    }
    return found
  }

  private func file(
    address: UInt64, size: UInt64, path: String, commandLine: String
  ) throws(ImageError) -> UInt64 {
    // Behind these: media type (generic), TFTP, partition, MBR and GPT fields, which no file has
    // here: 72 bytes.
    try place(
      [0, address + directMap, size, try place(path), try place(commandLine)]
        + [UInt64](repeating: 0, count: 9))
  }

  /// Puts the memory map into memory and returns a pointer to the answer.
  private func memoryMap() throws(ImageError) -> UInt64 {
    // Its own place is in it, and so is taken first.
    let limit = memory.entryLimit
    let list = try memory.take(UInt64(limit) * 24)
    let pointers = try memory.take(UInt64(limit) * 8)
    let answer = try memory.take(24)
    let entries = memory.entries().prefix(limit)
    var listBytes = ByteWriter()
    var pointerBytes = ByteWriter()
    for (index, entry) in entries.enumerated() {
      for number in [entry.start, entry.end - entry.start, entry.kind.rawValue] {
        listBytes.append(number)
      }
      pointerBytes.append(list + directMap + UInt64(index) * 24)
    }
    loader.write(listBytes.bytes, at: list)
    loader.write(pointerBytes.bytes, at: pointers)
    var answerBytes = ByteWriter()
    for number in [0, UInt64(entries.count), pointers + directMap] { answerBytes.append(number) }
    loader.write(answerBytes.bytes, at: answer)
    return answer + directMap
  }

  // MARK: Places

  private func place(_ words: [UInt64]) throws(ImageError) -> UInt64 {
    var bytes = ByteWriter()
    for word in words { bytes.append(word) }
    return try place(bytes.bytes)
  }

  private func place(_ text: String) throws(ImageError) -> UInt64 {
    try place(Array(text.utf8) + [0])
  }

  private func place(_ bytes: [UInt8]) throws(ImageError) -> UInt64 {
    let address = try memory.take(UInt64(bytes.count))
    loader.write(bytes, at: address)
    return address + directMap
  }
}
