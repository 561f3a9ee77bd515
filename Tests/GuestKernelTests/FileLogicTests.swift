import GuestKernel
import Testing

@Suite struct PathStepsTests {
  private func steps(_ path: String) -> [PathSteps.Step] {
    guard var walk = PathSteps(Array(path.utf8)) else { return [] }
    var list: [PathSteps.Step] = []
    while true {
      let step = walk.next()
      list.append(step)
      if step == .end { return list }
    }
  }

  private func name(_ text: String, last: Bool = false) -> PathSteps.Step {
    .name(Array(text.utf8), isLast: last)
  }

  @Test func componentsComeInOrder() {
    #expect(steps("/a//b/./c") == [name("a"), name("b"), name("c", last: true), .end])
    #expect(steps("..") == [.parent, .end])
    #expect(steps("/") == [.end])
    #expect(PathSteps(Array("/x".utf8))?.isAbsolute == true)
    #expect(PathSteps(Array("x/".utf8))?.wantsDirectory == true)
  }

  @Test func aLinkTakesThePlaceOfItsName() throws {
    var walk = try #require(PathSteps(Array("a/b".utf8)))
    #expect(walk.next() == name("a"))
    let followed = walk.expand(Array("/x/y".utf8))
    #expect(followed)
    #expect(walk.isAbsolute)
    #expect(walk.next() == name("x"))
    #expect(walk.next() == name("y"))
    #expect(walk.next() == name("b", last: true))
  }

  @Test func circlesEnd() throws {
    var walk = try #require(PathSteps(Array("a".utf8)))
    var count = 0
    while walk.expand(Array("a".utf8)) { count += 1 }
    #expect(count == PathSteps.maximumLinks)
    #expect(PathSteps([UInt8](repeating: 0x61, count: 256)) == nil)
  }
}

@Suite struct ByteRingTests {
  @Test func itKeepsOrderAroundTheEnd() {
    let ring = ByteRing(capacity: 8)
    var written: [UInt8] = []
    var read: [UInt8] = []
    for round in 0..<20 {
      let bytes = (0..<5).map { UInt8(round * 5 + $0) }
      let count = bytes.withUnsafeBytes { ring.write($0) }
      written += bytes[0..<count]
      var buffer = [UInt8](repeating: 0, count: 3 + round % 4)
      let got = buffer.withUnsafeMutableBytes { ring.read(into: $0) }
      read += buffer[0..<got]
    }
    #expect(written.starts(with: read))
    let isResized = ring.resize(to: 64)
    #expect(isResized)
    var rest = [UInt8](repeating: 0, count: 64)
    let got = rest.withUnsafeMutableBytes { ring.read(into: $0) }
    #expect(read + rest[0..<got] == written)
    let tooSmall = ring.resize(to: 0)
    #expect(!tooSmall)
  }
}

@Suite struct ElevatorTests {
  private func run(_ sectors: [UInt64], head: UInt64? = nil) -> [Elevator.Run] {
    var elevator = Elevator(maximumSectors: 8, maximumMembers: 8)
    if let head {
      elevator.add(sector: head - 1, count: 1, isWrite: false, member: 99)
      _ = elevator.next()
    }
    for (member, sector) in sectors.enumerated() {
      elevator.add(sector: sector, count: 1, isWrite: false, member: member)
    }
    var runs: [Elevator.Run] = []
    while let run = elevator.next() { runs.append(run) }
    return runs
  }

  @Test func neighboursMerge() {
    let runs = run([3, 1, 2, 5, 4])
    #expect(runs.count == 1)
    #expect(runs.first?.sector == 1)
    #expect(runs.first?.members == [1, 2, 0, 4, 3])
  }

  @Test func runsHaveALimit() {
    #expect(run(Array(0..<20)).map(\.count) == [8, 8, 4])
  }

  @Test func theHeadGoesUpAndThenBack() {
    #expect(run([10, 90, 50, 70], head: 60).map(\.sector) == [70, 90, 10, 50])
  }

  @Test func readsAndWritesStayApart() {
    var elevator = Elevator(maximumSectors: 8, maximumMembers: 8)
    elevator.add(sector: 0, count: 1, isWrite: false, member: 0)
    elevator.add(sector: 1, count: 1, isWrite: true, member: 1)
    #expect(elevator.runs.count == 2)
  }
}

@Suite struct LineDisciplineTests {
  private func type(_ text: String, _ line: inout LineDiscipline) {
    for byte in text.utf8 { _ = line.receive(byte) }
  }

  private func read(_ line: inout LineDiscipline) -> String {
    String(decoding: line.read(limit: 100), as: UTF8.self)
  }

  @Test func linesAreEditedAndHandedOutWhole() {
    var line = LineDiscipline()
    type("helo\u{7f}lo wrld\u{17}world", &line)
    #expect(!line.isReadable)
    type("\rnext\n", &line)
    #expect(read(&line) == "hello world\n")
    #expect(read(&line) == "next\n")
    #expect(!line.isReadable)
  }

