/// A feature that CPUID reports by one bit.
///
/// To add one: a case here and a row in `rows`. An opcode row that names the feature then decodes
/// to #UD on models without it (`OpcodeRow.feature`, at no cost to execution), and
/// `CPU.has(_:)` tells the rest of the processor.
public enum ProcessorFeature: UInt8, CaseIterable, Sendable {
  /// What every processor with 64-bit mode has, and no bit tells.
  case baseline
  // Leaf 1, EDX
  case fpu, vme, de, pse, tsc, msr, pae, mce, cx8, apic, sep, mtrr, pge, mca, cmov, pat, pse36
  case clfsh, mmx, fxsr, sse, sse2
  // Leaf 1, ECX
  case sse3, pclmulqdq, monitor, ssse3, fma, cmpxchg16b, pcid, sse41, sse42, x2apic, movbe
  case popcnt, tscDeadline, aes, xsave, avx, f16c, rdrand
  // Leaf 7, EBX
  case fsgsbase, tscAdjust, bmi1, avx2, smep, bmi2, invpcid, rdseed, adx, smap, clflushopt, clwb
  case sha
  // Leaf 7, ECX
  case umip, pku, la57, rdpid
  // Leaf 0DH, sub-leaf 1, EAX
  case xsaveopt, xsavec, xgetbvECX1, xsaves
  // Leaf 8000_0001H, ECX
  case lahf, lzcnt, prefetchw
  // Leaf 8000_0001H, EDX
  case syscall, nx, pages1GB, rdtscp, longMode

  /// A register that CPUID returns feature bits in.
  package enum Register: CaseIterable {
    case version1C
    case version1D
    case structured7B
    case structured7C
    case structured7D
    case extendedState1A
    case extended1C
    case extended1D
  }

  /// Where CPUID reports a feature, and the least model that has it.
  package struct Row {
    package let feature: ProcessorFeature
    package let register: Register
    package let bit: UInt32
    let model: ProcessorModel

    init(
      _ feature: ProcessorFeature, _ register: Register, _ bit: UInt32,
      _ model: ProcessorModel = .v1
    ) {
      self.feature = feature
      self.register = register
      self.bit = bit
      self.model = model
    }
  }

  /// SDM volume 2, "CPUID", "Feature Information Returned".
  package static let rows = [
    Row(.fpu, .version1D, 0),
    Row(.vme, .version1D, 1),
    Row(.de, .version1D, 2),
    Row(.pse, .version1D, 3),
    Row(.tsc, .version1D, 4),
    Row(.msr, .version1D, 5),
    Row(.pae, .version1D, 6),
    Row(.mce, .version1D, 7),
    Row(.cx8, .version1D, 8),
    Row(.apic, .version1D, 9),
    Row(.sep, .version1D, 11),
    Row(.mtrr, .version1D, 12),
    Row(.pge, .version1D, 13),
    Row(.mca, .version1D, 14),
    Row(.cmov, .version1D, 15),
    Row(.pat, .version1D, 16),
    Row(.pse36, .version1D, 17),
    Row(.clfsh, .version1D, 19),
    Row(.mmx, .version1D, 23),
    Row(.fxsr, .version1D, 24),
    Row(.sse, .version1D, 25),
    Row(.sse2, .version1D, 26),
    Row(.sse3, .version1C, 0, .v2),
    Row(.pclmulqdq, .version1C, 1, .max),
    Row(.monitor, .version1C, 3),
    Row(.ssse3, .version1C, 9, .v2),
    Row(.cmpxchg16b, .version1C, 13, .v2),
    Row(.pcid, .version1C, 17),
    Row(.sse41, .version1C, 19, .v2),
    Row(.sse42, .version1C, 20, .v2),
    Row(.x2apic, .version1C, 21),
    Row(.fma, .version1C, 12, .v3),
    Row(.movbe, .version1C, 22, .v3),
    Row(.popcnt, .version1C, 23, .v2),
    Row(.tscDeadline, .version1C, 24),
    Row(.xsave, .version1C, 26, .v3),
    Row(.avx, .version1C, 28, .v3),
    Row(.f16c, .version1C, 29, .v3),
    Row(.aes, .version1C, 25, .max),
    Row(.rdrand, .version1C, 30, .max),
    Row(.fsgsbase, .structured7B, 0, .max),
    Row(.tscAdjust, .structured7B, 1),
    Row(.bmi1, .structured7B, 3, .v3),
    Row(.avx2, .structured7B, 5, .v3),
    Row(.smep, .structured7B, 7),
    Row(.bmi2, .structured7B, 8, .v3),
    Row(.invpcid, .structured7B, 10),
    Row(.rdseed, .structured7B, 18, .max),
    Row(.adx, .structured7B, 19, .max),
    Row(.smap, .structured7B, 20),
    Row(.clflushopt, .structured7B, 23, .max),
    Row(.clwb, .structured7B, 24, .max),
    Row(.sha, .structured7B, 29, .max),
    Row(.umip, .structured7C, 2, .max),
    Row(.pku, .structured7C, 3, .max),
    Row(.la57, .structured7C, 16, .max),
    Row(.rdpid, .structured7C, 22, .max),
    Row(.xsaveopt, .extendedState1A, 0, .max),
    Row(.xsavec, .extendedState1A, 1, .max),
    Row(.xgetbvECX1, .extendedState1A, 2, .max),
    Row(.xsaves, .extendedState1A, 3, .max),
    Row(.lahf, .extended1C, 0, .v2),
    Row(.lzcnt, .extended1C, 5, .v3),
    Row(.prefetchw, .extended1C, 8, .max),
    Row(.syscall, .extended1D, 11),
    Row(.nx, .extended1D, 20),
    Row(.pages1GB, .extended1D, 26),
    Row(.rdtscp, .extended1D, 27, .max),
    Row(.longMode, .extended1D, 29),
  ]
}

