import Emulator
import Foundation
import TestImages
import Testing

@Suite struct ACPITablesTests {
  let tables: ACPITables

  init() {
    var configuration = ACPITables.Configuration(processorIDs: [0, 1, 2, 300])
    configuration.serialPorts = [
      ACPITables.SerialPort(port: 0x3F8, irq: 4), ACPITables.SerialPort(port: 0x2F8, irq: 3),
    ]
    tables = ACPITables(configuration, at: 0xE_0000)
  }

  private func bytes(at address: UInt64, count: Int) -> [UInt8] {
    let start = Int(address - tables.address)
    return Array(tables.bytes[start..<start + count])
  }

  private func number(at address: UInt64, count: Int) -> UInt64 {
    bytes(at: address, count: count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private func table(_ signature: String) throws -> [UInt8] {
    let address = try #require(tables.tableAddresses[signature])
    return bytes(at: address, count: Int(number(at: address + 4, count: 4)))
  }

  @Test func theRootPointerLeadsToEveryTable() throws {
    let rsdp = tables.rsdpAddress
    #expect(rsdp % 16 == 0)
    #expect(bytes(at: rsdp, count: 8) == Array("RSD PTR ".utf8))
    #expect(bytes(at: rsdp, count: 20).reduce(0, &+) == 0)
    #expect(bytes(at: rsdp, count: 36).reduce(0, &+) == 0)
    #expect(bytes(at: rsdp + 15, count: 1) == [2])
    let rsdt = number(at: rsdp + 16, count: 4)
    let xsdt = number(at: rsdp + 24, count: 8)
    let expected = ["FACP", "APIC", "HPET"]
    for (index, signature) in expected.enumerated() {
      let place = try #require(tables.tableAddresses[signature])
      #expect(number(at: rsdt + 36 + UInt64(index) * 4, count: 4) == place)
      #expect(number(at: xsdt + 36 + UInt64(index) * 8, count: 8) == place)
    }
    #expect(number(at: xsdt + 4, count: 4) == 36 + 8 * 3)
  }

  @Test(arguments: ["FACP", "APIC", "HPET", "DSDT", "RSDT", "XSDT"])
  func everyTableSumsToZero(signature: String) throws {
    let table = try table(signature)
    #expect(Array(table.prefix(4)) == Array(signature.utf8))
    #expect(table.reduce(0, &+) == 0)
  }

  /// IAPC_BOOT_ARCH, bit 2.
  @Test func theFixedTableSaysWhetherThereIsAVGA() throws {
    #expect(try table("FACP")[109] & 4 != 0)
    var configuration = ACPITables.Configuration(processorIDs: [0])
    configuration.hasVGA = true
    let other = ACPITables(configuration, at: 0xE_0000)
    let place = try #require(other.tableAddresses["FACP"])
    #expect(other.bytes[Int(place - other.address) + 109] & 7 == 3)
  }

  @Test func theFixedTablePointsAtTheHardware() throws {
    let fadt = try table("FACP")
    let address = try #require(tables.tableAddresses["FACP"])
    #expect(fadt.count == 268)
    #expect(number(at: address + 36, count: 4) == tables.tableAddresses["FACS"])
    #expect(number(at: address + 40, count: 4) == tables.tableAddresses["DSDT"])
    #expect(number(at: address + 140, count: 8) == tables.tableAddresses["DSDT"])
    #expect(number(at: address + 46, count: 2) == 9)
    #expect(number(at: address + 56, count: 4) == 0x600)
    #expect(number(at: address + 64, count: 4) == 0x604)
    #expect(number(at: address + 76, count: 4) == 0x608)
    #expect(fadt[108] == 0x32)
    #expect(number(at: address + 120, count: 8) == 0xCF9)
    #expect(fadt[128] == 6)
    #expect((tables.tableAddresses["FACS"] ?? 1) % 64 == 0)
  }

  /// Disassembles every table with the reference compiler and compiles the DSDT again; both must
  /// find nothing wrong, and give back the same AML.
  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/iasl")))
  func theReferenceCompilerAgrees() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "acpi-\(ProcessInfo.processInfo.globallyUniqueString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for signature in ["FACP", "APIC", "HPET", "DSDT", "RSDT", "XSDT", "FACS"] {
      let file = folder.appendingPathComponent("\(signature).aml")
      try Data(try table(signature)).write(to: file)
      let output = try run("/usr/bin/iasl", ["-d", file.path], in: folder)
      #expect(output.status == 0, "\(signature): \(output.text)")
      let listing = try String(
        contentsOf: folder.appendingPathComponent("\(signature).dsl"), encoding: .utf8)
      for word in ["Invalid", "Error", "Unknown", "incorrect", "Warning"] {
        #expect(!listing.contains(word), "\(signature): \(listing)")
      }
    }
    let source = folder.appendingPathComponent("DSDT.dsl")
    let output = try run("/usr/bin/iasl", ["-oa", "-p", "again", source.path], in: folder)
    #expect(output.text.contains("0 Errors, 0 Warnings"), "\(output.text)")
    let again = try Data(contentsOf: folder.appendingPathComponent("again.aml"))
    // The header names the compiler; the AML after it must be the same.
    #expect(Array(again.dropFirst(36)) == Array(try table("DSDT").dropFirst(36)))
  }

  private func run(_ tool: String, _ arguments: [String], in folder: URL) throws
    -> (status: Int32, text: String)
  {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: tool)
    process.arguments = arguments
    process.currentDirectoryURL = folder
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit(atMost: 60)
    return (process.terminationStatus, String(decoding: data, as: UTF8.self))
  }
}
