import GuestKernel
import Testing

@Suite struct ByteCountTests {
  @Test(
    arguments: [
      ("0", 0), ("512", 512), ("64k", 65536), ("2M", 2 << 20), ("1G", 1 << 30), ("1g", 1 << 30),
      ("50%", 500), ("100%", 1000),
    ] as [(StaticString, UInt64)])
  func numbersOfBytes(text: StaticString, bytes: UInt64) {
    #expect(ByteCount.parse([UInt8](text: text), of: 1000) == bytes)
  }

  @Test(
    arguments: ["", "k", "%", "-1", "1kk", "1.5k", "101%", "20000000000g", "x"] as [StaticString])
  func noNumbers(text: StaticString) {
    #expect(ByteCount.parse([UInt8](text: text), of: 1000) == nil)
  }
}
