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
  private func makeImage(
    _ name: String, entry: String, files: [String: String], timeout: Int = 0
  ) throws -> String {
    let work = FileManager.default.temporaryDirectory
      .appending(path: "emu-\(name)-\(ProcessInfo.processInfo.processIdentifier)")
    defer { try? FileManager.default.removeItem(at: work) }
    let boot = work.appending(path: "boot/grub")
    try FileManager.default.createDirectory(at: boot, withIntermediateDirectories: true)
    let text = "set timeout=\(timeout)\nmenuentry \"\(name)\" {\n\(entry)\n}\n"
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

  /// GRUB's menu by the keys of a PS/2 keyboard, through the BIOS: down, and Enter.
  @Test(.enabled(if: canMakeImages, noTools))
  func aMenuIsOperatedByTheKeyboard() throws {
    let entry = """
        multiboot2 /boot/apus.elf first
      }
      menuentry "other" {
        multiboot2 /boot/apus.elf second
      """
    let image = try makeImage(
      "grub-menu", entry: entry, files: ["apus.elf": Self.kernel], timeout: -1)
    let machine = try machine([optical(image)])
    try expect("Press enter to boot", on: machine)
    machine.typeKeys("\u{1B}[B".utf8)
    #expect(machine.run(limit: 200_000_000) == .instructionLimit)
    #expect(machine.screenText?.rows.contains { $0.contains("*other") } == true)
    machine.typeKeys("\r".utf8)
    try expect("apus$ ", on: machine)
    #expect(machine.console.text.contains("command line \"second\""))
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

  /// By the 16-bit entry: the setup code asks the BIOS what memory there is.
  @Test(.enabled(if: hasBIOS && Guest.canBoot(LinuxTests.cloud), Guest.absence))
  func aKernelIsStartedDirectly() throws {
    let session = try LinuxSession(LinuxTests.cloud) {
      $0.firmware = try FirmwareImage(HostFile.read(Self.bios), name: Self.bios)
      $0.linuxEntry = .real
    }
    for _ in 0..<2 {
      try session.bootToShell()
      #expect(try session.run("echo $((6 * 7))") == "42")
      let map = try session.run("dmesg | grep BIOS-e820")
      // What SeaBIOS keeps at the end of memory, and its ROM.
      #expect(map.contains("-0x000000000fffffff] reserved"), "\(map)")
      #expect(map.contains("-0x00000000ffffffff] reserved"), "\(map)")
      #expect(try session.run("cat /proc/cmdline") == "console=ttyS0")
      #expect(try session.run("dmesg | grep -c 'DMI: Bochs'") == "1")
      // The address in the RSDP's line is that of SeaBIOS's part of memory.
      #expect(try session.run("dmesg | grep -c 'ACPI: RSDP 0x00000000000F'") == "1")
      let warnings = try session.warnings()
      #expect(warnings.isEmpty, "\(warnings)")
      guard session.machine.resetCount == 0 else { break }
      session.machine.console.send("reboot -f\n")
      #expect(
        session.machine.run(until: .console("Linux version"), limit: Self.limit) == .conditionMet)
      #expect(session.machine.resetCount == 1)
    }
    session.powerOff()
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
