/// What CPUID reports, built from one description.
///
/// SDM volume 2, "CPUID".
public struct ProcessorIdentification: Equatable, Sendable {
  /// The registers that one leaf returns.
  public struct Leaf: Equatable, Sendable {
    /// EAX.
    public var eax: UInt32
    /// EBX.
    public var ebx: UInt32
    /// ECX.
    public var ecx: UInt32
    /// EDX.
    public var edx: UInt32

    /// Makes a leaf; what is not named is zero.
    public init(eax: UInt32 = 0, ebx: UInt32 = 0, ecx: UInt32 = 0, edx: UInt32 = 0) {
      self.eax = eax
      self.ebx = ebx
      self.ecx = ecx
      self.edx = edx
    }
  }

  /// Twelve characters.
  ///
  /// Kernels choose the paths of SYSENTER, SYSCALL and SYSRET by it, and this processor follows the
  /// SDM in them.
  public static let vendor = "GenuineIntel"
  /// Up to 47 characters.
  public static let brand = "emu x86-64 processor @ 1.00GHz"
  /// Family 6, model 36H, stepping 1: a model that is known not to speculate, which is true here
  /// and spares kernels the work-arounds for those that do.
  public static let signature: UInt32 = 0x0003_0661
  /// The time-stamp counter and the local APIC timer count virtual nanoseconds.
  public static let frequency: UInt32 = 1_000_000_000

  /// Local APIC ID.
  public var apicID: UInt32
  /// The number of the processor among those of the machine.
  var number: Int { Int(apicID) }
  /// Processors in the machine, each a core of one package.
  public var processors: UInt32
  /// What the processor has.
  public private(set) var features: ProcessorFeatures

  /// Describes processor `apicID` of `processors`.
  public init(apicID: UInt32 = 0, processors: UInt32 = 1, model: ProcessorModel = .max) {
    self.apicID = apicID
    self.processors = max(processors, 1)
    features = ProcessorFeatures(of: model)
  }

  /// Describes the most complete model, but for some features.
  init(lacking missing: [ProcessorFeature]) {
    self.init()
    for feature in missing { features.remove(feature) }
  }

  static let highestBasicLeaf: UInt32 = 0x1F
  static let highestExtendedLeaf: UInt32 = 0x8000_0008

  /// The leaf `function`, sub-leaf `index`.
  ///
  /// What lies beyond the highest leaf of its range gives the highest basic leaf.
  public func leaf(_ function: UInt32, _ index: UInt32 = 0) -> Leaf {
    switch function {
    case 0...Self.highestBasicLeaf: basicLeaf(function, index)
    case 0x8000_0000...Self.highestExtendedLeaf: extendedLeaf(function)
    default: basicLeaf(Self.highestBasicLeaf, index)
    }
  }

  /// Bits of an APIC ID below the package number.
  private var packageShift: UInt32 {
    UInt32(truncatingIfNeeded: 32 - (processors - 1).leadingZeroBitCount)
  }

  private func basicLeaf(_ function: UInt32, _ index: UInt32) -> Leaf {
    switch function {
    case 0x0:
      let name = Self.words(Self.vendor, count: 3)
      return Leaf(eax: Self.highestBasicLeaf, ebx: name[0], ecx: name[2], edx: name[1])
    case 0x1: return versionLeaf
    // One query; caches are described by leaf 4.
    case 0x2: return Leaf(eax: 0x00FF_0001)
    case 0x4: return cacheLeaf(index)
    case 0x5: return Self.monitorLeaf
    // ARAT: the APIC timer never stops.
    case 0x6: return Leaf(eax: 1 << 2)
    case 0x7: return index == 0 ? structuredLeaf : Leaf()
    case 0xB, 0x1F: return topologyLeaf(index)
    case 0xD: return extendedStateLeaf(index)
    case 0x15: return Leaf(eax: 1, ebx: 1, ecx: Self.frequency)
    case 0x16:
      let megahertz = Self.frequency / 1_000_000
      return Leaf(eax: megahertz, ebx: megahertz, ecx: 100)
    default: return Leaf()
    }
  }

  private var versionLeaf: Leaf {
    let count = min(UInt32(1) << packageShift, 255)
    // CLFLUSH lines of 64 bytes, in units of eight.
    let ebx = (apicID & 0xFF) << 24 | count << 16 | 8 << 8
    let threading: UInt32 = processors > 1 ? 1 << 28 : 0
    return Leaf(
      eax: Self.signature, ebx: ebx, ecx: features.flags(.version1C),
      edx: features.flags(.version1D) | threading)
  }

  private var structuredLeaf: Leaf {
    Leaf(
      ebx: features.flags(.structured7B), ecx: features.flags(.structured7C),
      edx: features.flags(.structured7D))
  }

  /// Lines of 64 bytes; MWAIT can end at an interrupt while IF is 0, and knows C1 alone.
  private static let monitorLeaf = Leaf(eax: 64, ebx: 64, ecx: 3, edx: 1 << 4)

  /// Nominal caches, for software that sizes its work by them.
  private func cacheLeaf(_ index: UInt32) -> Leaf {
    let cores = (min((UInt32(1) << packageShift), 64) - 1) << 26
    switch index {
    case 0: return Leaf(eax: cores | 1 << 8 | 1 << 5 | 1, ebx: 7 << 22 | 63, ecx: 63)
    case 1: return Leaf(eax: cores | 1 << 8 | 1 << 5 | 2, ebx: 7 << 22 | 63, ecx: 63)
    case 2: return Leaf(eax: cores | 1 << 8 | 2 << 5 | 3, ebx: 15 << 22 | 63, ecx: 1023)
    default: return Leaf()
    }
  }

  private var linearAddressWidth: UInt32 { features.contains(.la57) ? 57 : 48 }

  private func topologyLeaf(_ index: UInt32) -> Leaf {
    switch index {
    case 0: Leaf(eax: 0, ebx: 1, ecx: 1 << 8, edx: apicID)
    case 1: Leaf(eax: packageShift, ebx: processors & 0xFFFF, ecx: 2 << 8 | 1, edx: apicID)
    default: Leaf(ecx: index & 0xFF, edx: apicID)
    }
  }

  private func extendedLeaf(_ function: UInt32) -> Leaf {
    switch function {
    case 0x8000_0000: return Leaf(eax: Self.highestExtendedLeaf)
    case 0x8000_0001:
      return Leaf(ecx: features.flags(.extended1C), edx: features.flags(.extended1D))
    case 0x8000_0002...0x8000_0004:
      let name = Self.words(Self.brand, count: 12)
      let at = Int(function - 0x8000_0002) * 4
      return Leaf(eax: name[at], ebx: name[at + 1], ecx: name[at + 2], edx: name[at + 3])
    // Second-level cache: 1 MiB, 16-way, 64-byte lines.
    case 0x8000_0006: return Leaf(ecx: 1024 << 16 | 8 << 12 | 64)
    // The time-stamp counter is invariant.
    case 0x8000_0007: return Leaf(edx: 1 << 8)
    case 0x8000_0008: return Leaf(eax: UInt32(PhysicalAddress.width) | linearAddressWidth << 8)
    default: return Leaf()
    }
  }

  /// Text as little-endian words, padded with zeros.
  private static func words(_ text: String, count: Int) -> [UInt32] {
    var words = [UInt32](repeating: 0, count: count)
    for (index, byte) in text.utf8.prefix(count * 4).enumerated() {
      words[index / 4] |= UInt32(byte) << UInt32(index % 4 * 8)
    }
    return words
  }
}
