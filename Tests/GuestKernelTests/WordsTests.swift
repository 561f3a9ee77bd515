import Foundation
import GuestKernel
import Testing

@Suite struct WordsTests {
  @Test(arguments: [
    ("", []), ("  a  b ", ["a", "b"]), ("a\"b c\"d 'e f' \"\"", ["ab cd", "e f", ""]),
    ("cmd=\"hello; ps\" exit", ["cmd=hello; ps", "exit"]),
    ("\"cmd=hello; ps\" exit", ["cmd=hello; ps", "exit"]), ("a \"b c", ["a", "b c"]),
  ])
  func splitting(line: String, expected: [String]) {
    #expect(Words.split(Array(line.utf8)) == expected.map { Array($0.utf8) })
  }

  @Test func parts() {
    let parts = Words.parts(Array(" a 'x;y' ;; b& ".utf8))
    #expect(parts == ["a 'x;y'", "b&"].map { Array($0.utf8) })
  }

  @Test func decimals() {
    for (text, value) in [
      ("0", 0), ("42", 42), ("18446744073709551615", UInt64.max),
    ] as [(String, UInt64)] {
      #expect(Array(text.utf8).decimal == value)
    }
    for text in ["", "-1", "1x", "18446744073709551616", "99999999999999999999999"] {
      #expect(Array(text.utf8).decimal == nil)
    }
  }

  @Test func bootOptions() {
    var expected = BootOptions()
    expected.isQuiet = true
    expected.commands = Array("hello; ps".utf8)
    expected.exitsAfterwards = true
    expected.usesDebugExit = true
    expected.unknown = [Array("what=ever".utf8)]
    let line = "quiet what=ever cmd='hello; ps' exit debug-exit"
    #expect(BootOptions(commandLine: Array(line.utf8)) == expected)
    let other = BootOptions(commandLine: Array("run=\"count 3\" panic=reboot selftest".utf8))
    #expect(other.program == Array("count 3".utf8))
    #expect(other.rebootsAfterPanic && other.testsItself && !other.isQuiet)
  }
}

@Suite struct TextTests {
  private func string(_ line: TextLine) -> String {
    line.withBytes { String(decoding: $0, as: UTF8.self) }
  }

  @Test func numbers() {
    #expect(
      string("\(0) \(-5) \(UInt64.max) \(Int64.min)")
        == "0 -5 18446744073709551615 -9223372036854775808")
    #expect(string("\(hex: 0) \(hex: 255) \(hex: 0x10, digits: 8)") == "0x0 0xff 0x00000010")
    #expect(string("\(hex: UInt64.max)") == "0xffffffffffffffff")
    #expect(string("[\(7, width: 3)][\(1234, width: 3)]") == "[  7][1234]")
    #expect(string("\("ab", padded: 4)|") == "ab  |")
  }

  @Test func sizes() {
    #expect(
      string("\(size: 0), \(size: 1023), \(size: 640 << 10)") == "0 bytes, 1023 bytes, 640 KiB")
    #expect(
      string("\(size: 9 << 20), \(size: 256 << 20), \(size: 64 << 30)")
        == "9216 KiB, 256 MiB, 64 GiB")
  }

  @Test func whatIsTooLongIsCutOff() {
    var line = TextLine()
    for _ in 0..<100 { line.append("abcdefgh") }
    #expect(line.count == TextLine.capacity)
    line.append(decimal: 12345)
    #expect(line.count == TextLine.capacity)
  }

  @Test func recordNamesAreCut() {
    #expect(RecordName(bytes: Array("shell".utf8)).bytes == Array("shell".utf8))
    #expect(RecordName(bytes: [UInt8](repeating: 0x61, count: 40)).bytes.count == 23)
  }
}

@Suite struct RingTests {
  @Test func theQueueRefusesWhenFull() {
    var queue = ByteQueue(capacity: 4)
    for round in 0..<10 as Range<UInt8> {
      let accepted = (0..<6).map { queue.push(round &* 6 &+ $0) }
      #expect(accepted == [true, true, true, true, false, false])
      let taken = (0..<5).map { _ in queue.pop() }
      #expect(taken == [round &* 6, round &* 6 &+ 1, round &* 6 &+ 2, round &* 6 &+ 3, nil])
    }
  }

  @Test func theLogDropsWholeLines() {
    var log = LogBuffer(capacity: 64)
    for number in 0..<50 { log.append("line \(number)") }
    var bytes: [UInt8] = []
    for position in log.start..<log.end { bytes.append(log.byte(at: position) ?? 0) }
    let lines = String(decoding: bytes, as: UTF8.self).components(separatedBy: "\n").dropLast()
    #expect(Array(lines) == (42..<50).map { "line \($0)" })
    #expect(log.byte(at: log.start - 1) == nil)
    #expect(log.byte(at: log.end) == nil)
  }
}

@Suite struct InjectedFaultTests {
  @Test func names() {
    #expect(InjectedFaults(list: Array("fork-leak".utf8)) == .forkLeak)
    #expect(InjectedFaults(list: Array("wait-lie,pipe-drop".utf8)) == [.waitLie, .pipeDrop])
    #expect(InjectedFaults(list: Array("nothing".utf8)) == nil)
    #expect(BootOptions(commandLine: Array("fault=silent-put".utf8)).faults == .silentPut)
    #expect(BootOptions(commandLine: Array("fault=x".utf8)).unknown == [Array("fault=x".utf8)])
  }
}
