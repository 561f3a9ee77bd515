/// x87, but for the transcendental instructions, whose last bits are each maker's own.
enum X87Templates {
  static let all: [Template] = memory + registers + registerPairs

  private static let memory: [Template] =
    [0xD8, 0xDA, 0xDC, 0xDE].flatMap { (opcode: Int) in
      (0..<8).flatMap { digit in
        (0..<2).map { _ in Template("\(String(opcode, radix: 16)) /\(digit) mem", group: .x87) }
      }
    }
    + [
      "D9 /0", "D9 /2", "D9 /3", "D9 /4 environment", "D9 /5 control", "D9 /6 environment", "D9 /7",
      "DB /0", "DB /2", "DB /3", "DB /5", "DB /7", "DD /0", "DD /2", "DD /3", "DD /4 environment",
      "DD /6 environment", "DD /7", "DF /0", "DF /2", "DF /3", "DF /4", "DF /5", "DF /6", "DF /7",
      "DB /1", "DD /1", "DF /1", "66 D9 /4 environment", "66 D9 /6 environment",
      "66 DD /4 environment", "66 DD /6 environment",
    ].map { Template($0 + " mem", group: .x87) }

  /// FADD, FMUL, FCOM, FCOMP, FSUB, FSUBR, FDIV and FDIVR on registers, FXCH, FCMOVcc, FUCOM, ...
  private static let registers: [Template] = [
    "D8 /0", "D8 /1", "D8 /2", "D8 /3", "D8 /4", "D8 /5", "D8 /6", "D8 /7", "D9 /0", "D9 /1",
    "DA /0", "DA /1", "DA /2", "DA /3", "DB /0", "DB /1", "DB /2", "DB /3", "DB /5", "DB /6",
    "DC /0", "DC /1", "DC /4", "DC /5", "DC /6", "DC /7", "DD /0", "DD /2", "DD /3", "DD /4",
    "DD /5", "DE /0", "DE /1", "DE /4", "DE /5", "DE /6", "DE /7", "DF /5", "DF /6",
  ].map { Template($0 + " reg", group: .x87) }

  /// Instructions without operands, ModRM byte and all.
  private static let registerPairs: [Template] = [
    "D9 D0", "D9 E0", "D9 E1", "D9 E4", "D9 E5", "D9 E8", "D9 E9", "D9 EA", "D9 EB", "D9 EC",
    "D9 ED", "D9 EE", "D9 F4", "D9 F5", "D9 F6", "D9 F7", "D9 F8", "D9 FA", "D9 FC", "D9 FD",
    "DA E9", "DB E2", "DB E3", "DE D9", "DF E0", "9B",
  ].map { Template($0, group: .x87) }
}
