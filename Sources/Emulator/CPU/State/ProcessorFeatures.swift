/// A feature that CPUID reports by one bit.
///
/// To add one: a case here and a row in `rows`. An opcode row that names the feature then decodes
/// to #UD on models without it (`OpcodeRow.feature`, at no cost to execution), and
/// `CPU.has(_:)` tells the rest of the processor.
public enum ProcessorFeature: UInt8, CaseIterable, Sendable {
  /// What every processor with 64-bit mode has, and no bit tells.
  case baseline
  // Leaf 1, EDX
  case fpu, de, pse, tsc, msr, pae, mce, cx8, apic, sep, mtrr, pge, mca, cmov, pat, pse36, clfsh
  case fxsr, sse, sse2
  // Leaf 1, ECX
  case monitor, cmpxchg16b, pcid, x2apic, movbe, popcnt, tscDeadline
  // Leaf 7, EBX
  case fsgsbase, tscAdjust, bmi1, smep, invpcid, smap
  // Leaf 8000_0001H, ECX
  case lahf, lzcnt
  // Leaf 8000_0001H, EDX
  case syscall, nx, pages1GB, rdtscp, longMode

  /// A register that CPUID returns feature bits in.
  enum Register: CaseIterable {
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
  struct Row {
    let feature: ProcessorFeature
    let register: Register
    let bit: UInt32
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
  static let rows = [
    Row(.fpu, .version1D, 0),
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
    Row(.fxsr, .version1D, 24),
    Row(.sse, .version1D, 25),
    Row(.sse2, .version1D, 26),
    Row(.monitor, .version1C, 3),
    Row(.cmpxchg16b, .version1C, 13, .v2),
    Row(.pcid, .version1C, 17),
    Row(.x2apic, .version1C, 21),
    Row(.movbe, .version1C, 22, .v3),
    Row(.popcnt, .version1C, 23, .v2),
    Row(.tscDeadline, .version1C, 24),
    Row(.fsgsbase, .structured7B, 0, .max),
    Row(.tscAdjust, .structured7B, 1),
    Row(.bmi1, .structured7B, 3, .v3),
    Row(.smep, .structured7B, 7),
    Row(.invpcid, .structured7B, 10),
    Row(.smap, .structured7B, 20),
    Row(.lahf, .extended1C, 0, .v2),
    Row(.lzcnt, .extended1C, 5, .v3),
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
    if function == 1 && !isMonitorEnabled { leaf.ecx &= ~(1 << 3) }
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