  @Test func controlDIsAnEndOfFile() {
    var line = LineDiscipline()
    type("ab\u{04}", &line)
    #expect(read(&line) == "ab")
    type("\u{04}", &line)
    #expect(line.isReadable)
    #expect(read(&line).isEmpty)
    #expect(!line.isReadable)
  }

  @Test func signalsThrowTheLineAway() {
    var line = LineDiscipline()
    type("lost", &line)
    let effect = line.receive(3)
    guard case .signal(.interrupt) = effect else {
      Issue.record("Ctrl-C is no signal")
      return
    }
    type("kept\n", &line)
    #expect(read(&line) == "kept\n")
  }

  @Test func rawBytesAreReadableAtOnce() {
    var line = LineDiscipline()
    line.set(.raw)
    type("x\r", &line)
    #expect(read(&line) == "x\r")
    #expect(line.echo.isEmpty)
  }
}

@Suite struct ChaCha20Tests {
  /// RFC 8439, "Test Vector for the ChaCha20 Block Function".
  @Test func theBlockOfTheRFC() {
    let key: [UInt32] = [
      0x0302_0100, 0x0706_0504, 0x0b0a_0908, 0x0f0e_0d0c, 0x1312_1110, 0x1716_1514, 0x1b1a_1918,
      0x1f1e_1d1c,
    ]
    var cipher = ChaCha20(key: key, counter: 1, nonce: [0x0900_0000, 0x4a00_0000, 0])
    let block = cipher.next()
    #expect(block[0] == 0xe4e7_f110)
    #expect(block[15] == 0x4e3c_50a2)
  }
}

@Suite struct NewcArchiveTests {
  private func member(_ name: String, _ content: String, mode: Int = 0o100644) -> [UInt8] {
    func hex(_ value: Int) -> String {
      let text = String(value, radix: 16)
      return String(repeating: "0", count: 8 - text.count) + text
    }
    var fields = [Int](repeating: 0, count: 13)
    (fields[1], fields[6], fields[11]) = (mode, content.utf8.count, name.utf8.count + 1)
    var bytes = Array(("070701" + fields.map(hex).joined() + name).utf8) + [0]
    while bytes.count % 4 != 0 { bytes.append(0) }
    bytes += Array(content.utf8)
    while bytes.count % 4 != 0 { bytes.append(0) }
    return bytes
  }

  @Test func membersComeOneByOne() throws {
    let bytes =
      member("bin/x", "hello") + member("etc", "", mode: 0o40755) + member("TRAILER!!!", "")
    try bytes.withUnsafeBytes { buffer in
      var archive = try #require(NewcArchive(buffer))
      let firstFound = archive.next()
      let first = try #require(firstFound)
      #expect(first.name == Array("bin/x".utf8))
      #expect(Array(first.content) == Array("hello".utf8))
      let secondFound = archive.next()
      let second = try #require(secondFound)
      #expect(second.mode.kind == .directory)
      let third = archive.next()
      #expect(third == nil)
      #expect(!archive.isDamaged)
    }
  }

  /// Whatever the bytes say, members lie within the archive, and there is an end.
  @Test func noBytesLeadAstray() throws {
    let sound =
      member("bin/x", "hello") + member("etc", "", mode: 0o40755)
      + member("link", "bin/x", mode: 0o120777) + member("TRAILER!!!", "")
    var random = SystemRandomNumberGenerator()
    for _ in 0..<20_000 {
      var bytes = sound
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let digits = Array("0123456789abcdefABCDEF07".utf8)
        bytes[Int.random(in: 6..<bytes.count, using: &random)] =
          Bool.random(using: &random)
          ? digits.randomElement(using: &random) ?? 0 : UInt8.random(in: 0...255, using: &random)
      }
      bytes.removeLast(Int.random(in: 0..<bytes.count / 2, using: &random))
      let isSound = bytes.withUnsafeBytes { buffer in
        guard var archive = NewcArchive(buffer), let base = buffer.baseAddress else { return true }
        var members = 0
        while let member = archive.next() {
          members += 1
          guard members <= bytes.count / 110, member.name.count <= PathSteps.longestPath
          else { return false }
          guard let start = member.content.baseAddress else { continue }
          if start < base || start + member.content.count > base + buffer.count { return false }
        }
        return true
      }
      #expect(isSound, "\(bytes)")
    }
  }

  @Test func damagedOnesEnd() {
    let bytes = Array(member("x", "0123456789").dropLast(8))
    bytes.withUnsafeBytes { buffer in
      var archive = NewcArchive(buffer)
      let first = archive?.next()
      #expect(first == nil)
      #expect(archive?.isDamaged == true)
      #expect(NewcArchive(UnsafeRawBufferPointer(rebasing: buffer[0..<50])) == nil)
    }
  }
}
