/// The I/O APIC: a table of inputs, each with the vector it raises and the processor it goes to.
///
/// 82093AA data sheet, "I/O Redirection Table Registers".
import KernelArch

struct IOAPIC {
  let base: PhysicalAddress
  /// The number, among all inputs of the machine, of the first one here.
  let firstInput: UInt32
  /// The register is selected by one store and accessed by another: both under this lock.
  private static let lock = SpinLock("ioapic")

  static let masked: UInt32 = 1 << 16
  static let levelTriggered: UInt32 = 1 << 15
  static let activeLow: UInt32 = 1 << 13

  private func read(_ register: UInt32) -> UInt32 {
    Self.lock.withLockIRQ {
      mmio_write32(base.value &+ Layout.directMap, register)
      return mmio_read32(base.value &+ Layout.directMap &+ 0x10)
    }
  }

  private func write(_ register: UInt32, _ value: UInt32) {
    Self.lock.withLockIRQ {
      mmio_write32(base.value &+ Layout.directMap, register)
      mmio_write32(base.value &+ Layout.directMap &+ 0x10, value)
    }
  }

  var inputCount: UInt32 { (read(1) >> 16 & 0xff) + 1 }

  /// Masks every input.
  func start() {
    KernelSpace.ensureMapped(base, length: pageSize, isDevice: true)
    for input in 0..<inputCount { write(0x10 + input * 2, IOAPIC.masked) }
  }

  /// `flags` are those above.
  func route(_ input: UInt32, to vector: UInt8, processor: UInt32, _ flags: UInt32) {
    write(0x11 + input * 2, processor << 24)
    write(0x10 + input * 2, UInt32(vector) | flags)
  }
}
