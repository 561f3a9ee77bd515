import ArgumentParser
import Emulator

/// `--disk FILE[,readonly|,snapshot|,writable][,bus=BUS]`; a comma in the file's name is doubled.
struct DiskOption: ExpressibleByArgument, Equatable {
  let path: String
  private(set) var access = DiskDrive.Access.snapshot
  private(set) var bus = DiskDrive.Bus.virtioPCI

  init?(argument: String) {
    var parts = Self.split(argument)
    guard !parts[0].isEmpty else { return nil }
    path = parts.removeFirst()
    for part in parts {
      if let access = DiskDrive.Access(rawValue: part) {
        self.access = access
      } else if part.hasPrefix("bus="), let bus = DiskDrive.Bus(rawValue: String(part.dropFirst(4)))
      {
        self.bus = bus
      } else {
        return nil
      }
    }
  }

  /// Opens the file, whose name begins in `folder` if it is relative.
  func open(folder: String? = nil) throws(HostError) -> DiskDrive {
    DiskDrive(
      try DiskFile(path: path.relative(to: folder), isReadOnly: access != .writable), bus: bus,
      access: access)
  }

  /// The parts between single commas, with double ones made single.
  private static func split(_ text: String) -> [String] {
    var parts = [""]
    var isAfterComma = false
    for character in text {
      if character == ",", !isAfterComma {
        isAfterComma = true
        continue
      }
      if isAfterComma, character != "," { parts.append("") }
      parts[parts.count - 1].append(character)
      isAfterComma = false
    }
    if isAfterComma { parts.append("") }
    return parts
  }
}

extension VirtIOBus: ExpressibleByArgument {}