/// A set of features: what one processor has.
public struct ProcessorFeatures: Equatable, Sendable {
  private var bits: UInt128 = 1

  /// The features of a model.
  public init(of model: ProcessorModel) {
    for row in ProcessorFeature.rows where row.model <= model {
      bits |= 1 &<< UInt128(row.feature.rawValue)
    }
  }

  /// Takes a feature out.
  mutating func remove(_ feature: ProcessorFeature) {
    bits &= ~(1 &<< UInt128(feature.rawValue))
  }

  /// Whether the processor has `feature`.
  @inline(__always) public func contains(_ feature: ProcessorFeature) -> Bool {
    bits &>> UInt128(feature.rawValue) & 1 != 0
  }

  /// The bits that CPUID reports in `register`.
  func flags(_ register: ProcessorFeature.Register) -> UInt32 {
    var flags: UInt32 = 0
    for row in ProcessorFeature.rows where row.register == register && contains(row.feature) {
      flags |= 1 &<< row.bit
    }
    return flags
  }
}

extension CPU {
  /// Whether this processor has `feature`.
  func has(_ feature: ProcessorFeature) -> Bool {
    state.pointee.connections._withUnsafeGuaranteedRef {
      $0.identification.features.contains(feature)
    }
  }

  /// CPUID: a few flags follow the state, the rest is fixed.
  func cpuid() {
    let function = UInt32(truncatingIfNeeded: self[.rax])
    var leaf = connections.identification.leaf(
      function, UInt32(truncatingIfNeeded: self[.rcx]))
    if function == 1 && !isInterruptControllerEnabled { leaf.edx &= ~(1 << 9) }
    if function == 1 && cr4.contains(.osXSAVE) { leaf.ecx |= 1 << 27 }
    if function == 0xD { completeExtendedStateLeaf(&leaf) }
    if function == 1 && !isMonitorEnabled { leaf.ecx &= ~(1 << 3) }
    let isStructured = function == 7 && leaf.ecx != 0
    if isStructured && cr4.contains(.protectionKeyEnable) { leaf.ecx |= 1 << 4 }
    // SYSCALL exists in 64-bit mode only.
    if function == 0x8000_0001 && !isLongMode { leaf.edx &= ~(1 << 11) }
    self[.rax] = UInt64(leaf.eax)
    self[.rbx] = UInt64(leaf.ebx)
    self[.rcx] = UInt64(leaf.ecx)
    self[.rdx] = UInt64(leaf.edx)
  }

  private var isInterruptControllerEnabled: Bool {
    let base = connections.interrupts.readMSR(ModelSpecificRegister.apicBase) ?? 0
    return base & 1 << 11 != 0
  }
}
