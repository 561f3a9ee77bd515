import GuestKernel
import Testing

/// A minimal executable with one code and one data segment, to be damaged by the tests.
private func executable() -> [UInt8] {
  var file = [UInt8](repeating: 0, count: 64 + 2 * 56 + 100)
  func put(_ value: UInt64, _ offset: Int, _ size: Int) {
    for index in 0..<size {
      file[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index))
    }
  }
  file[0..<6] = [0x7f, 0x45, 0x4c, 0x46, 2, 1]
  put(2, 16, 2)
  put(62, 18, 2)
  put(0x40_1000, 24, 8)
  put(64, 32, 8)
  put(56, 54, 2)
  put(2, 56, 2)
  for (index, segment) in [(0x40_1000, 100, 100, 5), (0x40_2000, 40, 5000, 6)].enumerated() {
    let at = 64 + 56 * index
    put(1, at, 4)
    put(UInt64(segment.3), at + 4, 4)
    put(176, at + 8, 8)
    put(UInt64(segment.0), at + 16, 8)
    put(UInt64(segment.1), at + 32, 8)
    put(UInt64(segment.2), at + 40, 8)
  }
  return file
}

private let space: Range<UInt64> = 0x1_0000..<0x4000_0000_0000

private func load(_ file: [UInt8]) throws(ELFError) -> ELFProgram {
  let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: file.count, alignment: 16)
  defer { copy.deallocate() }
  copy.copyBytes(from: file)
  return try ELFProgram(UnsafeRawBufferPointer(copy), within: space)
}

@Suite struct ELFProgramTests {
  @Test func segmentsAreRead() throws {
    let program = try load(executable())
    #expect(program.entry == 0x40_1000)
    #expect(program.segments.count == 2)
    #expect(program.segments[0].isExecutable && !program.segments[0].isWritable)
    #expect(program.segments[1].endPage == 0x40_4000)
  }

  /// A position-independent one may be put anywhere, by whole pages; another says that it may not.
  @Test func whatIsMovableMoves() throws {
    var file = executable()
    #expect(try !load(file).isMovable)
    file[16] = 3
    var program = try load(file)
    #expect(program.isMovable)
    program.move(by: 0x3000)
    #expect(program.entry == 0x40_4000 && program.segments[1].firstPage == 0x40_5000)
  }

  @Test func theHeadersSuffice() throws {
    let file = executable()
    let start = Array(file.prefix(176))
    func program(size: UInt64) throws(ELFError) -> ELFProgram {
      let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: start.count, alignment: 16)
      defer { copy.deallocate() }
      copy.copyBytes(from: start)
      #expect(ELFProgram.headersEnd(UnsafeRawBufferPointer(copy)) == 176)
      return try ELFProgram(UnsafeRawBufferPointer(copy), size: size, within: space)
    }
    #expect(try program(size: UInt64(file.count)).segments == load(file).segments)
    #expect(try program(size: 1 << 40).segments.count == 2)
    #expect(throws: ELFError.segmentOutsideFile) { try program(size: 275) }
  }

  @Test(arguments: [
    (0, 0, ELFError.notELF), (4, 1, .notStaticExecutable), (16, 1, .notStaticExecutable),
    (18, 3, .notStaticExecutable), (54, 57, .badHeaders), (57, 1, .badHeaders),
    (39, 0xff, .badHeaders), (64 + 23, 0xff, .outsideUserSpace), (64 + 18, 0, .outsideUserSpace),
    (64 + 47, 0xff, .outsideUserSpace), (64 + 15, 0xff, .segmentOutsideFile),
    (64 + 32, 101, .segmentOutsideFile), (64 + 4, 7, .writableAndExecutable),
    (120 + 17, 0x10, .segmentsShareAPage), (25, 0x20, .entryNotExecutable), (56, 0, .noSegments),
  ])
  func damageIsNamed(offset: Int, value: UInt8, error: ELFError) {
    var file = executable()
    file[offset] = value
    #expect(throws: error) { try load(file) }
  }

  @Test func everyLengthAndRandomDamageIsSurvived() {
    let file = executable()
    for length in 0..<file.count { _ = try? load(Array(file.prefix(length))) }
    var random = Random(seed: 5)
    for _ in 0..<20_000 {
      var damaged = file
      for _ in 0...random.next() % 4 {
        damaged[Int(random.next() % 176)] = UInt8(truncatingIfNeeded: random.next())
      }
      guard let program = try? load(damaged) else { continue }
      for segment in program.segments {
        #expect(segment.fileOffset + segment.fileSize <= UInt64(file.count))
        #expect(space.contains(segment.address))
        #expect(segment.memorySize <= space.upperBound - segment.address)
        #expect(!(segment.isWritable && segment.isExecutable))
      }
    }
  }
}

