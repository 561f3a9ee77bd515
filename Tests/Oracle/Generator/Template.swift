/// One encoding that the structured generator can fill in.
///
/// The text is the opcode in hexadecimal, its mandatory prefix first, then words in the manner of
/// the SDM's opcode column: `/r` and `/0` to `/7` for ModRM, `ib iw id iz iv ow far` for what follows,
/// `+r` for a register in the opcode, and words that tell the generator how to choose operands.
package struct Template {
  package enum ModRM: Equatable {
    case none
    case any
    case digit(UInt8)
  }

  package enum Operand {
    case any
    case register
    case memory
  }

  package enum Immediate {
    case none
    case byte
    case word
    case doubleword
    /// 16 or 32 bits by operand size.
    case sized
    /// 16, 32 or 64 bits by operand size.
    case full
    /// An address of 32 or 64 bits by address size.
    case offset
    /// An offset and a selector.
    case far
    /// ENTER's two.
    case enter
    /// A displacement to another instruction of the sequence, of 8 or 32 bits.
    case near8
    case near32
  }

  package enum Group: String, CaseIterable, Sendable {
    case integer
    case sse
    case x87
    case mmx
    /// VEX prefixes.
    case avx
  }

  package var group: Group
  /// Whether a VEX prefix stands for the mandatory prefix and the first bytes of the opcode.
  package var isVEX = false
  package var mandatoryPrefix: UInt8?
  package var opcode: [UInt8] = []
  package var modRM = ModRM.none
  package var operand = Operand.any
  package var immediate = Immediate.none
  package var registerInOpcode = false
  package var words: Set<String> = []

  /// Reads `text`; its first byte is a mandatory prefix where 0F follows a 66, F2 or F3.
  init(_ text: some StringProtocol, group: Group) {
    self.group = group
    var bytes: [UInt8] = []
    for word in text.split(separator: " ") {
      if word.count == 2, let byte = UInt8(word, radix: 16), words.isEmpty, modRM == .none {
        bytes.append(byte)
      } else {
        take(String(word))
      }
    }
    if bytes.count > 1, [0x66, 0xF2, 0xF3].contains(bytes[0]) {
      mandatoryPrefix = bytes.removeFirst()
    }
    opcode = bytes
  }

  private mutating func take(_ word: String) {
    switch word {
    case "/r": modRM = .any
    case "+r": registerInOpcode = true
    case "reg": operand = .register
    case "mem": operand = .memory
    case "ib": immediate = .byte
    case "iw": immediate = .word
    case "id": immediate = .doubleword
    case "iz": immediate = .sized
    case "iv": immediate = .full
    case "ow": immediate = .offset
    case "far": immediate = .far
    case "enter": immediate = .enter
    case "rel8": immediate = .near8
    case "rel32": immediate = .near32
    default:
      if word.first == "/", let digit = UInt8(word.dropFirst()) {
        modRM = .digit(digit)
      } else {
        words.insert(word)
      }
    }
  }
}
