/// The root system description pointer: where the list of ACPI tables is.
///
/// ACPI Specification, "Root System Description Pointer (RSDP)".
package struct RootPointer {
  package static let size = 36

  package let revision: UInt8
  package let table: UInt64
  /// True for an XSDT with 64-bit entries, false for an RSDT.
  package let hasWideEntries: Bool

  package init?(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= 20, bytes.word64(0) == 0x2052_5450_2044_5352,  // "RSD PTR "
      ACPITable.sum(bytes, count: 20) == 0
    else { return nil }
    revision = bytes[15]
    let wide = revision >= 2 && bytes.count >= 36 ? bytes.word64(24) : 0
    hasWideEntries = wide != 0
    table = wide != 0 ? wide : bytes.word32(16)
  }
}

/// A table with the common header, whose checksum is right.
package struct ACPITable {
  package static let headerSize = 36
  package let bytes: UnsafeRawBufferPointer

  package init?(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= ACPITable.headerSize, Int(bytes.word32(4)) <= bytes.count,
      bytes.word32(4) >= UInt64(ACPITable.headerSize),
      ACPITable.sum(bytes, count: Int(bytes.word32(4))) == 0
    else { return nil }
    self.bytes = UnsafeRawBufferPointer(rebasing: bytes[0..<Int(bytes.word32(4))])
  }

  package var signature: [UInt8] { Array(bytes[0..<4]) }
  package func has(signature: StaticString) -> Bool { self.signature.equals(signature) }

  /// The addresses in an RSDT or XSDT.
  package var entries: [UInt64] {
    let size = has(signature: "XSDT") ? 8 : 4
    var result: [UInt64] = []
    var offset = ACPITable.headerSize
    while offset + size <= bytes.count {
      result.append(size == 8 ? bytes.word64(offset) : bytes.word32(offset))
      offset += size
    }
    return result
  }

  static func sum(_ bytes: UnsafeRawBufferPointer, count: Int) -> UInt8 {
    var sum: UInt8 = 0
    for index in 0..<count { sum = sum &+ bytes[index] }
    return sum
  }
}

/// The interrupt controllers, from the table with the signature APIC.
///
/// ACPI Specification, "Multiple APIC Description Table (MADT)".
package struct InterruptControllers {
  package struct Override: Equatable {
    package var source: UInt8
    package var input: UInt32
    package var isActiveLow: Bool
    package var isLevelTriggered: Bool
  }

  /// An IOAPIC, and the number of its first input among all the machine's.
  package struct IOAPICEntry: Equatable {
    package var address: UInt64
    package var firstInput: UInt32
  }

  package private(set) var localAPIC: UInt64
  /// In the order of their inputs.
  package private(set) var ioAPICs: [IOAPICEntry] = []
  /// The local APIC IDs of the processors that can be used.
  package private(set) var processors: [UInt32] = []
  package private(set) var overrides: [Override] = []

  package init(_ table: ACPITable) {
    let bytes = table.bytes
    localAPIC = bytes.word32(36)
    var offset = 44
    while offset + 2 <= bytes.count, bytes[offset + 1] >= 2,
      offset + Int(bytes[offset + 1]) <= bytes.count
    {
      add(bytes, at: offset)
      offset += Int(bytes[offset + 1])
    }
  }

  private mutating func add(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
    switch bytes[offset] {
    case 0 where bytes.word32(offset + 4) & 1 != 0:
      processors.append(UInt32(bytes[offset + 3]))
    case 9 where bytes[offset + 1] >= 16 && bytes.word32(offset + 8) & 1 != 0:  // local x2APIC
      processors.append(UInt32(truncatingIfNeeded: bytes.word32(offset + 4)))
    case 1 where bytes[offset + 1] >= 12:
      let entry = IOAPICEntry(
        address: bytes.word32(offset + 4), firstInput: UInt32(bytes.word32(offset + 8)))
      let place = ioAPICs.firstIndex { $0.firstInput > entry.firstInput } ?? ioAPICs.count
      ioAPICs.insert(entry, at: place)
    case 2 where bytes[offset + 2] == 0:
      let flags = bytes.word16(offset + 8)
      overrides.append(
        Override(
          source: bytes[offset + 3], input: UInt32(bytes.word32(offset + 4)),
          isActiveLow: flags & 3 == 3, isLevelTriggered: flags >> 2 & 3 == 3))
    case 5:
      localAPIC = bytes.word64(offset + 4)
    default:
      break
    }
  }

  /// How the ISA interrupt `source` reaches the IOAPIC: as itself unless the table says otherwise.
  package func route(forISA source: UInt8) -> Override {
    for override in overrides where override.source == source { return override }
    return Override(
      source: source, input: UInt32(source), isActiveLow: false, isLevelTriggered: false)
  }
}

