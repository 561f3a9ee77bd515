import Emulator

/// What a machine was made of, as text that another run can make it from.
///
/// One line each, `name value`; files are named by path and SHA-256.
public struct MachineDescription: Equatable, Sendable {
  /// The files, in the order in which the machine gets them.
  public var files: [FileReference]
  /// The configuration, without the contents of files.
  public var settings: [Setting]

  /// One line.
  public struct Setting: Equatable, Sendable {
    /// Its name.
    public var name: String
    /// Its value.
    public var value: String
  }

  /// Describes a machine that was made of these files.
  public init(_ configuration: MachineConfiguration, files: [FileReference]) {
    self.files = files
    var settings: [Setting] = []
    func add(_ name: String, _ value: some CustomStringConvertible) {
      settings.append(Setting(name: name, value: value.description))
    }
    add("memory", configuration.memory)
    add("cpus", configuration.processors)
    add("cpu", configuration.processorModel.rawValue)
    add("quantum", configuration.quantum)
    add("append", Quoting.quote(configuration.commandLine))
    add("seed", configuration.seed)
    add("start-time", configuration.startTime)
    add("reset", configuration.resetBehavior == .restart ? "restart" : "stop")
    if let entry = configuration.linuxEntry { add("entry", entry.rawValue) }
    if let bus = configuration.entropy { add("entropy", bus.rawValue) }
    if let bus = configuration.virtioConsole { add("console", bus.rawValue) }
    if let network = configuration.network { add("network", network.bus.rawValue) }
    if configuration.display != nil { add("display", "vga") }
    if let port = configuration.firmwareConsole { add("firmware-console", port) }
    self.settings = settings
  }

  init(files: [FileReference], settings: [Setting]) {
    self.files = files
    self.settings = settings
  }

  /// Replaces a value, or adds it.
  public mutating func set(_ name: String, _ value: String) {
    if let index = settings.firstIndex(where: { $0.name == name }) {
      settings[index].value = value
    } else {
      settings.append(Setting(name: name, value: value))
    }
  }

  // MARK: Text

  var lines: [String] {
    files.map { file in
      ([file.role.rawValue, Quoting.quote(file.path), "sha256:\(file.digest)", "\(file.size)"]
        + file.details.map(Quoting.quote)).joined(separator: " ")
    } + settings.map { "\($0.name) \($0.value)" }
  }

  private static let names: Set<String> = [
    "memory", "cpus", "cpu", "quantum", "append", "seed", "start-time", "reset", "entry", "entropy",
    "console", "network", "display", "firmware-console",
  ]

  /// Takes a line of the description; false if it is none.
  mutating func take(_ words: [String], line: String) -> Bool {
    guard let name = words.first else { return false }
    if let role = FileReference.Role(rawValue: name) {
      guard words.count >= 4, words[2].hasPrefix("sha256:"), let size = UInt64(words[3]) else {
        return false
      }
      files.append(
        FileReference(
          role, path: words[1], digest: String(words[2].dropFirst(7)), size: size,
          details: Array(words[4...])))
      return true
    }
    guard Self.names.contains(name), words.count == 2 else { return false }
    settings.append(Setting(name: name, value: String(line.dropFirst(name.count + 1))))
    return true
  }

  // MARK: Machine

  private func value(_ name: String) -> String? { settings.first { $0.name == name }?.value }

  private func number<Number: FixedWidthInteger>(
    _ name: String, _ usual: Number
  ) throws(TraceError) -> Number {
    guard let text = value(name) else { return usual }
    guard let number = Number(text) else {
      throw TraceError("the recorded machine has \(name) \(text), which is no number in range")
    }
    return number
  }

  private func choice<Choice: RawRepresentable<String>>(
    _ name: String, _: Choice.Type
  ) throws(TraceError) -> Choice? {
    guard let text = value(name) else { return nil }
    guard let choice = Choice(rawValue: text) else {
      throw TraceError("the recorded machine has \(name) \(text), which this version does not know")
    }
    return choice
  }

  /// Makes the machine anew.
  public func makeMachine(_ source: FileSource = FileSource()) throws -> Machine {
    var configuration = MachineConfiguration(
      memory: try number("memory", MachineConfiguration.defaultMemory),
      commandLine: Quoting.split(value("append") ?? "")?.first ?? "",
      startTime: try number("start-time", MachineConfiguration.defaultStartTime),
      seed: try number("seed", 0),
      resetBehavior: value("reset") == "stop" ? .stop : .restart)
    configuration.processors = try number("cpus", 1)
    configuration.processorModel = try choice("cpu", ProcessorModel.self) ?? .max
    configuration.quantum = try number("quantum", MachineConfiguration.defaultQuantum)
    configuration.linuxEntry =
      value("entry").flatMap(UInt8.init).flatMap(LinuxKernel.Entry.init(rawValue:))
    configuration.entropy = try choice("entropy", VirtIOBus.self)
    configuration.virtioConsole = try choice("console", VirtIOBus.self)
    configuration.network = try choice("network", VirtIOBus.self).map { NetworkInterface(bus: $0) }
    configuration.firmwareConsole = value("firmware-console").flatMap { Int($0) }
    if value("display") != nil { configuration.display = DisplayAdapter() }
    var image: KernelImage?
    for file in files {
      if let kernel = try add(file, to: &configuration, source) { image = kernel }
    }
    return try Machine(image: image, configuration: configuration)
  }

  /// Adds a file's content to the configuration; a kernel is returned.
  private func add(
    _ file: FileReference, to configuration: inout MachineConfiguration, _ source: FileSource
  ) throws -> KernelImage? {
    let path = source.replacements[file.role] ?? file.path
    switch file.role {
    case .image:
      return try KernelImage(
        try source.content(of: file), name: path,
        bootProtocol: file.details.first.flatMap(BootProtocol.init(rawValue:)))
    case .module:
      configuration.modules.append(
        BootModule(name: file.details.first ?? path, bytes: try source.content(of: file)))
    case .disk:
      configuration.disks.append(try drive(file, content: try source.content(of: file)))
    case .firmware:
      configuration.firmware = try FirmwareImage(try source.content(of: file), name: path)
    case .videoROM:
      configuration.display = DisplayAdapter(
        rom: try OptionROM(try source.content(of: file), name: path))
    }
    return nil
  }

  /// The disk with its recorded content; what the guest writes stays in memory.
  private func drive(_ file: FileReference, content: [UInt8]) throws(TraceError) -> DiskDrive {
    guard let bus = file.details.first.flatMap(DiskDrive.Bus.init(rawValue:)) else {
      throw TraceError(file.path, "the trace does not say what the disk was attached to")
    }
    let isReadOnly = file.details.contains(DiskDrive.Access.readOnly.rawValue)
    var drive = DiskDrive(
      MemoryDisk(content), bus: bus, access: isReadOnly ? .readOnly : .snapshot)
    drive.isOptical = file.details.contains("optical")
    return drive
  }
}

/// A disk whose content is in memory and is only read; a snapshot lies over it.
final class MemoryDisk: BlockBackend, Sendable {
  private let bytes: [UInt8]

  init(_ content: [UInt8]) {
    bytes = content + [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
  }

  var size: UInt64 { UInt64(bytes.count) }
  var isReadOnly: Bool { true }

  func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
    guard contains(offset, count: UInt64(buffer.count)) else { return false }
    buffer.copyBytes(from: bytes[Int(offset)..<Int(offset) + buffer.count])
    return true
  }

  func write(at offset: UInt64, _ bytes: UnsafeRawBufferPointer) -> Bool { false }
  func flush() -> Bool { true }
}
