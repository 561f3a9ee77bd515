import Emulator
import Foundation
import Testing

/// SeaBIOS, and what it starts from a CD or a disk.
@Suite struct FirmwareTests {
  private static let limit: UInt64 = 20_000_000_000
  private static let folder = Guest.folder.appending(path: "seabios/usr/share/seabios")
  private static let bios = folder.appending(path: "bios-256k.bin").path
  private static let ipxe = Guest.folder.appending(path: "ipxe/usr/lib/ipxe/ipxe.iso").path
  private static let kernel = Guest.folder.deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Images/kernel.elf").path

  private static func exists(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: path)
  }

  private static var hasBIOS: Bool { exists(bios) }
  private static var hasIPXE: Bool { hasBIOS && exists(ipxe) }
  private static var canMakeImages: Bool {
    hasBIOS && exists(kernel) && exists("/usr/bin/grub-mkrescue") && exists("/usr/bin/xorriso")
      && exists("/usr/bin/mformat")
  }
  private static let noTools: Comment =
    "SeaBIOS, grub-mkrescue, xorriso or mtools are not here: run Tests/Guests/prepare"

  private func machine(
    bios: String = bios, _ disks: [DiskDrive], memory: UInt64 = 256 << 20
  ) throws -> Machine {
    var configuration = MachineConfiguration(memory: memory)
    configuration.firmware = try FirmwareImage(HostFile.read(bios), name: bios)
    configuration.firmwareConsole = 0
    let rom = Self.folder.appending(path: "vgabios-stdvga.bin").path
    configuration.display = DisplayAdapter(rom: try OptionROM(HostFile.read(rom), name: rom))
    configuration.disks = disks
    return try Machine(image: nil, configuration: configuration)
  }

  private func optical(_ path: String) throws -> DiskDrive {
    var drive = DiskDrive(
      try DiskFile(path: path, isReadOnly: true), bus: .ide, access: .readOnly)
    drive.isOptical = true
    return drive
  }

  private func expect(_ text: String, on machine: Machine) throws {
    let stop = machine.run(until: .console(text), limit: Self.limit)
    try #require(
      stop == .conditionMet, "\(stop) before \(text): \(machine.console.text.suffix(2000))")
  }

  /// A CD image whose GRUB starts `entry` at once.
  private func makeImage(_ name: String, entry: String, files: [String: String]) throws -> String {
    let work = FileManager.default.temporaryDirectory
      .appending(path: "emu-\(name)-\(ProcessInfo.processInfo.processIdentifier)")
    defer { try? FileManager.default.removeItem(at: work) }
    let boot = work.appending(path: "boot/grub")
    try FileManager.default.createDirectory(at: boot, withIntermediateDirectories: true)
    let text = "set timeout=0\nmenuentry \"\(name)\" {\n\(entry)\n}\n"
    try Data(text.utf8).write(to: boot.appending(path: "grub.cfg"))
    for (target, source) in files {
      try FileManager.default.copyItem(
        at: URL(filePath: source), to: work.appending(path: "boot/\(target)"))
    }
    let image = Guest.folder.appending(path: "\(name).iso").path
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/grub-mkrescue")
    process.arguments = ["-o", image, work.path]
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
    return image
  }

  @Test(.enabled(if: hasBIOS, Guest.absence), arguments: ["bios-256k.bin", "bios.bin"])
  func seaBIOSFindsTheMachine(name: String) throws {
    let machine = try machine(bios: Self.folder.appending(path: name).path, [])
    try expect("No bootable device", on: machine)
    #expect(machine.console.text.contains("SeaBIOS (version"))
    #expect(machine.screenText?.rows.first?.hasPrefix("SeaBIOS (version") == true)
    #expect(machine.picture?.width == 720)
    let log = machine.firmwareLog.text
    for words in [
      "Running on QEMU (q35)", "Found QEMU fw_cfg", "DMA interface supported",
      "PS2 keyboard initialized", "Start SeaVGABIOS",
    ] {
      #expect(log.contains(words), "\(words)")
    }
    // The small build has no room for a parser.
    #expect(log.contains("ACPI: parse DSDT") == (name == "bios-256k.bin"))
    #expect(!log.contains("WARNING"))
  }

  @Test(.enabled(if: canMakeImages, noTools))
  func grubStartsOurKernelFromACD() throws {
    let image = try makeImage(
      "grub-apus", entry: "multiboot2 /boot/apus.elf", files: ["apus.elf": Self.kernel])
    let machine = try machine([optical(image)])
    try expect("apus$ ", on: machine)
    #expect(machine.console.text.contains("by multiboot2"))
    machine.console.send("exit\nps\n")
    try expect("shell", on: machine)
  }

  /// The image is a disk's too: GRUB stands in its first sectors.
  @Test(.enabled(if: canMakeImages, noTools), arguments: [DiskDrive.Bus.ide, .virtioPCI])
  func grubStartsOurKernelFromADisk(bus: DiskDrive.Bus) throws {
    let image = try makeImage(
      "grub-disk-\(bus.rawValue)", entry: "multiboot2 /boot/apus.elf",
      files: ["apus.elf": Self.kernel])
    let disk = DiskDrive(try DiskFile(path: image, isReadOnly: true), bus: bus)
    let machine = try machine([disk])
    try expect("apus$ ", on: machine)
    #expect(machine.console.text.contains("Booting from Hard Disk"))
  }

  @Test(.enabled(if: canMakeImages && Guest.canBoot(LinuxTests.cloud), noTools))
  func grubStartsDebianFromACD() throws {
    let kernel = try #require(Guest.kernel(LinuxTests.cloud))
    let image = try makeImage(
      "grub-debian", entry: "linux /boot/vmlinuz console=ttyS0\ninitrd /boot/initrd",
      files: ["vmlinuz": kernel, "initrd": Guest.initialRAMDisk.path])
    let machine = try machine([optical(image)])
    try expect("/ # ", on: machine)
    #expect(!machine.console.text.contains("Call Trace"))
    #expect(!machine.console.text.contains("ACPI Error"))
    machine.console.send("poweroff -f\n")
    #expect(machine.run(limit: Self.limit) == .poweredOff)
  }

  @Test(.enabled(if: hasIPXE, Guest.absence))
  func iPXEReachesItsPrompt() throws {
    let machine = try machine([optical(Self.ipxe)])
    try expect("Ctrl-B", on: machine)
    machine.console.send("\u{02}")
    try expect("iPXE> ", on: machine)
    machine.console.send("echo 6 times 7\n")
    try expect("\n6 times 7", on: machine)
  }

  @Test func unusableFilesGiveOneSentence() {
    for (bytes, words) in [
      ([UInt8](), "multiple of 64 KiB"), ([1, 2, 3], "multiple of 64 KiB"),
      ([UInt8](repeating: 0xFF, count: 0x1_0000), "last 16 bytes"),
      ([UInt8](repeating: 1, count: 32 << 20), "at most 16 MiB"),
    ] {
      #expect {
        try FirmwareImage(bytes, name: "x.bin")
      } throws: {
        "\($0)".hasPrefix("x.bin: ") && "\($0)".contains(words)
      }
    }
    #expect(throws: ImageError.self) { try OptionROM([0x55, 0xAA, 9], name: "x.rom") }
    #expect(throws: ImageError.self) { try OptionROM([UInt8](repeating: 0, count: 512), name: "x") }
  }
}