/// Power management registers, from the table with the signature FACP.
///
/// ACPI Specification, "Fixed ACPI Description Table (FADT)".
package struct PowerRegisters {
  /// The reset register: in I/O space, or in memory.
  package struct Reset: Equatable {
    package var isPort: Bool
    package var address: UInt64
    package var value: UInt8
  }

  package let differentiatedTable: UInt64
  package let commandPort: UInt16
  package let enableCommand: UInt8
  package let controlPortA: UInt16
  package let controlPortB: UInt16
  package let reset: Reset?

  package init(_ table: ACPITable) {
    let bytes = table.bytes
    let wide = bytes.count >= 148 ? bytes.word64(140) : 0
    differentiatedTable = wide != 0 ? wide : bytes.word32(40)
    commandPort = UInt16(truncatingIfNeeded: bytes.word32(48))
    enableCommand = bytes.count > 52 ? bytes[52] : 0
    controlPortA = UInt16(truncatingIfNeeded: bytes.word32(64))
    controlPortB = UInt16(truncatingIfNeeded: bytes.word32(68))
    let resetIsSupported = bytes.word32(112) >> 10 & 1 != 0
    let space = bytes.count > 128 ? bytes[116] : 0xff
    if resetIsSupported, space <= 1 {
      reset = Reset(isPort: space == 1, address: bytes.word64(120), value: bytes[128])
    } else {
      reset = nil
    }
  }
}

/// The values that put the machine into sleep state S5, soft off.
package struct SoftOff: Equatable {
  package var typeA: UInt8
  package var typeB: UInt8

  /// Finds the package `\_S5_` in the AML of a DSDT or SSDT.
  ///
  /// ACPI Specification, "\_Sx (System States)". Only its first two elements matter, and tables
  /// write them as constants; nothing else of AML has to be understood to find them.
  package init?(aml bytes: UnsafeRawBufferPointer) {
    var offset = 0
    while offset + 8 < bytes.count {
      defer { offset += 1 }
      guard bytes.word32(offset) == 0x5f35_535f else { continue }  // "_S5_"
      let named = offset > 0 && bytes[offset - 1] == 0x08
      let rooted = offset > 1 && bytes[offset - 1] == 0x5c && bytes[offset - 2] == 0x08
      guard named || rooted, bytes[offset + 4] == 0x12 else { continue }
      let lengthBytes = Int(bytes[offset + 5] >> 6) + 1
      var at = offset + 5 + lengthBytes + 1  // PackageOp, PkgLength, NumElements
      guard let first = SoftOff.constant(bytes, &at) else { continue }
      typeA = first
      typeB = SoftOff.constant(bytes, &at) ?? 0
      return
    }
    return nil
  }

  private static func constant(_ bytes: UnsafeRawBufferPointer, _ at: inout Int) -> UInt8? {
    guard at + 1 < bytes.count else { return nil }
    switch bytes[at] {
    case 0x00, 0x01:  // ZeroOp, OneOp
      at += 1
      return bytes[at - 1]
    case 0x0a, 0x0b, 0x0c:  // BytePrefix, WordPrefix, DWordPrefix
      let size = 1 << Int(bytes[at] &- 0x0a)
      at += 1 + size
      return bytes[at - size]
    default:
      return nil
    }
  }
}
