import Emulator
import Foundation
import Testing

/// Debian's Xen hypervisor, started by Multiboot 2, with Debian's kernel as its first domain.
@Suite struct XenTests {
  private static let image =
    Guest.folder.appending(path: "xen-hypervisor-4.17-amd64/boot/xen-4.17-amd64.gz").path

  private static func machine(bootProtocol: BootProtocol? = nil) throws -> Machine {
    let kernel = try #require(Guest.kernel(LinuxTests.cloud))
    let disk = try Data(contentsOf: Guest.initialRAMDisk)
    return try Machine(
      image: .file(image, bootProtocol: bootProtocol),
      configuration: MachineConfiguration(
        memory: 512 << 20,
        // Xen drops the first word, unless GRUB loads it.
        commandLine: "xen com1=115200,8n1 console=com1 loglvl=all sync_console",
        modules: [
          BootModule(
            name: "vmlinuz console=hvc0 earlyprintk=xen",
            bytes: [UInt8](try Data(contentsOf: URL(filePath: kernel)))),
          BootModule(name: "initramfs", bytes: [UInt8](disk)),
        ]))
  }

  private static var isThere: Bool {
    FileManager.default.fileExists(atPath: image) && Guest.canBoot(LinuxTests.cloud)
  }

  @Test(.enabled(if: isThere, Guest.absence))
  func theFirstDomainRunsToItsInit() throws {
    let machine = try Self.machine()
    let stop = machine.run(until: .console("Run /init as init process"), limit: 12_000_000_000)
    try #require(stop == .conditionMet, "\(machine.console.text.suffix(2000))")
    for sentence in [
      "Bootloader: emu", "Multiboot-e820 RAM map:", "Brought up 1 CPUs",
      "*** Building a PV Dom0 ***",
      "Freed 656kB init memory", "Linux version",
      "Hypervisor detected: Xen PV",
    ] {
      #expect(machine.console.text.contains(sentence), "\(sentence)")
    }
  }
}
