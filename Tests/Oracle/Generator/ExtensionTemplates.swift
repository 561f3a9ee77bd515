/// What came after SSE2: SSE3 to SSE4.2, AES, PCLMULQDQ, SHA, and the integer instructions beside
/// them.
enum ExtensionTemplates {
  static let vector: [Template] =
    (sse3 + registers38 + shapes38 + map3A).map { Template($0, group: .sse) }

  static let mmx: [Template] =
    (Array(0x00...0x0B) + Array(0x1C...0x1E)).map {
      Template("0F 38 \(hex($0)) /r", group: .mmx)
    } + [Template("0F 3A 0F /r ib count", group: .mmx)]

  static let integer: [Template] = [
    "F2 0F 38 F0 /r", "F2 0F 38 F1 /r", "F2 0F 38 F1 /r", "66 0F 38 F6 /r", "F3 0F 38 F6 /r",
    "66 0F AE /6 mem", "66 0F AE /7 mem", "0F AE /7 mem", "0F 0D /1 mem", "0F 18 /1 mem",
  ].map { Template($0, group: .integer) }

  private static let sse3 = [
    "F2 0F 12 /r", "F3 0F 12 /r wide", "F3 0F 16 /r wide", "66 0F 7C /r wide", "F2 0F 7C /r wide",
    "66 0F 7D /r wide", "F2 0F 7D /r wide", "66 0F D0 /r wide", "F2 0F D0 /r wide",
    "66 0F 7C /r wide", "F2 0F 7C /r wide", "66 0F 7D /r wide", "F2 0F 7D /r wide",
    "66 0F D0 /r wide", "F2 0F D0 /r wide", "F2 0F F0 /r mem",
  ]

  /// The operations on two registers, or a register and aligned memory.
  private static let registers38: [String] = {
    let wide =
      Array(0x00...0x0B) + [0x10, 0x14, 0x15, 0x17, 0x28, 0x29, 0x2B] + Array(0x1C...0x1E)
      + Array(0x37...0x41) + Array(0xDB...0xDF)
    return wide.map { "66 0F 38 \(hex($0)) /r wide" }
      + (0xC8...0xCD).map { "0F 38 \(hex($0)) /r wide" }
  }()

  private static let shapes38: [String] =
    (Array(0x20...0x25) + Array(0x30...0x35)).map { "66 0F 38 \(hex($0)) /r" }
    + ["66 0F 38 2A /r mem wide", "66 0F 38 2A /r wide"]

  private static let map3A: [String] =
    [0x08, 0x09, 0x08, 0x09, 0x0C, 0x0D, 0x0E, 0x42, 0x44, 0xDF].map {
      "66 0F 3A \(hex($0)) /r ib wide"
    }
    + [0x40, 0x41, 0x40, 0x41].map { "66 0F 3A \(hex($0)) /r ib wide" }
    + [0x0A, 0x0B, 0x0A, 0x0B, 0x14, 0x15, 0x16, 0x17, 0x20, 0x21, 0x22].map {
      "66 0F 3A \(hex($0)) /r ib"
    }
    + [0x60, 0x61, 0x62, 0x63].flatMap {
      [String](repeating: "66 0F 3A \(hex($0)) /r ib lengths", count: 3)
    }
    + ["66 0F 3A 0F /r ib wide count", "0F 3A CC /r ib wide"]

  private static func hex(_ opcode: Int) -> String {
    let text = String(opcode, radix: 16)
    return text.count == 1 ? "0" + text : text
  }
}
