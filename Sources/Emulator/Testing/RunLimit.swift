import Emulator

/// How long a machine may take for something.
public struct RunLimit: Equatable, Sendable, CustomStringConvertible {
  /// Instructions that may retire.
  public var instructions: UInt64
  /// Nanoseconds of virtual time that may pass.
  public var nanoseconds: UInt64

  /// A thousand million instructions, or ten minutes of virtual time: enough for most kernels to
  /// boot, and over in seconds where something hangs.
  public static let usual = RunLimit(instructions: 1_000_000_000, nanoseconds: 600_000_000_000)

  /// A limit of both kinds.
  public init(instructions: UInt64 = .max, nanoseconds: UInt64 = .max) {
    self.instructions = instructions
    self.nanoseconds = nanoseconds
  }

  /// So many instructions, of all processors together.
  public static func instructions(_ count: UInt64) -> RunLimit { RunLimit(instructions: count) }

  /// So much virtual time.
  public static func time(_ duration: Duration) -> RunLimit {
    let (seconds, attoseconds) = duration.components
    let longest = UInt64.max / 1_000_000_000 - 1
    let whole = min(UInt64(clamping: seconds), longest) * 1_000_000_000
    return RunLimit(nanoseconds: whole + UInt64(clamping: attoseconds / 1_000_000_000))
  }

  /// The limit in words.
  public var description: String {
    var parts: [String] = []
    if instructions != .max { parts.append("\(instructions) instructions") }
    if nanoseconds != .max { parts.append("\(Duration.nanoseconds(Int64(clamping: nanoseconds)))") }
    return parts.isEmpty ? "any time" : parts.joined(separator: " and ")
  }
}

extension Machine {
  /// What is left of a limit that began when the machine stood at these counts.
  func rest(of limit: RunLimit, from start: (instructions: UInt64, nanoseconds: UInt64)) -> RunLimit
  {
    let instructions = instructionCount &- start.instructions
    let time = now &- start.nanoseconds
    return RunLimit(
      instructions: limit.instructions - min(limit.instructions, instructions),
      nanoseconds: limit.nanoseconds - min(limit.nanoseconds, time))
  }
}
