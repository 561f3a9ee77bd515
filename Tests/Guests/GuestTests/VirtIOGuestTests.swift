import Emulator
import Foundation
import Testing

/// Debian's cloud kernel with virtio devices, on PCI and at addresses of their own.
@Suite struct VirtIOGuestTests {
  private static let drivers = Guest.folder.appending(path: "virtio.gz")
  private static let root = Guest.folder.appending(path: "root.ext4")
  private static let areDriversHere =
    Guest.canBoot(LinuxTests.cloud) && FileManager.default.fileExists(atPath: drivers.path)
  private static let isRootHere =
    areDriversHere && FileManager.default.fileExists(atPath: root.path)

  /// What the programs of the root file system answer anywhere.
  private static let answers = [
    "gzip: same",
    "openssl: ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad *stdin",
    "openssl: 281567ab2f4cf0d73d3198225b8b8393",
    "sqlite3: 44|1,3,5|1.33333333333333",
    "python3: 446616 15511210043330985984000000 ba7816bf8f01cfea 907060870 7.484470860550343",
  ]

  private func session(
    _ commandLine: String = "console=ttyS0", change: (inout MachineConfiguration) -> Void
  ) throws -> LinuxSession {
    let drivers = [UInt8](try Data(contentsOf: Self.drivers))
    return try LinuxSession(LinuxTests.cloud, commandLine: commandLine) { configuration in
      let initial = configuration.modules[0]
      configuration.modules = [
        BootModule(name: initial.name, bytes: initial.bytes + drivers)
      ]
      change(&configuration)
    }
  }

  /// What the host's own program says of a file.
  private func digest(of file: URL) throws -> String {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(filePath: "/usr/bin/sha256sum")
    process.arguments = [file.path]
    process.standardOutput = pipe
    try process.run()
    let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return String(decoding: output.prefix(64), as: UTF8.self)
  }

  @Test(
    .enabled(if: areDriversHere, Guest.absence), arguments: [VirtIOBus.pci, .mmio])
  func driversFindTheirDevices(bus: VirtIOBus) throws {
    let folder = FileManager.default.temporaryDirectory
    let file = folder.appending(path: "emu-disk-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: file) }
    let content = Data((0..<4 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 9) })
    try content.write(to: file)
    let disk = try DiskFile(path: file.path, isReadOnly: true)
    let session = try session { configuration in
      let own: DiskDrive.Bus = bus == .pci ? .virtioPCI : .virtioMMIO
      configuration.disks = [
        DiskDrive(disk, bus: own), DiskDrive(disk, bus: own, access: .readOnly),
      ]
      configuration.entropy = bus
      configuration.virtioConsole = bus
      configuration.network = NetworkInterface(bus: bus)
    }
    try session.bootToShell()
    #expect(try session.run("cat /sys/block/vda/size /sys/block/vdb/ro") == "8192\n1")
    let sum = try digest(of: file) + "  -"
    #expect(
      try session.run("sha256sum < /dev/vda; sha256sum < /dev/vdb") == "\(sum)\n\(sum)")
    #expect(try session.run("cat /sys/class/misc/hw_random/rng_current") == "virtio_rng.0")
    #expect(try session.run("dd if=/dev/hwrng bs=32 count=4 2>/dev/null | wc -c") == "128")
    #expect(try session.run("cat /sys/class/net/eth0/address") == "52:54:00:12:34:56")
    _ = try session.run("echo out of hvc0 > /dev/hvc0")
    #expect(session.machine.virtioConsole.text.contains("out of hvc0"))
    // Written, dropped from the cache and read again; the file stays what it was.
    _ = try session.run(
      "seq 1 100000 | dd of=/dev/vda bs=4k seek=10 conv=notrunc 2>/dev/null; sync")
    _ = try session.run("echo 3 > /proc/sys/vm/drop_caches")
    #expect(
      try session.run("dd if=/dev/vda bs=4k skip=10 2>/dev/null | head -c 588895 | sha256sum")
        == session.run("seq 1 100000 | sha256sum"))
    #expect(try session.run("dd if=/dev/zero of=/dev/vdb count=1 2>/dev/null || echo no") == "no")
    #expect(try Data(contentsOf: file) == content)
    session.powerOff()
    for word in ["Call Trace", "WARNING", "BUG", "needs reset"] {
      #expect(!session.console.contains(word))
    }
  }

  /// What came by the wire and what was written to a disk are part of the execution.
  @Test(.enabled(if: areDriversHere, Guest.absence))
  func runsWithDevicesRepeat() throws {
    let disk = try DiskFile(path: Self.drivers.path, isReadOnly: true)
    func session() throws -> LinuxSession {
      try self.session("console=ttyS0 quiet") { configuration in
        configuration.disks = [DiskDrive(disk)]
        configuration.network = NetworkInterface()
      }
    }
    let whole = try session()
    var frames: [[UInt8]] = []
    whole.machine.network.transmitted = { frames.append($0) }
    try whole.bootToShell()
    _ = try whole.run("ip addr add 10.0.2.15/24 dev eth0; ip link set eth0 up")
    _ = try whole.run("echo written | dd of=/dev/vda conv=notrunc 2>/dev/null; sync")
    // Who has 10.0.2.15? The guest answers.
    let question: [UInt8] =
      [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2, 0, 0, 0, 0, 1, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1]
      + [2, 0, 0, 0, 0, 1, 10, 0, 2, 2, 0, 0, 0, 0, 0, 0, 10, 0, 2, 15]
    whole.machine.network.send(question + [UInt8](repeating: 0, count: 18))
    _ = try whole.run("sleep 0.1")
    let isAnswered = frames.contains { $0.prefix(6) == [2, 0, 0, 0, 0, 1] && $0[21] == 2 }
    #expect(isAnswered)
    whole.powerOff()
    let sliced = try session()
    sliced.machine.replay(whole.machine.inputLog)
    var stop = StopReason.instructionLimit
    while stop == .instructionLimit { stop = sliced.machine.run(limit: 7_654_321) }
    #expect(stop == .poweredOff)
    #expect(sliced.console == whole.console)
    #expect(sliced.machine.stateDigest() == whole.machine.stateDigest())
  }

  /// The root file system on a disk, and programs of Debian's that compute.
  @Test(
    .enabled(if: isRootHere, Guest.absence), arguments: [DiskDrive.Bus.virtioPCI, .virtioMMIO])
  func programsRunFromTheDisk(bus: DiskDrive.Bus) throws {
    let disk = try DiskFile(path: Self.root.path, isReadOnly: true)
    let session = try session("console=ttyS0 quiet root=/dev/vda") {
      $0.disks = [DiskDrive(disk, bus: bus)]
      $0.entropy = .pci
    }
    let stop = session.machine.run(limit: 60_000_000_000)
    #expect(stop == .poweredOff, "\(session.console.suffix(2000))")
    #expect(session.console.contains("root: /dev/vda / ext4"))
    for answer in Self.answers {
      #expect(session.console.contains(answer + "\n"), "\(session.console.suffix(2000))")
    }
  }

  /// A shell on hvc0 instead of the serial port.
  @Test(.enabled(if: areDriversHere, Guest.absence))
  func aShellOnTheVirtIOConsole() throws {
    let session = try session("console=ttyS0 shell=hvc0") { $0.virtioConsole = .pci }
    session.machine.console = session.machine.virtioConsole
    try session.bootToShell()
    #expect(try session.run("tty; echo $((6 * 7))") == "/dev/hvc0\n42")
    session.machine.console.send("poweroff -f\n")
    #expect(session.machine.run(limit: 5_000_000_000) == .poweredOff)
  }
}
