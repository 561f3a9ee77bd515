/// CR0.
///
/// SDM volume 3A, "Control Registers".
public struct CR0: OptionSet, Equatable, Sendable {
  /// The register's bits.
  public var rawValue: UInt64
  /// Takes the bits as they are.
  @inline(__always) public init(rawValue: UInt64) { self.rawValue = rawValue }
  private init(bit: UInt64) { rawValue = 1 << bit }

  /// PE: protection enable.
  public static let protectionEnable = CR0(bit: 0)
  /// MP: monitor coprocessor.
  public static let monitorCoprocessor = CR0(bit: 1)
  /// EM: emulation.
  public static let emulation = CR0(bit: 2)
  /// TS: task switched.
  public static let taskSwitched = CR0(bit: 3)
  /// ET: extension type, always one.
  public static let extensionType = CR0(bit: 4)
  /// NE: numeric error.
  public static let numericError = CR0(bit: 5)
  /// WP: write protect.
  public static let writeProtect = CR0(bit: 16)
  /// AM: alignment mask.
  public static let alignmentMask = CR0(bit: 18)
  /// NW: not write-through.
  public static let notWriteThrough = CR0(bit: 29)
  /// CD: cache disable.
  public static let cacheDisable = CR0(bit: 30)
  /// PG: paging.
  public static let paging = CR0(bit: 31)

  /// Every bit that exists; the others must be zero or are ignored.
  public static let defined: CR0 = [
    .protectionEnable, .monitorCoprocessor, .emulation, .taskSwitched, .extensionType,
    .numericError, .writeProtect, .alignmentMask, .notWriteThrough, .cacheDisable, .paging,
  ]
}

/// CR4.
///
/// SDM volume 3A, "Control Registers".
public struct CR4: OptionSet, Equatable, Sendable {
  /// The register's bits.
  public var rawValue: UInt64
  /// Takes the bits as they are.
  @inline(__always) public init(rawValue: UInt64) { self.rawValue = rawValue }
  private init(bit: UInt64) { rawValue = 1 << bit }

  /// VME: virtual-8086 mode extensions.
  public static let virtual8086Extensions = CR4(bit: 0)
  /// PVI: protected-mode virtual interrupts.
  public static let protectedModeVirtualInterrupts = CR4(bit: 1)
  /// TSD: RDTSC only in ring 0.
  public static let timeStampDisable = CR4(bit: 2)
  /// DE: debugging extensions.
  public static let debuggingExtensions = CR4(bit: 3)
  /// PSE: 4-MiB pages in 32-bit paging.
  public static let pageSizeExtensions = CR4(bit: 4)
  /// PAE: physical-address extension.
  public static let physicalAddressExtension = CR4(bit: 5)
  /// MCE: machine-check enable.
  public static let machineCheckEnable = CR4(bit: 6)
  /// PGE: global pages.
  public static let pageGlobalEnable = CR4(bit: 7)
  /// PCE: RDPMC at any ring.
  public static let performanceCounterEnable = CR4(bit: 8)
  /// OSFXSR: FXSAVE and SSE enabled.
  public static let osFXSR = CR4(bit: 9)
  /// OSXMMEXCPT: #XM enabled.
  public static let osXMMException = CR4(bit: 10)
  /// UMIP: SGDT, SIDT, SLDT, SMSW and STR only in ring 0.
  public static let userModeInstructionPrevention = CR4(bit: 11)
  /// LA57: 57-bit linear addresses.
  public static let linearAddresses57 = CR4(bit: 12)
  /// FSGSBASE: RDFSBASE and friends.
  public static let fsgsbase = CR4(bit: 16)
  /// PCIDE: process-context identifiers.
  public static let pcidEnable = CR4(bit: 17)
  /// OSXSAVE: XSAVE, XCR0 and what they enable.
  public static let osXSAVE = CR4(bit: 18)
  /// SMEP: no supervisor fetch from user pages.
  public static let smep = CR4(bit: 20)
  /// SMAP: no supervisor access to user pages.
  public static let smap = CR4(bit: 21)

  /// PKE: protection keys for user-mode pages.
  public static let protectionKeyEnable = CR4(bit: 22)

  /// Every bit that all models have; a write that sets one that is not there raises #GP(0).
  public static let defined: CR4 = [
    .virtual8086Extensions, .protectedModeVirtualInterrupts, .timeStampDisable,
    .debuggingExtensions, .pageSizeExtensions, .physicalAddressExtension,
    .machineCheckEnable, .pageGlobalEnable, .performanceCounterEnable, .osFXSR, .osXMMException,
    .pcidEnable, .smep, .smap,
  ]

  /// Bits that exist where a feature does.
  static let optional: [(bit: CR4, feature: ProcessorFeature)] = [
    (.fsgsbase, .fsgsbase), (.osXSAVE, .xsave),
    (.userModeInstructionPrevention, .umip), (.linearAddresses57, .la57),
    (.protectionKeyEnable, .pku),
  ]
}

/// IA32_EFER.
///
/// SDM volume 3A, "Extended Feature Enable Register".
public struct EFER: OptionSet, Equatable, Sendable {
  /// The register's bits.
  public var rawValue: UInt64
  /// Takes the bits as they are.
  @inline(__always) public init(rawValue: UInt64) { self.rawValue = rawValue }
  private init(bit: UInt64) { rawValue = 1 << bit }

  /// SCE: SYSCALL enable.
  public static let syscallEnable = EFER(bit: 0)
  /// LME: IA-32e mode enable.
  public static let longModeEnable = EFER(bit: 8)
  /// LMA: IA-32e mode active.
  public static let longModeActive = EFER(bit: 10)
  /// NXE: execute-disable enable.
  public static let noExecuteEnable = EFER(bit: 11)

  /// Every bit this processor has.
  public static let defined: EFER = [
    .syscallEnable, .longModeEnable, .longModeActive, .noExecuteEnable,
  ]
}
