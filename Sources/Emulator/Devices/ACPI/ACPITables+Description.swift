extension ACPITables.Configuration {
  /// The fixed ACPI description table.
  func fadt(facs: UInt64, dsdt: UInt64) -> [UInt8] {
    let pm = UInt64(powerManagementPort)
    let fixed: [[UInt8]] = [
      facs.littleEndianBytes(4), dsdt.littleEndianBytes(4),
      // Reserved; preferred profile: desktop; SCI_INT.
      [0, 1], UInt64(sciInterrupt).littleEndianBytes(2),
      UInt64(smiCommandPort).littleEndianBytes(4),
      [SMICommandPort.enableACPI, SMICommandPort.disableACPI, 0, 0],
      // PM1a and PM1b event, PM1a and PM1b control, PM2 control, PM timer, GPE0, GPE1.
      pm.littleEndianBytes(4), [0, 0, 0, 0], (pm + 4).littleEndianBytes(4), [0, 0, 0, 0],
      [0, 0, 0, 0], (pm + 8).littleEndianBytes(4), [0, 0, 0, 0], [0, 0, 0, 0],
      // Lengths: PM1 event 4, PM1 control 2, PM2 0, PM timer 4, no GPE; no _CST.
      [4, 2, 0, 4, 0, 0, 0, 0],
      // C2 and C3 latencies that say "not supported", no cache flushing, no duty cycle.
      UInt64(0xFFFF).littleEndianBytes(2), UInt64(0xFFFF).littleEndianBytes(2),
      [0, 0, 0, 0], [0, 0],
      // DAY_ALRM, MON_ALRM: none; CENTURY.
      [0, 0, UInt8(RTC.Index.century)],
      // IAPC_BOOT_ARCH: legacy devices, 8042, perhaps no VGA.
      UInt64(hasVGA ? 0x0003 : 0x0007).littleEndianBytes(2), [0], Self.flags.littleEndianBytes(4),
      Self.address(port: resetPort, bits: 8, access: 1), [ResetControl.hardReset],
      // ARM boot flags, minor version.
      [0, 0, 1],
    ]
    let none = [UInt8](repeating: 0, count: 12)
    let extended: [[UInt8]] = [
      // X_FIRMWARE_CTRL is used only where the 32-bit field is zero.
      UInt64(0).littleEndianBytes(8), dsdt.littleEndianBytes(8),
      Self.address(port: powerManagementPort, bits: 32, access: 2), none,
      Self.address(port: powerManagementPort + 4, bits: 16, access: 2), none, none,
      Self.address(port: powerManagementPort + 8, bits: 32, access: 3), none, none,
      // Sleep control and status: not hardware-reduced.
      none, none,
    ]
    return ACPITables.table("FACP", revision: 5, (fixed + extended).flatMap { $0 })
  }

  /// WBINVD, C1 on all processors, no sleep button, no RTC wake status, TMR_VAL_EXT,
  /// RESET_REG_SUP.
  private static let flags: UInt64 = 1 << 0 | 1 << 2 | 1 << 5 | 1 << 6 | 1 << 8 | 1 << 10

  /// A generic address structure in I/O space.
  private static func address(port: UInt16, bits: UInt8, access: UInt8) -> [UInt8] {
    [1, bits, 0, access] + UInt64(port).littleEndianBytes(8)
  }

  /// The multiple APIC description table.
  func madt() -> [UInt8] {
    // PCAT_COMPAT: there are two 8259s to mask.
    var body = UInt64(localAPICAddress).littleEndianBytes(4) + [1, 0, 0, 0]
    for (uid, id) in processorIDs.enumerated() {
      if id < 0xFF {
        body += [0, 8, UInt8(truncatingIfNeeded: uid), UInt8(id), 1, 0, 0, 0]
      } else {
        body += [9, 16, 0, 0] + UInt64(id).littleEndianBytes(4) + [1, 0, 0, 0]
        body += UInt64(uid).littleEndianBytes(4)
      }
    }
    body += [1, 12, ioAPICID, 0] + UInt64(ioAPICAddress).littleEndianBytes(4) + [0, 0, 0, 0]
    // IRQ 0 is at pin 2, with the polarity and trigger mode of its bus.
    body += [2, 10, 0, 0, 2, 0, 0, 0, 0, 0]
    // The SCI is active high and level-triggered.
    body += [2, 10, 0, sciInterrupt, sciInterrupt, 0, 0, 0, 0x0D, 0]
    // LINT1 of every processor is NMI.
    body += [4, 6, 0xFF, 0, 0, 1]
    return ACPITables.table("APIC", revision: 4, body)
  }

  /// The HPET description table.
  func hpet() -> [UInt8] {
    let body: [[UInt8]] = [
      // The low half of the capability register.
      HPET.capabilities.littleEndianBytes(4),
      [0, 64, 0, 0], UInt64(hpetAddress).littleEndianBytes(8),
      // Sequence number, minimum tick, no page protection.
      [0], UInt64(0x80).littleEndianBytes(2), [0],
    ]
    return ACPITables.table("HPET", revision: 1, body.flatMap { $0 })
  }

  /// The differentiated system description table: devices by name, and the sleep state S5.
  func dsdt() -> [UInt8] {
    let softOff = AML.integer(UInt64(softOffType))
    let terms: [[UInt8]] = [
      AML.name("\\_S5", AML.packageOf([softOff, softOff, AML.integer(0), AML.integer(0)])),
      AML.name("\\PICM", AML.integer(0)),
      AML.method("\\_PIC", arguments: 1, [AML.store(argument: 0, to: "\\PICM")]),
      AML.scope(
        "\\_SB",
        processors + [motherboard] + legacyDevices + serialDevices
          + (pci.map { [$0.device] } ?? [])
          + virtioDevices.enumerated().map { $1.device($0) }),
    ]
    return ACPITables.table("DSDT", revision: 2, terms.flatMap { $0 })
  }

  private var processors: [[UInt8]] {
    processorIDs.indices.map { uid in
      AML.device(
        "C" + Self.hexadecimal(uid, digits: 3),
        [
          AML.name("_HID", AML.string("ACPI0007")), AML.name("_UID", AML.integer(UInt64(uid))),
        ])
    }
  }

  private static func hexadecimal(_ value: Int, digits: Int) -> String {
    let text = String(value, radix: 16, uppercase: true)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
  }

  /// Ports no other device claims, so that nothing else is put there.
  private var motherboard: [UInt8] {
    AML.device(
      "MBRD",
      [
        AML.name("_HID", AML.eisaID("PNP0C02")),
        AML.resources(
          [
            AML.ports(0x61, 1), AML.ports(0x92, 1), AML.ports(smiCommandPort, 2),
            AML.ports(0xE9, 1), AML.ports(0xF4, 4), AML.ports(0x4D0, 2),
            // As many as the LPC bridge decodes: Linux drops the reservation of a part.
            AML.ports(powerManagementPort, 128), AML.ports(resetPort, 1),
            AML.memory(ioAPICAddress, 0x1000), AML.memory(localAPICAddress, 0x1000),
          ]
            + (pci.map {
              [AML.memory(UInt32(truncatingIfNeeded: $0.configurationSpace), 256 << 20)]
            } ?? [])),
      ])
  }

  private var legacyDevices: [[UInt8]] {
    [
      device("PIC_", "PNP0000", [AML.ports(0x20, 2), AML.ports(0xA0, 2), AML.irq(2)]),
      device("TIMR", "PNP0100", [AML.ports(0x40, 4), AML.irq(0)]),
      device("RTC_", "PNP0B00", [AML.ports(0x70, 2), AML.irq(8)]),
      device("HPET", "PNP0103", [AML.memory(hpetAddress, 0x400)]),
      device("PS2K", "PNP0303", [AML.ports(0x60, 1), AML.ports(0x64, 1), AML.irq(1)]),
      device("PS2M", "PNP0F13", [AML.irq(12)]),
    ]
  }

  private var serialDevices: [[UInt8]] {
    serialPorts.enumerated().map { index, serial in
      AML.device(
        "COM\(index % 9 + 1)",
        [
          AML.name("_HID", AML.eisaID("PNP0501")),
          AML.name("_UID", AML.integer(UInt64(index + 1))),
          AML.resources([AML.ports(serial.port, 8), AML.irq(serial.irq)]),
        ])
    }
  }

  private func device(_ name: String, _ identifier: String, _ resources: [[UInt8]]) -> [UInt8] {
    AML.device(
      name, [AML.name("_HID", AML.eisaID(identifier)), AML.resources(resources)])
  }
}
