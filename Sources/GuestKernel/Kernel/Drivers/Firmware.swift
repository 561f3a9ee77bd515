/// The ACPI tables: found from the root pointer, checked, and kept by name.
import KernelArch

enum Firmware {
  nonisolated(unsafe) private(set) static var interruptControllers: InterruptControllers?
  nonisolated(unsafe) private(set) static var power: PowerRegisters?
  nonisolated(unsafe) private(set) static var softOff: SoftOff?

  /// Reads the tables; `rootPointer` is what the boot protocol said, 0 if it said nothing.
  static func start(rootPointer: UInt64) {
    guard let root = findRoot(hint: rootPointer), let list = table(at: root.table) else {
      log("acpi", "no ACPI tables")
      return
    }
    var names: TextLine = "ACPI revision \(root.revision):"
    for address in list.entries {
      guard let table = table(at: address) else { continue }
      names.append(" ")
      names.append(bytes: table.signature)
      if table.has(signature: "APIC") { interruptControllers = InterruptControllers(table) }
      if table.has(signature: "FACP") { power = PowerRegisters(table) }
      if table.has(signature: "SSDT"), softOff == nil { softOff = SoftOff(aml: table.bytes) }
    }
    if let power, let table = table(at: power.differentiatedTable) {
      names.append(" DSDT")
      softOff = SoftOff(aml: table.bytes) ?? softOff
    }
    if let softOff { names.append(line: "; power-off is sleep type \(softOff.typeA)") }
    log("acpi", names)
  }

  private static func findRoot(hint: UInt64) -> RootPointer? {
    if hint != 0, let root = RootPointer(bytes(at: hint, count: 36)) { return root }
    // ACPI Specification, "Finding the RSDP on IA-PC Systems": on a 16-byte boundary in the BIOS area.
    for address in stride(from: 0xe0000 as UInt64, to: 0x100000, by: 16) {
      if let root = RootPointer(bytes(at: address, count: 36)) { return root }
    }
    return nil
  }

  private static func table(at address: UInt64) -> ACPITable? {
    guard address != 0 else { return nil }
    let length = bytes(at: address, count: ACPITable.headerSize).word32(4)
    guard length >= UInt64(ACPITable.headerSize), length < 1 << 20 else { return nil }
    return ACPITable(bytes(at: address, count: Int(length)))
  }

  private static func bytes(at address: UInt64, count: Int) -> UnsafeRawBufferPointer {
    let physical = PhysicalAddress(address)
    KernelSpace.ensureMapped(physical, length: UInt64(count), isDevice: false)
    return UnsafeRawBufferPointer(start: physical.pointer, count: count)
  }
}
