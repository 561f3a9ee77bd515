/// A state component that the XSAVE feature set manages, by its number in XCR0.
///
/// SDM volume 1, "XSAVE-Supported Features and State-Component Bitmaps".
enum ExtendedStateComponent: UInt64, CaseIterable {
  /// x87 state.
  case x87 = 0
  /// SSE state: XMM registers and MXCSR.
  case sse = 1
  /// AVX state: bits 255:128 of the YMM registers.
  case avx = 2
  /// PKRU state.
  case pkru = 9

  /// Its bit in XCR0 and in the bitmaps of an XSAVE area.
  var bit: UInt64 { 1 << rawValue }

  /// What a processor must have for the component to exist.
  var feature: ProcessorFeature {
    switch self {
    case .x87, .sse: .xsave
    case .avx: .avx
    case .pkru: .pku
    }
  }

  /// Bytes in the extended region; the first two live in the legacy region.
  var size: UInt64 {
    switch self {
    case .x87, .sse: 0
    case .avx: 256
    case .pkru: 8
    }
  }

  /// Offset in the standard format, where Intel's processors have it.
  var standardOffset: UInt64 {
    switch self {
    case .x87, .sse: 0
    case .avx: XSAVEArea.legacySize
    case .pkru: 2688
    }
  }
}

/// The XSAVE area: legacy region, header, extended region.
///
/// SDM volume 1, "XSAVE Area".
enum XSAVEArea {
  /// XSTATE_BV.
  static let stateBitmap: UInt64 = 512
  /// XCOMP_BV.
  static let compactedBitmap: UInt64 = 520
  /// Legacy region and header.
  static let legacySize: UInt64 = 576
  /// XCOMP_BV[63]: the area is in the compacted format.
  static let isCompacted: UInt64 = 1 << 63

  /// Where a component lies in an area whose XCOMP_BV is `layout`; zero means the standard format.
  static func offset(of component: ExtendedStateComponent, layout: UInt64) -> UInt64 {
    guard layout & isCompacted != 0 else { return component.standardOffset }
    var offset = legacySize
    for other in ExtendedStateComponent.allCases where other.rawValue < component.rawValue {
      if layout & other.bit != 0 { offset &+= other.size }
    }
    return offset
  }

  /// The size of an area that has room for the components of `bitmap`.
  static func size(_ bitmap: UInt64, layout: UInt64) -> UInt64 {
    var size = legacySize
    for component in ExtendedStateComponent.allCases
    where component.size > 0 && bitmap & component.bit != 0 {
      size = max(size, offset(of: component, layout: layout) &+ component.size)
    }
    return size
  }
}

extension ProcessorFeatures {
  /// The bits that XCR0 may have.
  var extendedStates: UInt64 {
    ExtendedStateComponent.allCases.reduce(0) { contains($1.feature) ? $0 | $1.bit : $0 }
  }
}

extension ProcessorIdentification {
  /// Leaf 0DH but for what follows the processor's state.
  ///
  /// SDM volume 2, "CPUID", "Processor Extended State Enumeration". No component is managed by
  /// IA32_XSS, and none is aligned in the compacted format.
  func extendedStateLeaf(_ index: UInt32) -> Leaf {
    let states = features.extendedStates
    guard states != 0 else { return Leaf() }
    switch index {
    case 0:
      return Leaf(
        eax: UInt32(truncatingIfNeeded: states),
        ecx: UInt32(truncatingIfNeeded: XSAVEArea.size(states, layout: 0)),
        edx: UInt32(truncatingIfNeeded: states >> 32))
    case 1: return Leaf(eax: features.flags(.extendedState1A))
    default:
      guard let component = ExtendedStateComponent(rawValue: UInt64(index)), component.size > 0,
        features.contains(component.feature)
      else { return Leaf() }
      return Leaf(
        eax: UInt32(truncatingIfNeeded: component.size),
        ebx: UInt32(truncatingIfNeeded: component.standardOffset))
    }
  }
}

extension CPU {
  /// EBX of sub-leaves 0 and 1 of CPUID leaf 0DH: the size of the area that XCR0 asks for.
  func completeExtendedStateLeaf(_ leaf: inout ProcessorIdentification.Leaf) {
    guard has(.xsave) else { return }
    let xcr0 = state.pointee.xcr0
    switch UInt32(truncatingIfNeeded: self[.rcx]) {
    case 0: leaf.ebx = UInt32(truncatingIfNeeded: XSAVEArea.size(xcr0, layout: 0))
    case 1 where has(.xsavec):
      leaf.ebx = UInt32(
        truncatingIfNeeded: XSAVEArea.size(xcr0, layout: xcr0 | XSAVEArea.isCompacted))
    default: break
    }
  }

  /// The components that are not in their initial configuration, as far as this mode sees them.
  ///
  /// The processor may call a component in use that is not; this one looks at the values, so that
  /// equal states give equal images.
  /// SDM volume 1, "Processor Tracking of XSAVE-Managed State".
  var extendedStatesInUse: UInt64 {
    var inUse: UInt64 = 0
    let quadwords = isLongMode ? 32 : 16
    var (xmm, ymm): (UInt64, UInt64) = (0, 0)
    for index in 0..<quadwords {
      xmm |= state.pointee.xmm[index]
      ymm |= state.pointee.ymmHigh[index]
    }
    if !isX87Initial { inUse |= ExtendedStateComponent.x87.bit }
    if xmm != 0 { inUse |= ExtendedStateComponent.sse.bit }
    if ymm != 0 { inUse |= ExtendedStateComponent.avx.bit }
    if state.pointee.pkru != 0 { inUse |= ExtendedStateComponent.pkru.bit }
    return inUse
  }

  private var isX87Initial: Bool {
    let s = state
    guard s.pointee.x87Control == 0x37F, s.pointee.x87Status == 0, abridgedTags == 0,
      s.pointee.x87Opcode == 0, s.pointee.x87CodeSelector == 0, s.pointee.x87DataSelector == 0,
      s.pointee.x87InstructionPointer == 0, s.pointee.x87DataPointer == 0
    else { return false }
    for register in 0..<8 {
      let isZero =
        s.pointee.x87Significands[register] == 0 && s.pointee.x87Exponents[register] == 0
      if !isZero { return false }
    }
    return true
  }
}
