/// Which processor CPUID describes, and with it which instructions exist.
///
/// The numbered models are the levels of the x86-64 psABI, "Micro-Architecture Levels". A level
/// says what programs may use; what only an operating system uses is in every model.
public enum ProcessorModel: String, CaseIterable, Comparable, Sendable {
  /// The first x86-64 processors: SSE2.
  case v1 = "x86-64-v1"
  /// SSE3 to SSE4.2, CMPXCHG16B, LAHF, POPCNT.
  case v2 = "x86-64-v2"
  /// AVX, AVX2, BMI1, BMI2, F16C, FMA, LZCNT, MOVBE, XSAVE.
  case v3 = "x86-64-v3"
  /// Everything there is here.
  case max

  /// Whether `a` lacks something that `b` has.
  public static func < (a: ProcessorModel, b: ProcessorModel) -> Bool { a.order < b.order }

  private var order: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
