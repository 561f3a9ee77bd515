/// Bits of IA32_MISC_ENABLE.
enum MiscellaneousEnable {
  /// Fast strings.
  static let fastStrings: UInt64 = 1
  /// MONITOR and MWAIT.
  static let monitor: UInt64 = 1 << 18
  /// What software may change.
  static let writable: UInt64 = fastStrings | monitor
  /// Branch trace storage and PEBS are unavailable.
  static let unavailable: UInt64 = 0x1800
}

/// Model-specific registers by index.
///
/// SDM Vol. 4, "Architectural MSRs".
enum ModelSpecificRegister {
  static let machineCheckAddress: UInt32 = 0x0
  static let machineCheckType: UInt32 = 0x1
  static let timeStampCounter: UInt32 = 0x10
  static let platformID: UInt32 = 0x17
  static let apicBase: UInt32 = 0x1B
  static let tscAdjust: UInt32 = 0x3B
  static let updateTrigger: UInt32 = 0x79
  static let updateSignature: UInt32 = 0x8B
  static let platformDescription: UInt32 = 0xCE
  static let mtrrCapability: UInt32 = 0xFE
  static let sysenterCS: UInt32 = 0x174
  static let sysenterESP: UInt32 = 0x175
  static let sysenterEIP: UInt32 = 0x176
  static let machineCheckCapability: UInt32 = 0x179
  static let machineCheckStatus: UInt32 = 0x17A
  static let machineCheckControl: UInt32 = 0x17B
  static let miscEnable: UInt32 = 0x1A0
  static let debugControl: UInt32 = 0x1D9
  static let mtrrVariable: ClosedRange<UInt32> = 0x200...0x20F
  static let pat: UInt32 = 0x277
  static let mtrrDefaultType: UInt32 = 0x2FF
  /// IA32_MCi_CTL, STATUS, ADDR and MISC of each bank.
  static let machineCheckBanks: ClosedRange<UInt32> = 0x400...0x427
  static let tscDeadline: UInt32 = 0x6E0
  static let x2APIC: ClosedRange<UInt32> = 0x800...0x8FF
  static let xss: UInt32 = 0xDA0
  static let efer: UInt32 = 0xC000_0080
  static let star: UInt32 = 0xC000_0081
  static let lstar: UInt32 = 0xC000_0082
  static let cstar: UInt32 = 0xC000_0083
  static let fmask: UInt32 = 0xC000_0084
  static let fsBase: UInt32 = 0xC000_0100
  static let gsBase: UInt32 = 0xC000_0101
  static let kernelGSBase: UInt32 = 0xC000_0102
  static let tscAux: UInt32 = 0xC000_0103

  /// Place of a fixed-range MTRR among the eleven, or nil.
  static func fixedRange(_ index: UInt32) -> Int? {
    switch index {
    case 0x250: 0
    case 0x258: 1
    case 0x259: 2
    case 0x268...0x26F: Int(index - 0x268) + 3
    default: nil
    }
  }

  /// Whether the interrupt controller answers for the register.
  static func isInterruptController(_ index: UInt32) -> Bool {
    index == apicBase || index == tscDeadline || x2APIC.contains(index)
  }
}
