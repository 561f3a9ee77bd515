/// MMX, and the instructions of SSE that work on its registers.
enum MMXTemplates {
  static let all: [Template] =
    (arithmetic.map { "0F \(String($0, radix: 16)) /r" } + shifts + rest)
    .map { Template($0, group: .mmx) } + ExtensionTemplates.mmx

  private static let arithmetic: [Int] =
    Array(0x60...0x6B) + Array(0x74...0x76) + Array(0xD1...0xD5) + Array(0xD8...0xDF)
    + Array(0xE0...0xE5) + Array(0xE8...0xEF) + Array(0xF1...0xF6) + Array(0xF8...0xFE)

  private static let shifts: [String] = [
    "0F 71 /2 reg ib count", "0F 71 /4 reg ib count", "0F 71 /6 reg ib count",
    "0F 72 /2 reg ib count", "0F 72 /4 reg ib count", "0F 72 /6 reg ib count",
    "0F 73 /2 reg ib count", "0F 73 /6 reg ib count",
  ]

  private static let rest: [String] = [
    "0F 6E /r", "0F 7E /r", "0F 6F /r", "0F 7F /r", "0F 70 /r ib", "0F C4 /r ib", "0F C5 /r ib reg",
    "0F D7 /r reg", "0F E7 /r mem", "0F 77", "F2 0F D6 /r reg", "F3 0F D6 /r reg", "0F 2A /r reg",
    "0F 2C /r", "0F 2D /r", "66 0F 2A /r", "66 0F 2C /r wide", "66 0F 2D /r wide",
    "0F F7 /r reg rdi",
  ]
}
