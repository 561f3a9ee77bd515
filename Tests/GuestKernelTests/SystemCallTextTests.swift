import GuestKernel
import Testing

@Suite struct SystemCallTextTests {
  private func text(_ name: StaticString, _ letters: StaticString, _ arguments: [UInt64]) -> String
  {
    let memory = Array("hello, \"world\"\n\0".utf8) + [UInt8](repeating: 0x61, count: 64) + [0]
    let text = SystemCallText(name: name, letters: letters, arguments: arguments) { at, count in
      guard at >= 0x1000, at < 0x1000 + UInt64(memory.count) else { return nil }
      return Array(memory[Int(at - 0x1000)...].prefix(count))
    }
    return String(decoding: text.bytes, as: UTF8.self)
  }

  @Test func numbersAreShownByTheirLetters() {
    #expect(text("read", "dpu", [3, 0x7f10, 64]) == "read(3, 0x7f10, 64)")
    #expect(text("kill", "dg", [UInt64(bitPattern: -1), 15]) == "kill(-1, SIGTERM)")
    #expect(text("lseek", "dld", [0, UInt64(bitPattern: -5), 1]) == "lseek(0, -5, 1)")
    #expect(
      text("mmap", "puxxdl", [0, 4096, 3, 0x22, 0xffff_ffff, 0])
        == "mmap(NULL, 4096, 0x3, 0x22, -1, 0)")
    #expect(text("umask", "o", [0o22]) == "umask(022)")
    #expect(text("getpid", "", []) == "getpid()")
  }

  @Test func stringsAreQuotedAndCut() {
    #expect(text("unlink", "s", [0x1000]) == #"unlink("hello, \"world\"\n")"#)
    #expect(
      text("unlink", "s", [0x1010]) == "unlink(\"" + String(repeating: "a", count: 32) + "\"...)")
    #expect(text("unlink", "s", [0]) == "unlink(NULL)")
    #expect(text("unlink", "s", [0x9000]) == "unlink(0x9000)")
    #expect(text("write", "dbu", [1, 0x1000, 5]) == #"write(1, "hello", 5)"#)
  }

  @Test func resultsAreNumbersAddressesOrErrors() {
    func result(_ value: UInt64, isAddress: Bool = false) -> String {
      var text = SystemCallText()
      text.append(result: value, isAddress: isAddress)
      return String(decoding: text.bytes, as: UTF8.self)
    }
    #expect(result(5) == " = 5")
    #expect(result(UInt64(bitPattern: -2)) == " = -1 ENOENT (no such file or directory)")
    #expect(result(0x1000, isAddress: true) == " = 0x1000")
    #expect(result(0x1_0000_0000) == " = 0x100000000")
  }

  @Test func everyErrorHasItsNumber() {
    #expect(SystemError.notEmpty.rawValue == -39)
    #expect(SystemError.timedOut.symbol.utf8CodeUnitCount == "ETIMEDOUT".utf8.count)
  }
}