@Suite struct ACPITests {
  /// A table with that body and a right checksum.
  private func table(_ signature: String, _ body: [UInt8]) -> [UInt8] {
    var bytes = Array(signature.utf8) + [UInt8](repeating: 0, count: 32) + body
    let length = UInt32(bytes.count)
    for index in 0..<4 { bytes[4 + index] = UInt8(truncatingIfNeeded: length >> UInt32(8 * index)) }
    bytes[9] = 0 &- bytes.reduce(0, &+)
    return bytes
  }

  private func with<Result>(_ bytes: [UInt8], _ body: (ACPITable?) -> Result) -> Result {
    bytes.withUnsafeBytes { body(ACPITable($0)) }
  }

  @Test func checksumsAndLengthsAreChecked() {
    var bytes = table("XSDT", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    #expect(with(bytes) { $0?.entries } == [0x0807_0605_0403_0201])
    bytes[40] &+= 1
    #expect(with(bytes) { $0 == nil })
    let long = table("RSDT", [1, 0, 0, 0, 2, 0, 0, 0])
    #expect(with(long) { $0?.entries } == [1, 2])
    #expect(with(Array(long.dropLast())) { $0 == nil })
    #expect(with([]) { $0 == nil })
  }

  @Test func interruptControllers() throws {
    let body: [UInt8] =
      [0, 0, 0xe0, 0xfe, 1, 0, 0, 0]
      + [0, 8, 0, 0, 1, 0, 0, 0] + [0, 8, 1, 1, 0, 0, 0, 0]
      + [1, 12, 2, 0, 0, 0, 0xc0, 0xfe, 24, 0, 0, 0]
      + [1, 12, 3, 0, 0, 0x10, 0xc0, 0xfe, 0, 0, 0, 0]
      + [1, 12, 4, 0, 0, 0x20, 0xc0, 0xfe, 48, 0, 0, 0]
      + [2, 10, 0, 0, 2, 0, 0, 0, 0, 0] + [2, 10, 0, 4, 9, 0, 0, 0, 0x0f, 0]
      + [5, 12, 0, 0, 0, 0, 0xe1, 0xfe, 0, 0, 0, 0] + [9, 0]
    let found = with(table("APIC", body)) { $0.map { InterruptControllers($0) } }
    let controllers = try #require(found)
    #expect(controllers.localAPIC == 0xfee1_0000)
    #expect(controllers.ioAPICs.map(\.address) == [0xfec0_1000, 0xfec0_0000, 0xfec0_2000])
    #expect(controllers.ioAPICs.map(\.firstInput) == [0, 24, 48])
    #expect(controllers.processors == [0])
    let timer = controllers.route(forISA: 0)
    #expect(timer.input == 2 && !timer.isActiveLow && !timer.isLevelTriggered)
    let serial = controllers.route(forISA: 4)
    #expect(serial.input == 9 && serial.isActiveLow && serial.isLevelTriggered)
    #expect(controllers.route(forISA: 3).input == 3)
  }

  @Test func powerRegisters() throws {
    var body = [UInt8](repeating: 0, count: 244 - 36)
    func put(_ bytes: [UInt8], at offset: Int) {
      for (index, byte) in bytes.enumerated() { body[offset - 36 + index] = byte }
    }
    put([0x78, 0x56, 0x34, 0x12], at: 40)
    put([0xb2, 0, 0, 0, 0x02], at: 48)
    put([0x04, 0x06, 0, 0], at: 64)
    put([0, 4, 0, 0], at: 112)
    put([1, 8, 0, 1, 0xf9, 0x0c, 0, 0, 0, 0, 0, 0, 0x06], at: 116)
    let found = with(table("FACP", body)) { $0.map { PowerRegisters($0) } }
    let power = try #require(found)
    #expect(power.differentiatedTable == 0x1234_5678)
    #expect(power.commandPort == 0xb2 && power.enableCommand == 2)
    #expect(power.controlPortA == 0x604 && power.controlPortB == 0)
    #expect(power.reset?.isPort == true)
    #expect(power.reset?.address == 0xcf9 && power.reset?.value == 6)
    let short = with(table("FACP", Array(body.prefix(116 - 36)))) { $0.map { PowerRegisters($0) } }
    #expect(short?.reset == nil)
    #expect(short?.controlPortA == 0x604)
  }

  @Test(
    arguments: [
      ([0x08, 0x5f, 0x53, 0x35, 0x5f, 0x12, 0x06, 0x04, 0x00, 0x00, 0x00, 0x00], 0, 0),
      (
        [0x08, 0x5c, 0x5f, 0x53, 0x35, 0x5f, 0x12, 0x0a, 0x04, 0x0a, 0x05, 0x0a, 0x07, 0x00, 0x00],
        5, 7
      ),
      ([0x08, 0x5f, 0x53, 0x35, 0x5f, 0x12, 0x40, 0x01, 0x02, 0x01, 0x0b, 0x06, 0x00, 0x00], 1, 6),
    ] as [([UInt8], UInt8, UInt8)])
  func softOffIsFound(aml: [UInt8], a: UInt8, b: UInt8) throws {
    let bytes = [0x5f, 0x53, 0x35, 0x5f, 0x00] + aml + [0, 0, 0]
    let found = bytes.withUnsafeBytes { SoftOff(aml: $0) }
    let softOff = try #require(found)
    #expect(softOff.typeA == a && softOff.typeB == b)
  }

  @Test func softOffInRubbishIsHarmless() {
    var random = Random(seed: 99)
    for _ in 0..<2000 {
      var bytes = (0..<64).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      bytes.replaceSubrange(50..<56, with: [0x08, 0x5f, 0x53, 0x35, 0x5f, 0x12])
      for length in [bytes.count, 57, 58, 60] {
        _ = bytes.prefix(length).withUnsafeBytes { SoftOff(aml: $0) }
      }
    }
  }

  @Test func rootPointer() {
    var bytes =
      Array("RSD PTR ".utf8) + [0, 1, 2, 3, 4, 5, 2, 0x10, 0, 0, 0]
      + [UInt8](repeating: 0, count: 17)
    bytes[15] = 2
    bytes[16..<20] = [0x00, 0x10, 0, 0]
    bytes[24..<32] = [0x00, 0x20, 0, 0, 1, 0, 0, 0]
    bytes[8] = 0 &- bytes.prefix(20).reduce(0, &+)
    let wide = bytes.withUnsafeBytes { RootPointer($0) }
    #expect(wide?.table == 0x1_0000_2000 && wide?.hasWideEntries == true)
    let narrow = bytes.prefix(20).withUnsafeBytes { RootPointer($0) }
    #expect(narrow?.table == 0x1000 && narrow?.hasWideEntries == false)
    bytes[9] &+= 1
    let wrong = bytes.withUnsafeBytes { RootPointer($0) }
    #expect(wrong == nil)
  }
}
