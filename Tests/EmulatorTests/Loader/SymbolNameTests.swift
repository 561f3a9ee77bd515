import Emulator
import TestImages
import Testing

/// Functions by the names that people type.
@Suite struct SymbolNameTests {
  private static let fault =
    "$e6Kernel12AddressSpaceC5faultys6ResultOyytAA12FaultFailureOGs6UInt64V_AA12MemoryAccessOtF"
  private static let readInto =
    "$e6Kernel10UserMemoryO4read_4intoSbs6UInt64V_SwtFZ"
  private static let readCount =
    "$e6Kernel10UserMemoryO4read_5countSays5UInt8VGSgs6UInt64V_AKtFZ"
  private static let consoleLevel = "$e6Kernel0A3LogO12consoleLevels5UInt8VvpZ"
  private static let item = "$e6Kernel15IdentifierTableVyxSgSicigAA7ProcessC_Tg5"
  private static let measure =
    "$e6Kernel8AreaListV5Chunk33_7798D43ED9090DFCF90135BFB8532F4ELLV7measureyyFAA13VirtualMemoryO"
    + "5Piece33_895B37053F3C32A742F316E860B2EA21LLC_Tg5Tm"
  private static let equal = "$eSasSQRzlE2eeoiySbSayxG_ABtFZ"

  private func table(_ names: [String]) throws -> SymbolTable {
    var builder = ELFBuilder(code: [0xF4])
    builder.symbols = names.enumerated().map { ($1, 0x1000 + UInt64($0) * 16, 16) }
    return SymbolTable(try ELFImage(builder.build(), name: "k"))
  }

  @Test(arguments: [
    (fault, "AddressSpace.fault"), (fault, "Kernel.AddressSpace.fault"), (fault, "fault"),
    (fault, "AddressSpace.fault(_:_:)"), (fault, "fault(_:_:)"), (fault, fault),
    (
      fault,
      "Kernel.AddressSpace.fault(Swift.UInt64, Kernel.MemoryAccess) -> Swift.Result<(), "
        + "Kernel.FaultFailure>"
    ),
    (readInto, "UserMemory.read(_:into:)"), (consoleLevel, "KernelLog.consoleLevel"),
    (item, "IdentifierTable.subscript.getter"), (item, "IdentifierTable.subscript"),
    (measure, "AreaList.Chunk.measure"), (measure, "measure()"),
    (equal, "Array.=="), ("$s6Kernel3FooV3baryyF", "Foo.bar"),
    ("_ZN6kernel5Timer4tickEv", "Timer::tick"), ("_ZN6kernel5Timer4tickEv", "Timer.tick"),
    ("_ZN6kernel5Timer4tickEv", "kernel::Timer::tick()"), ("_Z3addii", "add"),
    ("_ZN4core3fmt5write17h0123456789abcdefE", "fmt::write"),
  ])
  func theEndOfAPathIsEnough(symbol: String, name: String) throws {
    let table = try table(["start", symbol])
    #expect(table.symbols(named: name).map(\.name) == [symbol], "\(name)")
    #expect(try table.meaning(of: name).address() == 0x1010)
  }

  @Test(arguments: [
    "Fault", "space.fault", "Space.fault", "ault", "Kernel.fault", "fault(_:access:)", "fault(", "",
    ".", "AddressSpace.", "closure #1 in fault",
  ])
  func anythingElseIsNot(name: String) throws {
    #expect(try table([Self.fault]).symbols(named: name).isEmpty, "\(name)")
  }

  /// Three functions of one, of which one is the function itself.
  @Test func copiesAreOneFunction() throws {
    let plain = "$e6Kernel8AreaListV7measureyyF"
    let copies = ["$e6Kernel8AreaListV7measureyyFSi_Tg5", "$e6Kernel8AreaListV7measureyyFSb_Tg5Tm"]
    let copied = try table(copies)
    let meaning = try copied.meaning(of: "AreaList.measure")
    #expect(meaning.addresses == [0x1000, 0x1010])
    let error = try #require(throws: SymbolTable.NameError.self) { try meaning.address() }
    #expect(error.description.contains("has several copies"))
    #expect(error.description.contains("0x1010  merged generic specialization <Swift.Bool> of"))
    let whole = try table([plain] + copies).meaning(of: "AreaList.measure")
    #expect(whole.addresses == [0x1000, 0x1010, 0x1020])
    #expect(try whole.address() == 0x1000)
  }

  @Test func severalMeaningsAreListedWithWhatToType() throws {
    let table = try table([Self.readInto, Self.readCount, "$e6Kernel4DiskV4readyyF"])
    let error = try #require(throws: SymbolTable.NameError.self) { try table.meaning(of: "read") }
    #expect(
      error.description == """
        `read` may be any of these; type the name or the address:
          0x1000  UserMemory.read(_:into:)
          0x1010  UserMemory.read(_:count:)
          0x1020  Disk.read
        """)
    for meaning in table.meanings(of: "read") {
      #expect(try table.meaning(of: meaning.name).addresses == meaning.addresses)
    }
  }

  @Test func whatIsInTheFileComesFirst() throws {
    let table = try table(["fault", Self.fault])
    #expect(try table.meaning(of: "fault").address() == 0x1000)
    #expect(table.symbols(exactly: "Kernel.AddressSpace.fault").map(\.address) == [0x1010])
    #expect(table.symbols(exactly: "AddressSpace.fault").isEmpty)
  }

  @Test(arguments: [
    ("AddressSpace.falt", "AddressSpace.fault"), ("adressspace.fault", "AddressSpace.fault"),
    ("Memory.fault", "AddressSpace.fault"), ("statr", "start"),
    ("KernelLog.consolelevel", "KernelLog.consoleLevel"),
  ])
  func theNearestNamesAreSaid(typed: String, nearest: String) throws {
    let table = try table(["start", Self.fault, Self.consoleLevel])
    let error = try #require(throws: SymbolTable.NameError.self) { try table.meaning(of: typed) }
    #expect(
      error.description == "there is no symbol `\(typed)`; the nearest: \(nearest)")
    #expect(table.nearestNames(to: "zzzzzzzz").isEmpty)
  }

  @Test func namesAreCompleted() throws {
    let table = try table(["start", "stop", Self.fault, Self.readInto, Self.readCount])
    #expect(table.completions(of: "st") == ["start", "stop"])
    #expect(table.completions(of: "Addr") == ["AddressSpace.fault"])
    #expect(table.completions(of: "UserMemory.") == ["UserMemory.read"])
    #expect(table.completions(of: "X").isEmpty)
  }
}
