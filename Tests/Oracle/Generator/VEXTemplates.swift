/// Instructions with a VEX prefix, whose L, W and vvvv the generator chooses.
enum VEXTemplates {
  static let all: [Template] = legacy + fused + fused + own + own + own + general + general

  /// What has a legacy form, by that form's template.
  private static let legacy: [Template] =
    (SSETemplates.all + ExtensionTemplates.vector).filter {
      $0.opcode.first == 0x0F && $0.words.isDisjoint(with: ["environment", "fxrstor", "xsave"])
    }.map(vex)

  private static let fused: [Template] = [0x90, 0xA0, 0xB0].flatMap { first in
    (6...15).map { vex(Template("66 0F 38 \(String(first + $0, radix: 16)) /r", group: .avx)) }
  }

  /// What AVX, AVX2 and F16C brought.
  private static let own: [Template] =
    ([
      0x0C, 0x0D, 0x0E, 0x0F, 0x13, 0x16, 0x36, 0x18, 0x19, 0x45, 0x46, 0x47, 0x58, 0x59, 0x78,
      0x79,
    ]
    .map { text("66 0F 38", $0, "/r") }
    + [0x1A, 0x5A, 0x2C, 0x2D, 0x2E, 0x2F, 0x8C, 0x8E, 0x2C, 0x2D, 0x2E, 0x2F, 0x8C, 0x8E]
    .map { text("66 0F 38", $0, "/r mem") }
    + [0x90, 0x91, 0x92, 0x93, 0x90, 0x91, 0x92, 0x93].map { text("66 0F 38", $0, "/r mem vsib") }
    + [
      0x00, 0x01, 0x02, 0x04, 0x05, 0x06, 0x18, 0x19, 0x38, 0x39, 0x46, 0x1D, 0x1D, 0x4A, 0x4B,
      0x4C,
    ].map { text("66 0F 3A", $0, "/r ib") } + ["0F 77"])
    .map { vex(Template($0, group: .avx)) }

  /// BMI1 and BMI2.
  private static let general: [Template] = [
    "0F 38 F2 /r", "0F 38 F3 /1", "0F 38 F3 /2", "0F 38 F3 /3", "0F 38 F5 /r", "F3 0F 38 F5 /r",
    "F2 0F 38 F5 /r", "F2 0F 38 F6 /r", "0F 38 F7 /r", "66 0F 38 F7 /r", "F3 0F 38 F7 /r",
    "F2 0F 38 F7 /r", "F2 0F 3A F0 /r ib",
  ].map { vex(Template($0, group: .avx)) }

  private static func text(_ map: String, _ opcode: Int, _ form: String) -> String {
    "\(map) \(opcode < 16 ? "0" : "")\(String(opcode, radix: 16)) \(form)"
  }

  private static func vex(_ template: Template) -> Template {
    var template = template
    template.group = .avx
    template.isVEX = true
    return template
  }
}
