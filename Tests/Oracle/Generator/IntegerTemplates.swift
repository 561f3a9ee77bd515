/// The general-purpose instructions of 64-bit mode that ring 3 may execute.
enum IntegerTemplates {
  static let all: [Template] =
    arithmetic + shifts + conditions + ExtensionTemplates.integer
    + (moves + arithmeticRest + bits + strings + stack + branches + flags + misses)
    .split(separator: "\n").map { Template($0, group: .integer) }

  /// ADD, OR, ADC, SBB, AND, SUB, XOR and CMP in all their forms.
  private static let arithmetic: [Template] = (0..<8).flatMap { (number: Int) -> [Template] in
    let lock = number < 7 ? " lock" : ""
    let base = number * 8
    func hex(_ offset: Int) -> String {
      let text = String(base + offset, radix: 16)
      return text.count == 1 ? "0" + text : text
    }
    return [
      "\(hex(0)) /r\(lock)", "\(hex(1)) /r\(lock)", "\(hex(2)) /r", "\(hex(3)) /r",
      "\(hex(4)) ib", "\(hex(5)) iz", "80 /\(number) ib\(lock)", "81 /\(number) iz\(lock)",
      "83 /\(number) ib\(lock)",
    ].map { Template($0, group: .integer) }
  }

  private static let shifts: [Template] = (0..<8).flatMap { (number: Int) -> [Template] in
    [
      "C0 /\(number) ib", "C1 /\(number) ib", "D0 /\(number)", "D1 /\(number)",
      "D2 /\(number) shift", "D3 /\(number) shift",
    ].map { Template($0, group: .integer) }
  }

  /// CMOVcc, SETcc and Jcc.
  private static let conditions: [Template] = (0..<16).flatMap { (number: Int) -> [Template] in
    let digit = String(number, radix: 16)
    return [
      "0F 4\(digit) /r", "0F 9\(digit) /r", "7\(digit) rel8 branch", "0F 8\(digit) rel32 branch",
    ]
    .map { Template($0, group: .integer) }
  }

  private static let moves = """
    88 /r
    89 /r
    8A /r
    8B /r
    C6 /0 ib
    C7 /0 iz
    B0 +r ib
    B8 +r iv
    A0 ow
    A1 ow
    A2 ow
    A3 ow
    8D /r mem anywhere
    63 /r
    0F B6 /r
    0F B7 /r
    0F BE /r
    0F BF /r
    86 /r lock
    87 /r lock
    90 +r
    0F C8 +r bswap
    0F 38 F0 /r mem
    0F 38 F1 /r mem
    0F C3 /r mem
    98
    99
    D7 xlat
    F3 90
    0F 1F /0
    0F AE /5 reg fence
    0F AE /6 reg fence
    0F AE /7 reg fence
    F3 0F AE /0 reg
    F3 0F AE /1 reg
    F3 0F AE /2 reg
    F3 0F AE /3 reg

    """

  private static let arithmeticRest = """
    84 /r
    85 /r
    A8 ib
    A9 iz
    F6 /0 ib
    F7 /0 iz
    F6 /1 ib
    F7 /1 iz
    F6 /2 lock
    F7 /2 lock
    F6 /3 lock
    F7 /3 lock
    F6 /4
    F7 /4
    F6 /5
    F7 /5
    F6 /6 divide
    F7 /6 divide
    F6 /7 divide
    F7 /7 divide
    F6 /6 divide
    F7 /6 divide
    F6 /7 divide
    F7 /7 divide
    0F AF /r
    69 /r iz
    6B /r ib
    FE /0 lock
    FF /0 lock
    FE /1 lock
    FF /1 lock
    0F C0 /r lock
    0F C1 /r lock
    0F B0 /r lock
    0F B1 /r lock
    0F C7 /1 mem lock aligned
    0F C7 /1 mem lock aligned
    0F C7 /1 reg

    """

  private static let bits = """
    0F A3 /r bit
    0F AB /r bit lock
    0F B3 /r bit lock
    0F BB /r bit lock
    0F BA /4 ib
    0F BA /5 ib lock
    0F BA /6 ib lock
    0F BA /7 ib lock
    0F BC /r
    0F BD /r
    F3 0F BC /r
    F3 0F BD /r
    F3 0F B8 /r
    0F A4 /r ib
    0F A5 /r shift
    0F AC /r ib
    0F AD /r shift

    """

  private static let strings = """
    A4 string
    A5 string
    A6 string
    A7 string
    AA string
    AB string
    AC string
    AD string
    AE string
    AF string

    """

  private static let stack = """
    50 +r
    58 +r
    68 iz
    6A ib
    FF /6
    8F /0
    9C
    9D popf
    C8 enter
    C9 leave
    0F A0
    0F A8

    """

  private static let branches = """
    EB rel8 branch
    E9 rel32 branch
    E8 rel32 branch
    E0 rel8 branch count
    E1 rel8 branch count
    E2 rel8 branch count
    E3 rel8 branch count
    FF /2 target
    FF /4 target
    C3 return
    C2 iw return

    """

  private static let flags = """
    F5
    F8
    F9
    FC
    FD
    9E
    9F

    """

  /// What ring 3 may not execute, or nobody.
  private static let misses = """
    FA
    FB
    F4
    E4 ib
    E5 ib
    E6 ib
    E7 ib
    EC
    ED
    EE
    EF
    6C string
    6D string
    6E string
    6F string
    06
    0E
    16
    1E
    27
    2F
    37
    3F
    60
    61
    82 /0 ib
    CE
    D6
    EA
    9A
    D4 ib
    D5 ib
    CC
    CD ib int
    0F 0B
    0F B9 /r
    0F FF /r
    0F 06
    0F 08
    0F 09
    0F 20 /r
    0F 22 /r
    0F 21 /r
    0F 23 /r
    0F 30
    0F 32
    0F 07
    0F 00 /2
    0F 00 /3
    0F 01 /2 mem
    0F 01 /3 mem
    0F 01 /6
    0F 01 /7 mem
    0F BA /0 ib
    0F BA /3 ib
    8F /1
    C6 /1 ib
    FE /2
    FF /7
    0F 04
    0F 0A
    0F 24 /r
    0F 26 /r
    0F 3F
    """
}
