import Emulator
import Testing

@Suite struct StateEncoderTests {
  struct Sample: Codable {
    var number: UInt16 = 0x1234
    var optional: UInt8?
    var list: [UInt8] = [1, 2]
    var nested = Nested()
    struct Nested: Codable { var flag = true }
  }

  @Test func fieldsAreSortedAndIntegersLittleEndian() throws {
    struct Pair: Codable {
      var b: UInt16 = 0x0102
      var a: UInt8 = 3
    }
    let bytes = try StateEncoder().encode(Pair())
    #expect(
      bytes == [2, 0, 0, 0, 0, 0, 0, 0]
        + [1, 0, 0, 0, 0, 0, 0, 0, 0x61, 3]
        + [1, 0, 0, 0, 0, 0, 0, 0, 0x62, 2, 1])
  }

  @Test func everyFieldChangesTheDigest() throws {
    let base = try StateEncoder().digest(Sample())
    var sample = Sample()
    sample.optional = 0
    #expect(try StateEncoder().digest(sample) != base)
    sample = Sample()
    sample.list.append(0)
    #expect(try StateEncoder().digest(sample) != base)
    sample = Sample()
    sample.nested.flag = false
    #expect(try StateEncoder().digest(sample) != base)
    #expect(try StateEncoder().digest(Sample()) == base)
  }

  @Test func dictionariesEncodeInTheOrderOfTheirKeys() throws {
    var forwards: [String: Int] = [:]
    var backwards: [String: Int] = [:]
    for number in 0..<100 { forwards["\(number)"] = number }
    for number in (0..<100).reversed() { backwards["\(number)"] = number }
    #expect(try StateEncoder().encode(forwards) == StateEncoder().encode(backwards))
  }

  @Test func theDigestIsFNV1a() {
    var digest = StateDigest()
    digest.add("foobar".utf8)
    #expect(digest.value == 0x8594_4171_F739_67E8)
  }
}
