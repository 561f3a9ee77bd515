/// The ACPI tables: found from the root pointer, checked, and kept by name.
import KernelArch

enum Firmware {
  nonisolated(unsafe) private(set) static var interruptControllers: InterruptControllers?
  nonisolated(unsafe) private(set) static var power: PowerRegisters?
  nonisolated(unsafe) private(set) static var softOff: SoftOff?

  /// Reads the tables; `told` is what the boot protocol said of them.
  static func start(_ told: RootPointer?) {
    guard let root = told ?? search(), let list = table(at: root.table) else {
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

  /// Looks on every 16-byte boundary of the BIOS area.
  ///
  /// ACPI Specification, "Finding the RSDP on IA-PC Systems".
  private static func search() -> RootPointer? {
    let area = bytes(at: 0xe0000, count: 0x20000)
    for offset in stride(from: 0, to: area.count - RootPointer.size, by: 16)
    where area[offset] == 0x52 {  // R of "RSD PTR "
      let candidate = UnsafeRawBufferPointer(rebasing: area[offset..<offset + RootPointer.size])
      if let root = RootPointer(candidate) { return root }
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
