import Glibc

/// Why the host could not do what was asked: one sentence that names the file or address.
public struct HostError: Error, Equatable, CustomStringConvertible {
  /// What a front end may treat in its own way.
  public enum Kind: Sendable {
    /// Standard output has nobody who reads it any more.
    case closedOutput
    /// Anything else.
    case other
  }

  /// The sentence.
  public let description: String
  /// What a front end may treat in its own way.
  public let kind: Kind

  /// Says what went wrong with `name`.
  public init(_ name: String, _ problem: String, kind: Kind = .other) {
    self.kind = kind
    description = "\(name): \(problem)"
  }

  /// Says what could not be done with `name`, and the system's reason.
  init(_ name: String, _ problem: String, errno number: Int32) {
    kind = .other
    let reason = strerror(number).map { String(cString: $0) } ?? "error \(number)"
    description = "\(name): \(problem): \(reason)"
  }
}
