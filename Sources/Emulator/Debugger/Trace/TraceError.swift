/// Why a trace cannot be read or used: one sentence that names the file.
public struct TraceError: Error, Equatable, CustomStringConvertible {
  /// The sentence.
  public let description: String

  /// Says what is wrong with the trace `name`.
  public init(_ name: String, _ problem: String) { description = "\(name): \(problem)" }

  /// Says something that is about no file.
  public init(_ sentence: String) { description = sentence }
}
