import Foundation
import TestImages
import Testing

/// The guest for several processors in QEMU: what it reports there is what it must report.
@Suite(.enabled(if: QEMU.isPresent, "qemu-system-x86_64 is not installed"), .serialized)
struct MultiprocessorTests {
  @Test(arguments: [1, 2, 4])
  func reportsTheSame(processors: Int) throws {
    let image = MultiprocessorImage(processors: processors)
    let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).elf")
    try Data(image.build()).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    // QEMU's threads lose a store to code that another one translates just then, its MWAIT knows no
    // extensions, and its x2APIC depends on the version.
    let run = try QEMU.run([
      "-accel", "tcg,thread=single", "-smp", "\(processors)", "-kernel", file.path,
      "-cpu", "max,-monitor,-x2apic", "-m", "64", "-display", "none", "-serial", "null",
      "-debugcon", "stdio", "-monitor", "none", "-no-reboot",
      "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
    ])
    #expect(run.status == 1)
    #expect(run.output == image.report(hasMonitor: false, hasX2APIC: false))
  }
}
