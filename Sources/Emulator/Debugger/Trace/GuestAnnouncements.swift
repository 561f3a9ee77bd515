import Emulator

/// What guests say of themselves: which thread runs on a processor, and what threads, address spaces
/// and system calls are called.
///
/// A guest says so by I/O ports that belong to no device, so that it may do the same on any machine.
/// Bytes written to `namePort` are a name; the doubleword that the same processor writes to another port
/// then is the number of what is called so.
public struct GuestAnnouncements {
  /// Takes the bytes of a name.
  public static let namePort: UInt64 = 0x5A0
  /// Takes the number of the thread that runs on this processor from now on, 0 if none does.
  public static let threadPort: UInt64 = 0x5A4
  /// Takes the number of a system call.
  public static let callPort: UInt64 = 0x5B0
  /// Takes the number of the page frame with the highest table of an address space.
  public static let spacePort: UInt64 = 0x5B4

  private static let longestName = 64
  private static let ports = [namePort, threadPort, callPort, spacePort]

  /// The threads' names, by their numbers.
  public private(set) var threads: [UInt64: String] = [:]
  /// The system calls' names, by their numbers.
  public private(set) var calls: [UInt64: String] = [:]
  private var spaces: [UInt64: String] = [:]
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
    /// The number of a system call that has a name.
    case call(UInt64)
    /// The page frame of an address space that has a name.
    case space(UInt64)
  }

  /// Whether an event belongs here.
  static func contains(_ kind: ExecutionEvent.Kind) -> Bool {
    guard case .write(.port, let address, _, _) = kind else { return false }
    return ports.contains(address)
  }

  /// Takes an event; nil if it says nothing.
  public mutating func take(_ event: ExecutionEvent) -> Announcement? {
    guard case .write(.port, let address, _, let value) = event.kind else { return nil }
    switch address {
    case Self.namePort:
      var bytes = partial[event.processor] ?? []
      if bytes.count < Self.longestName { bytes.append(UInt8(truncatingIfNeeded: value)) }
      partial[event.processor] = bytes
      return .name
    case Self.threadPort:
      if let name = takeName(event.processor) { threads[value] = name }
      return .running(value)
    case Self.callPort:
      calls[value] = takeName(event.processor)
      return .call(value)
    case Self.spacePort:
      spaces[value] = takeName(event.processor)
      return .space(value)
    default: return nil
    }
  }

  private mutating func takeName(_ processor: Int) -> String? {
    partial.removeValue(forKey: processor).map { String(decoding: $0, as: UTF8.self) }
  }

  /// What a thread is called.
  public func name(ofThread thread: UInt64) -> String { threads[thread] ?? "thread \(thread)" }

  /// What the address space is called whose highest table is in a page frame; nil if nobody said.
  public func name(ofSpace frame: UInt64) -> String? { spaces[frame] }
}
