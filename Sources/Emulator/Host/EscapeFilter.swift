/// Finds the commands behind the escape key, Ctrl-A, in what a user types.
public struct EscapeFilter {
  /// What the user asked for.
  public enum Command: Equatable, Sendable {
    /// Ctrl-A x: end the run.
    case quit
    /// Ctrl-A h: list the keys.
    case help
    /// Ctrl-A c: the monitor.
    case monitor
    /// Ctrl-A and a key that means nothing.
    case unknown(UInt8)
  }

  /// Ctrl-A.
  public static let escape: UInt8 = 1

  private var isEscaped = false

  /// Makes a filter that has seen nothing.
  public init() {}

  /// Splits input into what the guest gets and the last command in it.
  ///
  /// What follows a quit is dropped. Ctrl-A twice gives the guest one Ctrl-A.
  public mutating func filter(_ bytes: [UInt8]) -> (forGuest: [UInt8], command: Command?) {
    var forGuest: [UInt8] = []
    var command: Command?
    for byte in bytes {
      guard isEscaped else {
        if byte == Self.escape { isEscaped = true } else { forGuest.append(byte) }
        continue
      }
      isEscaped = false
      switch byte {
      case Self.escape: forGuest.append(byte)
      case UInt8(ascii: "x"), UInt8(ascii: "X"): return (forGuest, .quit)
      case UInt8(ascii: "h"), UInt8(ascii: "H"), UInt8(ascii: "?"): command = .help
      case UInt8(ascii: "c"), UInt8(ascii: "C"): command = .monitor
      default: command = .unknown(byte)
      }
    }
    return (forGuest, command)
  }
}
