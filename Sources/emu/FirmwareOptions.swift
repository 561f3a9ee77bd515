import ArgumentParser
import Emulator
import Glibc

/// Options of a machine that starts with firmware, or has a screen.
struct FirmwareOptions: ParsableArguments, Sendable {
  /// What the screen is.
  enum Display: String, CaseIterable, ExpressibleByArgument {
    /// A VGA with the registers of Bochs.
    case std
    /// The same, with its text shown as lines on standard output.
    case text
    /// None.
    case none
  }

  @Option(
    help: ArgumentHelp(
      "Start firmware, such as SeaBIOS; it starts the Linux kernel that is named, or else what is "
        + "on --cdrom, then on --disk.", valueName: "file"))
  var bios: String?

  @Option(
    help: ArgumentHelp(
      "The display adapter: std, none, or text, which shows its text on standard output; std is "
        + "the default with --bios.", valueName: "kind"))
  var vga: Display?

  @Option(
    name: .customLong("vga-bios"),
    help: ArgumentHelp(
      "The display adapter's ROM; without it, vgabios-stdvga.bin beside the firmware.",
      valueName: "file"))
  var videoBIOS: String?

  @Option(
    name: .customLong("cdrom"), parsing: .singleValue,
    help: ArgumentHelp(
      "Put a CD image into an IDE drive; may be repeated.", valueName: "file"))
  var opticalDisks: [String] = []

  @Option(
    name: .customLong("firmware-log"),
    help: ArgumentHelp("Write what firmware says at port 402h to a file.", valueName: "file"))
  var log: String?

  @Option(
    help: ArgumentHelp(
      "Save the screen at the end of the run: a PNG file, or text if the name ends in .txt.",
      valueName: "file"))
  var screenshot: String?

  @Flag(help: "Type what comes from the terminal on the PS/2 keyboard, not on the console.")
  var keyboard = false

  @Flag(
    inversion: .prefixedNo,
    help: "With --bios, show the screen's text on the serial console and take keys from there.")
  var serialScreen = true

  private static let videoBIOSName = "vgabios-stdvga.bin"

  /// Adds what the options ask for; `console` is the serial port that somebody looks at, and
  /// relative names begin in `folder`.
  func apply(
    to configuration: inout MachineConfiguration, console: Int?, folder: String? = nil
  ) throws {
    for path in opticalDisks.map({ $0.relative(to: folder) }) {
      var drive = DiskDrive(
        try DiskFile(path: path, isReadOnly: true), bus: .ide, access: .readOnly)
      drive.isOptical = true
      configuration.disks.append(drive)
    }
    if let bios = bios?.relative(to: folder) {
      configuration.firmware = try FirmwareImage(HostFile.read(bios), name: bios)
      configuration.firmwareConsole = serialScreen && vga != .text ? console : nil
    }
    guard vga == .std || vga == .text || vga == nil && (bios != nil || videoBIOS != nil) else {
      return
    }
    configuration.display = DisplayAdapter(
      rom: try videoBIOSPath(folder).map { try OptionROM(HostFile.read($0), name: $0) })
  }

  /// The file of the display adapter's ROM, if there is one.
  func videoBIOSPath(_ folder: String?) -> String? {
    if let videoBIOS { return videoBIOS.relative(to: folder) }
    guard let bios = bios?.relative(to: folder) else { return nil }
    let folder = bios.lastIndex(of: "/").map { String(bios[...$0]) } ?? ""
    let path = folder + Self.videoBIOSName
    return access(path, R_OK) == 0 ? path : nil
  }

  /// Opens the firmware's log.
  func connect(_ machine: Machine) throws {
    machine.firmwareLog.keepsOutput = false
    guard let log else { return }
    let file: FileBackend
    do {
      file = try FileBackend(path: log)
    } catch {
      throw Failure(error, status: ExitStatus.unusableFile)
    }
    machine.firmwareLog.transmitted = { byte in
      // A log that cannot be written any more is no reason to end the run.
      try? file.send([byte])
    }
  }

  /// Saves what the screen shows.
  func saveScreen(of machine: Machine) throws {
    guard let screenshot else { return }
    do {
      if screenshot.hasSuffix(".txt") {
        guard let text = machine.screenText else {
          throw Failure(
            "the screen shows no text; save it as a .png file", status: ExitStatus.usage)
        }
        try FileBackend(path: screenshot).send(Array(text.text.utf8))
      } else {
        guard let picture = machine.picture else {
          throw Failure("the machine has no screen (see --vga)", status: ExitStatus.usage)
        }
        try FileBackend(path: screenshot).send(PNGImage.encode(picture))
      }
    } catch let error as HostError {
      throw Failure(error, status: ExitStatus.unusableFile)
    }
  }
}
