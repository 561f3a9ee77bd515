/// What 32-bit code has that 64-bit code has not, and segment registers.
enum CompatibilityTemplates {
  static let all: [Template] =
    (adjustments + stack + segments + segments + branches).map { Template($0, group: .integer) }

  private static let adjustments =
    (0..<8).map { "4\($0)" } + (8..<16).map { "4\(String($0, radix: 16))" }
    + (0..<8).map { "82 /\($0) ib" } + ["27", "2F", "37", "3F", "D4 ib", "D5 ib", "D6"]
    + ["27", "2F", "37", "3F", "D4 ib", "D5 ib"]

  private static let stack = [
    "60", "61", "60", "61", "06", "07", "0E", "16", "17", "1E", "1F", "0F A0", "0F A1", "0F A8",
    "0F A9", "9C", "9D popf", "C8 enter", "C9 leave", "62 /r mem", "62 /r mem",
  ]

  private static let segments = [
    "8C /r", "8E /r selector", "8E /0 selector", "8E /3 selector", "8E /2 selector",
    "8E /4 selector", "8E /5 selector", "C4 /r mem", "C5 /r mem", "0F B2 /r mem", "0F B4 /r mem",
    "0F B5 /r mem", "0F 02 /r selector", "0F 03 /r selector", "0F 00 /4 selector",
    "0F 00 /5 selector", "63 /r selector", "63 /r selector",
  ]

  private static let branches = ["EA far", "9A far", "CE", "E3 rel8 branch count"]
}
