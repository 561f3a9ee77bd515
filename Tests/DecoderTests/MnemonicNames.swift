import CZydis
import Emulator

/// Which of Zydis's mnemonics each mnemonic of the emulator may be.
struct MnemonicNames {
  private static let conditions = [
    "o", "no", "b", "nb", "z", "nz", "be", "nbe", "s", "ns", "p", "np", "l", "nl", "le", "nle",
  ]

  /// Forms that share one case of `Mnemonic`, or are spelt otherwise.
  private static let spellings: [Mnemonic: [String]] = [
    .cbw: ["cbw", "cwde", "cdqe"], .cwd: ["cwd", "cdq", "cqo"],
    .movs: ["movsb", "movsw", "movsd", "movsq"], .cmps: ["cmpsb", "cmpsw", "cmpsd", "cmpsq"],
    .stos: ["stosb", "stosw", "stosd", "stosq"], .lods: ["lodsb", "lodsw", "lodsd", "lodsq"],
    .scas: ["scasb", "scasw", "scasd", "scasq"], .ins: ["insb", "insw", "insd"],
    .outs: ["outsb", "outsw", "outsd"], .pusha: ["pusha", "pushad"], .popa: ["popa", "popad"],
    .pushf: ["pushf", "pushfd", "pushfq"], .popf: ["popf", "popfd", "popfq"],
    .iret: ["iret", "iretd", "iretq"], .jrcxz: ["jcxz", "jecxz", "jrcxz"], .jmpFar: ["jmp"],
    .callFar: ["call"], .retFar: ["retf", "ret"], .movFromControl: ["mov"],
    .movToControl: ["mov"], .movFromDebug: ["mov"], .movToDebug: ["mov"],
    .movFromSegment: ["mov"], .movToSegment: ["mov"], .pushSegment: ["push"],
    .popSegment: ["pop"], .loadFarPointer: ["les", "lds", "lss", "lfs", "lgs"],
    .xsave: ["xsave", "xsave64"], .xsaveopt: ["xsaveopt", "xsaveopt64"],
    .xsavec: ["xsavec", "xsavec64"], .xsaves: ["xsaves", "xsaves64"],
    .xrstor: ["xrstor", "xrstor64"], .xrstors: ["xrstors", "xrstors64"],
    .ldmxcsr: ["ldmxcsr", "vldmxcsr"], .stmxcsr: ["stmxcsr", "vstmxcsr"],
    .fxsave: ["fxsave", "fxsave64"], .fxrstor: ["fxrstor", "fxrstor64"], .wait: ["fwait"],
    .xlat: ["xlat"],
    // Hints of a kind that the processor does not know are NOPs.
    .prefetch: [
      "prefetchnta", "prefetcht0", "prefetcht1", "prefetcht2", "prefetchw", "prefetch",
      "prefetchwt1", "nop",
    ],
  ]

  private var allowed: [Set<UInt32>]

  init() {
    var byName: [String: UInt32] = [:]
    for raw in 0...ZYDIS_MNEMONIC_MAX_VALUE.rawValue {
      guard let name = ZydisMnemonicGetString(ZydisMnemonic(rawValue: raw)) else { continue }
      byName[String(cString: name)] = raw
    }
    allowed = []
    for mnemonic in Mnemonic.allCases {
      for condition in Self.conditions {
        let names: [String] =
          switch mnemonic {
          case .jcc: ["j" + condition]
          case .setcc: ["set" + condition]
          case .cmovcc: ["cmov" + condition]
          default: Self.spellings[mnemonic] ?? ["\(mnemonic)"]
          }
        allowed.append(Set(names.compactMap { byName[$0] }))
      }
    }
  }

  /// Whether `reference` names what `instruction` does.
  func agree(_ instruction: Instruction, _ reference: ZydisMnemonic) -> Bool {
    allowed[Int(instruction.mnemonic.rawValue) * 16 + Int(instruction.condition)]
      .contains(reference.rawValue)
  }
}
