import GuestKernel
import Testing

/// How far the kernel's image is moved, read from the command line before anything else can be.
@Suite struct ImageSlideTests {
  private static func seed(_ line: String) -> UInt64? {
    Array(line.utf8).withUnsafeBytes { ImageSlide.seed(in: $0) }
  }

  private static func slide(_ line: String, end: UInt64, entropy: UInt64 = 99) -> UInt64 {
    Array(line.utf8).withUnsafeBytes { ImageSlide.choose($0, end: end, entropy: entropy) }
  }

  @Test(arguments: [
    "", "kaslr", "kaslr=7", " quiet  kaslr=123456 exit", "kaslr=", "kaslr=x", "kaslr=1234567",
    "kaslrs", "nokaslr", "cmd=\"demo kaslr; kaslr=3\" quiet", "cmd='kaslr=3' kaslr", "kasl",
    "kaslr=3 kaslr=9", "kaslr=9 kaslr", "cmd=\"open kaslr=4", "\tkaslr=0\t", "kaslr=1 \"",
    "=kaslr=2",
  ])
  func theBytesSayWhatTheOptionsSay(line: String) {
    #expect(Self.seed(line) == BootOptions(commandLine: Array(line.utf8)).randomSeed)
  }

  @Test func nothingMovesUnlessAskedTo() {
    #expect(Self.slide("quiet exit", end: 8 << 20) == 0)
    #expect(Self.slide("kaslr", end: ImageSlide.room) == 0)
  }

  @Test func aSlideIsWholePagesAndEndsInItsHalf() {
    for end in [1, 5 << 20, 700 << 20] as [UInt64] {
      var found: Set<UInt64> = []
      for seed in 1...2000 {
        let slide = Self.slide("kaslr=\(seed)", end: end)
        #expect(slide > 0 && slide % ImageSlide.step == 0 && slide + end <= ImageSlide.room)
        found.insert(slide)
      }
      #expect(found.count > Int((ImageSlide.room - end) / ImageSlide.step) * 3 / 4)
    }
    #expect(Self.slide("kaslr", end: 1, entropy: 5) != Self.slide("kaslr", end: 1, entropy: 6))
  }
}
