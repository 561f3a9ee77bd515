import Emulator

/// What guests say of their threads: which one runs on a processor, and what it is called.
///
/// A guest says so by two I/O ports that belong to no device, so that it may do the same on any machine.
/// A doubleword written to `runningPort` is the number of the thread that runs on this processor from then
/// on, 0 if none does. Bytes written to `namePort` before that are the thread's name.
public struct ThreadAnnouncements {
  /// Takes the bytes of a name.
  public static let namePort: UInt64 = 0x5A0
  /// Takes the number of the thread that runs.
  public static let runningPort: UInt64 = 0x5A4

  private static let longestName = 64

  /// The names, by the threads' numbers.
  public private(set) var names: [UInt64: String] = [:]
  /// Names of which the number is still to come, by processor.
  private var partial: [Int: [UInt8]] = [:]

  /// Nothing has been said.
  public init() {}

  /// What an event says.
  public enum Announcement: Equatable, Sendable {
    /// A part of a name.
    case name
    /// The number of the thread that runs now.
    case running(UInt64)
  }

  /// Whether an event belongs here.
  static func contains(_ kind: ExecutionEvent.Kind) -> Bool {
    guard case .write(.port, let address, _, _) = kind else { return false }
    return address == namePort || address == runningPort
  }

  /// Takes an event; nil if it says nothing of threads.
  public mutating func take(_ event: ExecutionEvent) -> Announcement? {
    guard case .write(.port, let address, _, let value) = event.kind else { return nil }
    switch address {
    case Self.namePort:
      var bytes = partial[event.processor] ?? []
      if bytes.count < Self.longestName { bytes.append(UInt8(truncatingIfNeeded: value)) }
      partial[event.processor] = bytes
      return .name
    case Self.runningPort:
      if let bytes = partial.removeValue(forKey: event.processor) {
        names[value] = String(decoding: bytes, as: UTF8.self)
      }
      return .running(value)
    default: return nil
    }
  }

  /// What a thread is called.
  public func name(of thread: UInt64) -> String { names[thread] ?? "thread \(thread)" }
}
