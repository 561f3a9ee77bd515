/// SSE on XMM registers.
enum SSETemplates {
  static let all: [Template] =
    (packed + scalar).split(separator: "\n").map { Template($0, group: .sse) } + arithmetic
    + integer + ExtensionTemplates.vector

  /// The operations that exist as PS, PD, SS and SD.
  private static let arithmetic: [Template] = [0x51, 0x58, 0x59, 0x5C, 0x5D, 0x5E, 0x5F].flatMap {
    (opcode: Int) -> [Template] in
    let hex = String(opcode, radix: 16)
    return ["0F \(hex) /r wide", "66 0F \(hex) /r wide", "F3 0F \(hex) /r", "F2 0F \(hex) /r"]
      .flatMap { [Template($0, group: .sse), Template($0, group: .sse)] }
  }

  /// The packed integer operations, which are SSE2 under 66.
  private static let integer: [Template] = {
    let plain: [Int] =
      Array(0x60...0x6D) + Array(0x74...0x76) + Array(0xD1...0xD5) + Array(0xD8...0xDF)
      + Array(0xE0...0xE5) + Array(0xE8...0xEF) + Array(0xF1...0xF6) + Array(0xF8...0xFE)
    var all = plain.map { Template("66 0F \(String($0, radix: 16)) /r wide", group: .sse) }
    for (opcode, digits) in [(0x71, [2, 4, 6]), (0x72, [2, 4, 6]), (0x73, [2, 3, 6, 7])] {
      for digit in digits {
        all.append(
          Template("66 0F \(String(opcode, radix: 16)) /\(digit) reg ib count", group: .sse))
      }
    }
    return all
  }()

  private static let packed = """
    0F 10 /r
    0F 11 /r
    66 0F 10 /r
    66 0F 11 /r
    F3 0F 10 /r
    F3 0F 11 /r
    F2 0F 10 /r
    F2 0F 11 /r
    0F 12 /r
    0F 13 /r mem
    66 0F 12 /r mem
    66 0F 13 /r mem
    0F 14 /r wide
    0F 15 /r wide
    66 0F 14 /r wide
    66 0F 15 /r wide
    0F 16 /r
    0F 17 /r mem
    66 0F 16 /r mem
    66 0F 17 /r mem
    0F 28 /r wide
    0F 29 /r wide
    66 0F 28 /r wide
    66 0F 29 /r wide
    0F 2B /r mem wide
    66 0F 2B /r mem wide
    66 0F E7 /r mem wide
    0F 50 /r reg
    66 0F 50 /r reg
    66 0F D7 /r reg
    0F 52 /r wide approximate
    0F 53 /r wide approximate
    F3 0F 52 /r approximate
    F3 0F 53 /r approximate
    0F 54 /r wide
    0F 55 /r wide
    0F 56 /r wide
    0F 57 /r wide
    66 0F 54 /r wide
    66 0F 55 /r wide
    66 0F 56 /r wide
    66 0F 57 /r wide
    0F C2 /r ib wide
    66 0F C2 /r ib wide
    F3 0F C2 /r ib
    F2 0F C2 /r ib
    0F C6 /r ib wide
    66 0F C6 /r ib wide
    66 0F C4 /r ib
    66 0F C5 /r ib reg
    66 0F 70 /r ib wide
    F3 0F 70 /r ib wide
    F2 0F 70 /r ib wide
    66 0F 6E /r
    66 0F 7E /r
    F3 0F 7E /r
    66 0F D6 /r
    66 0F 6F /r wide
    F3 0F 6F /r
    66 0F 7F /r wide
    F3 0F 7F /r
    66 0F F7 /r reg rdi

    """

  private static let scalar = """
    F3 0F 2A /r
    F2 0F 2A /r
    F3 0F 2C /r
    F2 0F 2C /r
    F3 0F 2D /r
    F2 0F 2D /r
    0F 2E /r
    66 0F 2E /r
    0F 2F /r
    66 0F 2F /r
    0F 5A /r
    66 0F 5A /r wide
    F3 0F 5A /r
    F2 0F 5A /r
    0F 5B /r wide
    66 0F 5B /r wide
    F3 0F 5B /r wide
    F3 0F E6 /r
    66 0F E6 /r wide
    F2 0F E6 /r wide
    0F AE /2 mem mxcsr
    0F AE /3 mem
    0F AE /0 mem wide environment
    0F AE /1 mem wide fxrstor
    0F AE /4 mem wide xsave environment
    0F AE /5 mem wide fxrstor xsave
    0F AE /5 mem wide fxrstor xsave
    """
}
