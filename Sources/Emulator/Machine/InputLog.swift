/// Everything that came from outside while a machine ran, in order.
///
/// The same image, configuration and log give the same execution.
public struct InputLog: Equatable, Sendable, Codable {
  /// Bytes that arrived at one place at one moment.
  public struct Entry: Equatable, Sendable, Codable {
    /// Instructions that had retired.
    public let instructionCount: UInt64
    /// The virtual time, which says more while every processor was halted.
    public let time: UInt64
    /// The serial port, 0 for COM1; or one of the numbers below.
    public let port: Int
    /// What arrived.
    public let bytes: [UInt8]

    /// Makes an entry.
    public init(instructionCount: UInt64, time: UInt64, port: Int, bytes: [UInt8]) {
      self.instructionCount = instructionCount
      self.time = time
      self.port = port
      self.bytes = bytes
    }
  }

  /// The number of the virtio console in place of a serial port's.
  public static let virtioConsole = 0x100
  /// The number of the network, where an entry is a frame, in place of a serial port's.
  public static let network = 0x101

  /// The number of the keyboard, where an entry is text to type, in place of a serial port's.
  public static let keyboard = 0x102

  /// The number of a timer that fires early, in place of a serial port's: a byte says which, that
  /// of the local APIC of a processor or, 255, the 8254.
  public static let timer = 0x104

  /// The number of the debug console, which sends only, in place of a serial port's.
  public static let debugConsole = 0x103

  /// The entries, the earliest first.
  public private(set) var entries: [Entry] = []

  /// Makes an empty log.
  public init() {}

  /// Makes a log of entries, the earliest first.
  public init(_ entries: [Entry]) { self.entries = entries }

  /// Forgets everything but the first `count` entries.
  mutating func truncate(to count: Int) {
    if count < entries.count { entries.removeSubrange(count...) }
  }

  /// Adds what happened after everything else in the log.
  public mutating func append(_ entry: Entry) { entries.append(entry) }
}
