import Emulator
import Foundation
import Testing

/// Debian's Xen hypervisor, started by Multiboot 2, with Debian's generic kernel as its first
/// domain; the cloud kernel is built without what the first domain needs to find ACPI.
@Suite struct XenTests {
  private static let image =
    Guest.folder.appending(path: "xen-hypervisor-4.17-amd64/boot/xen-4.17-amd64.gz").path

  private static func machine(bootProtocol: BootProtocol? = nil) throws -> Machine {
    let kernel = try #require(Guest.kernel(LinuxTests.generic))
    let disk = try Data(contentsOf: Guest.initialRAMDisk)
    return try Machine(
      image: .file(image, bootProtocol: bootProtocol),
      configuration: MachineConfiguration(
        memory: 768 << 20,
        // Xen drops the first word, unless GRUB loads it.
        commandLine: "xen com1=115200,8n1 console=com1 loglvl=all sync_console dom0_mem=512M",
        modules: [
          BootModule(
            name: "vmlinuz console=hvc0",
            bytes: [UInt8](try Data(contentsOf: URL(filePath: kernel)))),
          BootModule(name: "initramfs", bytes: [UInt8](disk)),
        ]))
  }

  private static var isThere: Bool {
    FileManager.default.fileExists(atPath: image) && Guest.canBoot(LinuxTests.generic)
  }

  @Test(.enabled(if: isThere, Guest.absence))
  func theFirstDomainRunsToItsShellAndPowersOff() throws {
    let machine = try Self.machine()
    func expect(_ text: String) throws {
      let stop = machine.run(until: .console(text), limit: 20_000_000_000)
      try #require(stop == .conditionMet, "\(stop): \(machine.console.text.suffix(2000))")
    }
    try expect("/ # ")
    machine.console.send("echo $((6 * 7)); dmesg | grep -c 'ACPI: RSDP 0x00000000000E0000'\n")
    // Both Xen and Linux put a carriage return before a line feed.
    try expect("\n42\r\r\n1\r\r\n/ # ")
    machine.console.send("poweroff -f\n")
    let stop = machine.run(limit: 5_000_000_000)
    #expect(stop == .poweredOff, "\(machine.console.text.suffix(2000))")
    for sentence in [
      "Bootloader: emu", "Multiboot-e820 RAM map:", "Brought up 1 CPUs",
      "*** Building a PV Dom0 ***",
      "Freed 656kB init memory", "Linux version",
      "Hypervisor detected: Xen PV", "ACPI: Interpreter enabled",
      "Entering ACPI S5 state",
    ] {
      #expect(machine.console.text.contains(sentence), "\(sentence)")
    }
  }
}
