import Debugger
import Emulator

extension MachineOptions {
  /// Describes the machine that the options made, for another run to make it again.
  ///
  /// Files that are not named absolutely are in `folder`, nil for here.
  func description(
    of machine: Machine, folder: String? = nil
  ) throws -> MachineDescription {
    var files: [FileReference] = []
    func add(_ role: FileReference.Role, _ path: String, _ details: [String] = []) throws {
      let content = try Self.read(path.relative(to: folder))
      files.append(FileReference(role, path: path, content: content, details: details))
    }
    if let image = machine.image {
      try add(.image, self.image ?? image.name, bootProtocol.map { [$0.rawValue] } ?? [])
    }
    for argument in modules {
      let (file, name) = Self.moduleParts(argument)
      try add(.module, file, [name])
    }
    for disk in disks { try add(.disk, disk.path, [disk.bus.rawValue, disk.access.rawValue]) }
    for path in firmware.opticalDisks {
      let details = [DiskDrive.Bus.ide.rawValue, DiskDrive.Access.readOnly.rawValue, "optical"]
      try add(.disk, path, details)
    }
    if let bios = firmware.bios { try add(.firmware, bios) }
    if machine.configuration.display?.rom != nil, let path = firmware.videoBIOSPath(nil) {
      try add(.videoROM, path)
    }
    return MachineDescription(machine.configuration, files: files)
  }

  /// Writes what a session's machine was made of and what came from outside.
  func writeRecord(of machine: Machine, to path: String) throws {
    guard !disks.contains(where: { $0.access == .writable }) else {
      throw Failure(
        "\(path): a run that changed a disk file (--disk …,writable) cannot be repeated; attach it "
          + "as a snapshot", status: ExitStatus.usage)
    }
    var trace = Trace(machine: try description(of: machine))
    trace.input = machine.inputLog
    trace.options.kinds = []
    trace.options.limit = machine.instructionCount
    trace.options.endTime = machine.now
    try TraceFiles.write(trace, to: path)
  }
}
